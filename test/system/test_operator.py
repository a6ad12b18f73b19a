"""What a node's surroundings do to it: pipes that nobody reads, few descriptors."""

import contextlib
import os
import re
import resource
import signal
import socket

import greenstalk
import pytest

from harness import DEADLINE_S, Wire, eventually, run

FILES = 256  # `ulimit -n`


def test_nobody_reads_what_it_says(place):
    """A supervisor that stalls, a terminal that was stopped: its full pipe stops no node."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    node = place.node()
    node.stderr = writing
    node.start_and_wait()
    os.close(writing)
    with Wire(node.address) as client:
        assert client.ask("put 0 0 60 1\r\nx\r\n") == b"INSERTED 1\r\n"
    assert node.stop() == 0
    os.close(reading)


def few_files(node, files):
    node.before_exec = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    return node


def test_idle_clients_leave_the_log_its_descriptors(place):
    """300 connections against 256 descriptors, and segments begin and end meanwhile."""
    node = few_files(place.node(segment_bytes=1 << 20), FILES).start_and_wait()
    assert "clients may connect, not 10000: open files are limited to 256" in node.output()
    idle = [socket.create_connection(node.address, DEADLINE_S) for _ in range(300)]
    eventually(lambda: node.http("/health")[0] == 200, "the admin port answers")
    for sock in idle[250:]:
        sock.close()
    for sock in idle[:20]:
        sock.close()

    def works():
        try:
            with greenstalk.Client(node.address) as client:
                for i in range(400):
                    client.delete(client.put("x" * 20000))
            return True
        except (OSError, EOFError, greenstalk.Error):
            return False  # the places of those that left are not free yet

    eventually(works, "clients are served again")
    assert node.running()
    for sock in idle[20:250]:
        sock.close()
    assert node.stop() == 0


def test_too_few_descriptors_to_begin_with(place):
    node = few_files(place.node(), 100)
    node.start()
    assert node.wait() == 1
    assert "a limit of 100 open files is too low (ulimit -n)" in node.output()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])  # beanstalkd's: no more puts
def test_a_signal_that_asks_for_nothing_does_no_harm(node, number):
    node.signal(number)
    with Wire(node.address) as client:
        assert client.ask("put 0 0 60 1\r\nx\r\n") == b"INSERTED 1\r\n"
    assert node.stop() == 0


def test_every_command_says_which_quartet_it_is():
    said = run("--version").stdout
    assert said.startswith("quartet ")
    for command in ("queue", "up", "status", "members", "log", "sim", "check"):
        asked = run(command, "--version")
        assert (asked.returncode, asked.stdout, asked.stderr) == (0, said, "")


def test_a_port_that_the_system_chooses_is_told(place):
    node = place.node()
    node.port = 0
    node.start()
    told = eventually(
        lambda: re.search(r"clients at 127\.0\.0\.1:(\d+),", node.output()), "it says where it listens"
    )
    with Wire(("127.0.0.1", int(told[1]))) as client:
        assert client.ask("put 0 0 60 1\r\nx\r\n") == b"INSERTED 1\r\n"
