"""--memory-max counts all that is held, for clients too."""

import contextlib
import sys
from pathlib import Path

import greenstalk
import pytest

from harness import Wire, eventually

MIB = 1 << 20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def peak_mib(node):
    """The most memory that the process ever had."""
    for line in Path(f"/proc/{node.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmHWM")


def test_memory_max_counts_what_is_not_finished(place):
    """A body that has not come to its end is held like any other: 40 of 8 MiB do not fit 10 MiB."""
    size = 8 * MIB
    node = place.node(memory_max=10 * MIB, max_job_size=size).start_and_wait()
    before = peak_mib(node)
    half = b"x" * (size // 2)
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(node.address)) for _ in range(40)]
        for wire in wires:
            wire.say(f"put 0 0 60 {size}\r\n")
            wire.say(half)
        with greenstalk.Client(node.address) as client:
            assert client.stats()["current-connections"] == 41  # it answers meanwhile
        for wire in wires:
            wire.say(half)
        heard = [wire.ask("\r\n") for wire in wires]
        assert heard.count(b"OUT_OF_MEMORY\r\n") > 30
        assert wires[0].ask("stats-tube none\r\n") == b"NOT_FOUND\r\n"  # all of it was dropped
    assert peak_mib(node) - before < 60
    with greenstalk.Client(node.address) as client:
        assert client.put("there is room again") > 0


def test_memory_max_counts_what_nobody_reads(place):
    node = place.node(memory_max=10 * MIB).start_and_wait()
    with greenstalk.Client(node.address) as client:
        job = client.put("x" * 60000)
    before = peak_mib(node)
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            wire = stack.enter_context(Wire(node.address))
            wire.say(f"peek {job}\r\n" * 1000)
        with greenstalk.Client(node.address) as client:
            for _ in range(200):  # it goes on for one who reads
                assert client.peek(job).id == job
        assert peak_mib(node) - before < 60
    eventually(lambda: node.status()["clients"] == 0, "they are gone")
    with greenstalk.Client(node.address) as client:
        client.put("there is room again")
