"""What --fsync never may lose, and that it says so: a machine that lost its power, a sync that
failed. And what a newer quartet wrote is refused by name."""

import os
import shutil
import subprocess

import pytest

from harness import QUARTET, eventually
from test_single import batches, crc32c, newest_segment, put_many, take_all

META = 1  # a record of the log: specs/disk.md
BOOT_AT = 8 + 4 + 8 + 1 + 1  # in its content

FAILING_SYNC = """
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd)
{
    if (access(getenv("SYNC_FAILS_IF"), F_OK) != 0) return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}
"""


@pytest.fixture
def never(place):
    return place.node(fsync="never").start_and_wait()


def seal(blob, offset):
    """Both checksums of the batch at the offset anew."""
    size = int.from_bytes(blob[offset + 4 : offset + 8], "little")
    body = blob[offset + 48 : offset + 48 + size]
    blob[offset + 40 : offset + 44] = crc32c(body).to_bytes(4, "little")
    blob[offset + 44 : offset + 48] = crc32c(blob[offset : offset + 44]).to_bytes(4, "little")


def as_if_of_another_boot(segment):
    """As if another run of the operating system had written it."""
    offsets, _ = batches(segment)
    blob = bytearray(segment.read_bytes())
    for offset in offsets:
        at = offset + 48
        end = at + int.from_bytes(blob[offset + 4 : offset + 8], "little")
        while at < end:
            if blob[at + 6] == META:
                blob[at + 8 + BOOT_AT] ^= 0xFF
            at += 8 + int.from_bytes(blob[at : at + 4], "little")
        seal(blob, offset)
    segment.write_bytes(blob)


def hole(segment):
    """Zeros in place of a batch in the middle, as of pages that were never written back."""
    offsets, _ = batches(segment)
    middle = len(offsets) // 2
    with open(segment, "r+b") as file:
        file.seek(offsets[middle])
        file.write(bytes(offsets[middle + 1] - offsets[middle]))


def test_power_cut_says_what_may_be_lost_and_goes_on(never):
    put = put_many(never, 100)
    never.kill()
    segment = newest_segment(never)
    hole(segment)
    as_if_of_another_boot(segment)
    never.start_and_wait()
    assert "the last writes may be lost" in never.output()
    assert segment.name in never.output()
    more = put_many(never, 10, first=1000)
    never.kill()
    never.start_and_wait()  # what stands behind the hole is not read again
    left = take_all(never)
    old = {number: body for number, body in left.items() if body not in more.values()}
    assert set(more.values()) <= set(left.values())
    assert 0 < len(old) < len(put) and old.items() <= put.items()


def test_hole_without_another_boot_is_damage(never):
    put_many(never, 100)
    never.kill()
    hole(newest_segment(never))
    never.start()
    assert never.wait() == 1
    assert "Not starting" in never.output()


def test_power_cut_without_a_hole_loses_nothing(never):
    put = put_many(never, 100)
    never.kill()
    as_if_of_another_boot(newest_segment(never))
    never.start_and_wait()
    assert "the last writes may be lost" in never.output()
    assert take_all(never) == put


def test_failed_sync_ends_the_process_and_the_next_start_knows(place, tmp_path, monkeypatch):
    linked = subprocess.run(["ldd", QUARTET], capture_output=True, text=True, check=True).stdout
    if "asan" in linked or shutil.which("cc") is None:
        pytest.skip("needs cc, and a build without sanitizers")
    source, shim, trigger = (tmp_path / name for name in ("shim.c", "shim.so", "fails"))
    source.write_text(FAILING_SYNC)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("SYNC_FAILS_IF", str(trigger))
    node = place.node(fsync="never").start_and_wait()
    put = put_many(node, 20)
    trigger.touch()
    assert node.stop() == os.EX_IOERR  # the clean-stop mark could not be made durable
    assert (node.data / "unsynced").exists()
    trigger.unlink()
    node.start_and_wait()
    assert "a sync failed under --fsync never" in node.output()
    eventually(lambda: not (node.data / "unsynced").exists(), "the mark is gone")
    assert take_all(node) == put


def test_snapshot_of_a_newer_format_is_refused(place):
    node = place.node()
    node.data.mkdir(parents=True)
    header = b"QSNP" + (9).to_bytes(2, "little") + (1).to_bytes(2, "little") + bytes(56)
    chunk = len(header).to_bytes(4, "little") + crc32c(header).to_bytes(4, "little") + header
    (node.data / "snapshot-0000000000000001").write_bytes(chunk + bytes(8))
    node.start()
    assert node.wait() == 1
    assert "snapshot format 9, this quartet reads 2; use a newer quartet" in node.output()
