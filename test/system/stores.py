"""Clients of the store that no one here wrote."""

import json
import os
import shutil
import subprocess

import pytest
import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry

from harness import DEADLINE_S, eventually


def client_of(node, **more):
    return redis.Redis(host=node.host, port=node.port, socket_timeout=DEADLINE_S, **more)


def cluster_client(nodes, **more):
    """Follows redirects, and asks nothing twice of which it heard no answer."""
    startup = [ClusterNode(node.host, node.port) for node in nodes]
    more = {"socket_timeout": 2, "retry": Retry(NoBackoff(), 0), **more}
    return RedisCluster(startup_nodes=startup, dynamic_startup_nodes=False, **more)


def sure(do):
    """What it answers, once the cluster takes it."""
    def tried():
        try:
            return [do()]
        except (redis.RedisError, OSError):
            return None

    return eventually(tried, "the cluster takes it")[0]


def run_ioredis(place, program, nodes, *words):
    """What the program printed, which is told these words and the ports of the nodes."""
    modules = os.environ.get("NODE_PATH")
    if shutil.which("node") is None or not modules:
        pytest.skip("needs node, and NODE_PATH")
    path = place / "program.mjs"
    path.write_text(program)
    if not (place / "node_modules").exists():
        (place / "node_modules").symlink_to(modules)
    words = [str(word) for word in (*words, *(node.port for node in nodes))]
    done = subprocess.run(["node", path, *words], capture_output=True, text=True,
                          timeout=2 * DEADLINE_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
