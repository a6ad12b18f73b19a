"""Fixtures: nodes and clusters in temporary directories, killed when the test is over."""

import subprocess

import pytest

from harness import Cluster, Node
from netns import PlacedCluster, network_or_skip


@pytest.fixture
def place(tmp_path):
    """Starts things and forgets none of them. What the nodes said is shown when a test fails."""
    started = []

    class Place:
        directory = tmp_path

        def node(self, number=1, directory=None, **options):
            node = Node(directory or tmp_path, number, **options)
            started.append(node)
            return node

        def cluster(self, count=3, directory=None, **options):
            where = directory or tmp_path
            where.mkdir(exist_ok=True)
            cluster = Cluster(where, count, **options)
            started.extend(cluster.nodes)
            return cluster

    yield Place()
    for node in started:
        node.kill()
        if node.log.exists():
            print(f"--- {node.log.name}\n{node.output()[-4000:]}")


@pytest.fixture
def node(place):
    return place.node().start_and_wait()


@pytest.fixture
def cluster(place):
    return place.cluster().start()


@pytest.fixture
def placed_cluster(tmp_path):
    """Three nodes, each on a machine of its own as far as the network goes."""
    network = network_or_skip()
    try:
        cluster = PlacedCluster(network, tmp_path)
        try:
            yield cluster.start()
        finally:
            cluster.kill()
            for node in cluster.nodes:
                print(f"--- {node.log.name}\n{node.output()[-4000:]}")
    finally:
        network.remove()


@pytest.fixture
def small_disk(tmp_path):
    where = tmp_path / "disk"
    where.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", where], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small tmpfs: {mounted.stderr.strip()}")
    yield where
    subprocess.run(["umount", "-l", where], check=True)
