"""`quartet up`: a cluster on this machine, watched over."""

import functools
import os
import re
import signal
import socket
import subprocess

import greenstalk
import pytest

from harness import BUILD, DEADLINE_S, QUARTET, eventually, free_port, free_ports_in_a_row, http, run

OFFSETS = [base + i for base in (0, 10, 20) for i in range(3)]
BLOCK = 30  # the next system's ports, or the next try
TWINS = BUILD / "test/system/quartet-twins"  # two systems: twins.c


class Up:
    """`quartet up`, at ports of its own or at those that it finds (port=None)."""

    def __init__(self, directory, *words, systems=("queue",), program=QUARTET, port=0, data="up"):
        self.log = directory / f"up-{free_port()}.log"
        self.number = len(systems)
        offsets = [offset + BLOCK * i for offset in OFFSETS for i in range(self.number)]
        words = [program, "up", *systems, *words]
        if port is not None:
            words += ["--port", port or free_ports_in_a_row(offsets)]
        if data is not None:
            words += ["--data", directory / data]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=directory)

    def output(self):
        return self.log.read_text()

    @property
    def ports(self):
        """Of the first nodes' clients, one a system."""
        if self.process.poll() is not None:
            raise AssertionError(f"exited with {self.process.returncode}:\n{self.output()}")
        found = re.findall(r"node 1  clients 127.0.0.1:(\d+)", self.output())
        return [int(port) for port in found]

    @functools.cached_property
    def port(self):
        return eventually(lambda: self.ports, "it shows its nodes")[0]

    def wait_healthy(self, nodes=3, port=None):
        port = port or self.port
        for i in range(nodes):
            eventually(lambda i=i: http(port + 20 + i, "/health")[0] == 200, f"node {i + 1}")

    def pids(self):
        return [int(pid) for pid in re.findall(r"/status   pid (\d+)", self.output())]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def up(tmp_path):
    started = []

    def start(*words, **options):
        started.append(Up(tmp_path, *words, **options))
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
    seconds = [int(at) for at in re.findall(r"^ *(\d+) s  put ", one.output(), re.MULTILINE)]
    assert seconds == sorted(seconds)  # the line at the end, too


def test_addresses_stand_below_what_nodes_say_while_they_start(up):
    one = up()
    eventually(lambda: one.ports, "they are shown")
    said, _, shown = one.output().partition("A work queue of 3 nodes")
    assert " raft role=leader " in said
    assert [f"node {i}  clients" in shown for i in (1, 2, 3)] == [True] * 3


def test_people_chat_in_the_demo_of_the_chat(up):
    def chatted():
        found = re.findall(r"posts (\d+)  seen (\d+)", one.output())
        return found and int(found[-1][0]) > 0 and int(found[-1][1]) >= 3 * int(found[-1][0]) - 2

    one = up("--demo", systems=("chat",))
    eventually(chatted, "all see what is posted")
    assert f"Open http://127.0.0.1:{one.port} in a browser" in one.output()
    assert one.stop() == 0


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


def taken(port):
    """A program that listens there: this one, or one that did before."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
        server.listen()
    except OSError:
        pass
    return server


def test_a_taken_port_moves_the_cluster_which_finds_its_data_again(up):
    """Where its data lies does not hang on what other programs do; its members find one another at
    other ports than those that they founded it with."""
    with taken(11300), taken(11331):
        one = up(port=None, data=None)
        assert one.port >= 11360 and (one.port - 11300) % BLOCK == 0
        moves = re.search(r"up: .*127.0.0.1:11300: another program .*; queue moves to (\d+)\n",
                          one.output())
        assert int(moves.group(1)) == one.port
        one.wait_healthy()
        with greenstalk.Client(("127.0.0.1", one.port)) as client:
            client.put("kept")
        moved_to = one.port
        assert one.stop() == 0
    with taken(moved_to):
        one = up(port=None, data=None)
        assert one.port != moved_to
        one.wait_healthy()
        with greenstalk.Client(("127.0.0.1", one.port)) as client:
            assert client.reserve(5).body == "kept"
        assert one.stop() == 0


def test_two_side_by_side(up):
    one = up(port=None, data=None)
    one.wait_healthy()
    other = up(port=None, data=None)
    other.wait_healthy()
    assert abs(other.port - one.port) >= BLOCK
    said = re.compile(r"on this machine; data in (\S+)\n")  # not by a node, of its own
    first, second = (said.search(each.output()).group(1) for each in (one, other))
    assert first != second and f"up: {first} is in use by a cluster that runs" in other.output()
    with greenstalk.Client(("127.0.0.1", one.port)) as client:
        client.put("not seen by the other")
    with greenstalk.Client(("127.0.0.1", other.port)) as client:
        assert client.stats()["total-jobs"] == 0
    assert [each.stop() for each in (one, other)] == [0, 0]


def test_several_systems_side_by_side(up):
    one = up("--demo", systems=("queue", "twin"), program=TWINS)
    queue, twin = eventually(lambda: one.ports if len(one.ports) == 2 else None, "both are shown")
    assert twin == queue + BLOCK
    for port in (queue, twin):
        one.wait_healthy(port=port)
    for name in ("queue", "twin"):
        made = rf"^{name} +\d+ s  put \d+ .*done [1-9]"
        eventually(lambda made=made: re.search(made, one.output(), re.MULTILINE), f"demo of {name}")
    assert re.search(r"Z twin node 2: clients at", one.output())
    os.kill(one.pids()[5], signal.SIGKILL)
    eventually(lambda: "up: twin node 3 was ended by signal 9" in one.output(), "it is noticed")
    one.wait_healthy(port=twin)
    assert one.stop() == 0
    assert one.output().count("all nodes have stopped") == 1


def test_all_is_every_system_at_its_own_ports(up):
    one = up(systems=("all",), program=TWINS, port=None, data=None)
    queue, twin = eventually(lambda: one.ports if len(one.ports) == 2 else None, "both are shown")
    assert (queue - 11300) % BLOCK == 0 and (twin - 11400) % BLOCK == 0
    for port in (queue, twin):
        one.wait_healthy(port=port)
    assert re.findall(r"on this machine; data in (\S+)\n", one.output()) == ["quartet-data/up-11300",
                                                                "quartet-data/up-11400"]
    assert one.stop() == 0
