"""`quartet up`: a cluster on this machine, watched over."""

import os
import re
import signal
import subprocess

import greenstalk
import pytest

from harness import DEADLINE_S, QUARTET, eventually, free_ports_in_a_row, http, run

OFFSETS = [base + i for base in (0, 10, 20) for i in range(3)]


class Up:
    def __init__(self, directory, *words):
        self.log = directory / "up.log"
        self.port = free_ports_in_a_row(OFFSETS)
        words = [QUARTET, "up", "queue", "--port", self.port, "--data", directory / "up", *words]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def output(self):
        return self.log.read_text()

    def wait_healthy(self, nodes=3):
        for i in range(nodes):
            eventually(lambda i=i: http(self.port + 20 + i, "/health")[0] == 200, f"node {i + 1}")

    def pids(self):
        return [int(pid) for pid in re.findall(r"pid (\d+)", self.output())]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def up(tmp_path):
    started = []

    def start(*words):
        started.append(Up(tmp_path, *words))
        return started[-1]

    yield start
    for one in started:
        pids = one.pids()
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        print(one.output()[-4000:])
        for pid in pids:  # they follow their parent
            eventually(lambda pid=pid: not alive(pid), f"process {pid} ends with its parent")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def progress(text):
    """(put, done) of the last line of progress."""
    found = re.findall(r"put (\d+) .*?done (\d+) ", text)
    return tuple(map(int, found[-1])) if found else (0, 0)


def test_demo_survives_a_killed_node_and_drains(up):
    one = up("--demo")
    one.wait_healthy()
    eventually(lambda: progress(one.output())[1] > 5, "tasks are done")
    os.kill(one.pids()[0], signal.SIGKILL)
    eventually(lambda: "node 1 was ended by signal 9" in one.output(), "it is noticed")
    one.wait_healthy()
    before = progress(one.output())[1]
    eventually(lambda: progress(one.output())[1] > before + 5, "the demo goes on")
    assert re.search(r"leader node \d", one.output())
    assert one.stop() == 0
    assert "all nodes have stopped" in one.output()


def test_data_stays_and_another_size_is_refused(up, tmp_path):
    one = up()
    one.wait_healthy()
    with greenstalk.Client(("127.0.0.1", one.port)) as client:
        client.put("kept")
    assert one.stop() == 0
    done = run("up", "queue", "--nodes", 1, "--data", tmp_path / "up", "--port", one.port)
    assert done.returncode == 1 and "holds a cluster of 3 nodes" in done.stderr


def test_the_data_of_a_running_cluster_is_refused(up, tmp_path):
    one = up()
    one.wait_healthy()
    done = run("up", "queue", "--data", tmp_path / "up", "--port", free_ports_in_a_row(OFFSETS))
    assert done.returncode == 1 and "could not start" in done.stdout
    assert "in use by another process (pid" in done.stderr
    assert all(alive(pid) for pid in one.pids())


def test_one_node(up):
    one = up("--nodes", "1", "--fsync", "never")
    one.wait_healthy(1)
    with greenstalk.Client(("127.0.0.1", one.port)) as client:
        assert client.put("alone") == 1
    assert one.stop() == 0


def test_children_follow_a_killed_parent(up):
    one = up()
    one.wait_healthy()
    pids = one.pids()
    one.process.kill()
    one.process.wait()
    for pid in pids:
        eventually(lambda pid=pid: not alive(pid), f"process {pid} ends")
