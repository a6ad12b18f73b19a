"""The programs of session 3 that ask small stores: what they show, in both languages."""

import json
import os
import socket
import subprocess
import sys
import threading

import pytest
from minis import NODE, PROGRAMS, SUFFIX, free_port
from rooms import EXAMPLES, STORE
from stores import Client, Cluster, Heard

RUN = {"python": sys.executable, "typescript": NODE}
PATIENCE_S = 60  # for 600 questions, each with a connection of its own


def program(language, name, ports, *words):
    return subprocess.run(
        [RUN[language], STORE / f"{name}.{SUFFIX[language]}", *words],
        env={**os.environ, "STORE_PORTS": " ".join(map(str, ports))},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


def test_a_third_machine_makes_most_sold_seats_look_free(language, tmp_path):
    machines = [Cluster([language], "step1", tmp_path / str(i)) for i in range(3)]
    try:
        for one in machines:
            one.start()
        done = program(language, "incident", [one.ports[1] for one in machines])
        assert (done.returncode, done.stderr) == (0, "")
        assert "93 seats look sold, and 207 look free, such as seat:A-1" in done.stdout
        assert done.stdout.endswith(
            "so seat:A-1 is sold once more: +OK\nmachine 1 has sold it to: nobody\n"
            "machine 2 has sold it to: anna\nmachine 3 has sold it to: ben\n"
        )
    finally:
        for one in machines:
            one.stop()


def test_a_client_is_redirected_once_and_has_learnt(language, tmp_path):
    nodes = Cluster([language], "step2", tmp_path)
    try:
        nodes.start()
        ports = [nodes.ports[id] for id in nodes.ids]
        words = ("SET", "seat:12", "anna", "GET", "seat:12", "GET", "seat:13")
        # node 1 is asked through its name in the shop, as its address
        done = program(language, "follow", ports, *words)
        assert (done.returncode, done.stderr) == (0, "")
        moved, done_there, again, *other = done.stdout.splitlines()
        assert moved.startswith("store-1:6379") and "-MOVED 6434 " in moved
        assert done_there.startswith(f"127.0.0.1:{ports[1]}") and done_there.endswith("+OK")
        assert again.startswith(f"127.0.0.1:{ports[1]}") and again.endswith("$anna")
        assert other[0].startswith("store-1:6379")  # another slot: it has not learnt that one
        with pytest.raises(Heard, match="MOVED 6434"):
            nodes.say(3, "GET", "seat:12")
    finally:
        nodes.stop()


def test_a_tap_before_a_store_writes_down_who_said_what(tmp_path):
    store = Cluster(["python"], "step1", tmp_path).start()
    tapped, events = free_port(), tmp_path / "events"
    words = [events, "box office", str(tapped), str(store.ports[1])]
    tap = subprocess.Popen(
        [sys.executable, EXAMPLES.parent / "tools/tap_store.py", *words],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert tap.stdout.readline() == "listens\n"
        client = Client(tapped)
        assert client.ask("SET", "seat:12", "anna") == "OK"
        assert client.ask("GET", "seat:12") == "anna"
        assert client.ask("GET", "seat:13") is None
        client.close()
        tap.terminate()
        assert tap.wait(PATIENCE_S) == 0
        found = [json.loads(line) for line in events.read_text().splitlines()]
        said = [(one["from"], one["to"], one["text"]) for one in found]
        office, node = "box office", "node 1"
        assert said == [
            (office, node, "SET seat:12 anna"),
            (node, office, "OK"),
            (office, node, "GET seat:12"),
            (node, office, "anna"),
            (office, node, "GET seat:13"),
            (node, office, "(nil)"),
        ]
    finally:
        tap.kill()
        tap.communicate()
        store.stop()


class Starting:
    """As Docker does for a node that is only starting: hangs up so many times, then answers."""

    def __init__(self, times):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.serve, args=(times,), daemon=True).start()

    def serve(self, times):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            with client:
                if times > 0:
                    times -= 1
                    continue
                asked = client.recv(1000)
                client.sendall(b"+PONG\r\n" if b"PING" in asked else b"$-1\r\n")


def test_nodes_that_are_only_starting_are_waited_for(language):
    nodes = [Starting(times) for times in (0, 2, 1)]
    try:
        done = program(language, "follow", [node.port for node in nodes], "GET", "seat:12")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split() == ["store-1:6379", "GET", "seat:12", "(nil)"]
        done = program(language, "incident", [node.port for node in nodes])
        assert "300 seats are sold" in done.stdout and done.returncode == 0
    finally:
        for node in nodes:
            node.listening.close()


@pytest.mark.parametrize(
    ("name", "words"), [("incident", ()), ("follow", ("GET", "seat:12"))], ids=str
)
def test_stores_that_do_not_run_are_one_clear_line(name, words, language):
    done = program(language, name, [free_port() for _ in range(3)], *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "./shop" in done.stderr
