"""The protocol's corners, byte for byte beside a real beanstalkd: the same bytes in, the same out.

Each script starts in a tube of its own. Numbers of jobs are compared from the script's first on:
beanstalkd uses one up for a put that lacks its line end, we do not. Statistics are left out: 1.12 and
1.13 lay them out differently.
"""

import re
import shutil
import subprocess

import pytest

from harness import Node, Wire, eventually, free_port

SCRIPTS = {
    "put and reserve": b"put 0 0 10 5\r\nhello\r\nreserve\r\ndelete 1\r\n",
    "empty body": b"put 0 0 10 0\r\n\r\nreserve\r\n",
    "body with line ends": b"put 0 0 10 6\r\na\r\nb\r\n\r\nreserve\r\n",
    "pipelined behind a reserve": b"reserve-with-timeout 0\r\nput 1 0 9 1\r\nx\r\nreserve\r\nusing\r\n",
    "no such command": b"nothing\r\nput\r\nPUT 0 0 1 1\r\n\r\n",
    "case matters": b"Delete 1\r\n",
    "bad numbers": b"put a 0 1 1\r\ndelete x\r\ndelete -1\r\ndelete 99999999999999999999999\r\n",
    "numbers too large": b"put 4294967296 0 1 1\r\nput 4294967295 0 1 1\r\nx\r\n",
    "trailing words": b"reserve now\r\nlist-tubes please\r\ndelete 1 2\r\n",
    "job too big": b"put 0 0 1 65536\r\n" + b"y" * 65536 + b"\r\nlist-tube-used\r\n",
    "largest job": b"put 0 0 1 65535\r\n" + b"y" * 65535 + b"\r\nlist-tube-used\r\n",
    "no line end after the body": b"put 0 0 1 3\r\nabcde\r\nlist-tube-used\r\n",
    "long line": b"use " + b"t" * 300 + b"\r\nlist-tube-used\r\n",
    "longest name": b"use " + b"t" * 200 + b"\r\nlist-tube-used\r\n",
    "name too long": b"use " + b"t" * 201 + b"\r\n",
    "name begins with a dash": b"use -a\r\nwatch -a\r\npause-tube -a 1\r\n",
    "odd names": b"use a+/;.$_()-0\r\nuse a*b\r\nuse a b\r\n",
    "ignore the last": b"watch b\r\nignore b\r\nignore b\r\nignore nothing\r\n",
    "not found": b"delete 9999\r\nbury 9999 0\r\nrelease 9999 0 0\r\ntouch 9999\r\nkick-job 9999\r\n"
    b"peek 9999\r\nreserve-job 9999\r\nstats-job 9999\r\nstats-tube no-such\r\n",
    "peek nothing": b"peek-ready\r\npeek-delayed\r\npeek-buried\r\n",
    "bury and kick": b"put 5 0 10 1\r\na\r\nreserve\r\nbury %d 7\r\npeek-buried\r\nkick 9\r\nkick 1\r\n",
    "delayed and kick": b"put 5 100 10 1\r\na\r\npeek-delayed\r\nkick 1\r\nreserve-with-timeout 0\r\n",
    "release": b"put 5 0 10 1\r\na\r\nreserve\r\nrelease %d 1 0\r\nreserve\r\ntouch %d\r\n",
    "priorities": b"put 9 0 1 1\r\na\r\nput 1 0 1 1\r\nb\r\nput 5 0 1 1\r\nc\r\n" + b"reserve\r\n" * 3,
    "deadline soon": b"put 0 0 1 1\r\na\r\nreserve\r\nreserve-with-timeout 5\r\n",
    "pause": b"pause-tube no-such 1\r\npause-tube default 0\r\n",
    "kick bounds": b"kick\r\nkick x\r\nkick 0\r\nkick -1\r\n",
    "timeouts": b"reserve-with-timeout\r\nreserve-with-timeout 0\r\n",
    "bare line feed": b"list-tube-used\nlist-tube-used\r\n",
    "zero byte": b"list-tube\x00-used\r\nlist-tube-used\r\n",
    "quit": b"list-tube-used\r\nquit\r\nlist-tube-used\r\n",
}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(our address, beanstalkd's address)"""
    beanstalkd = shutil.which("beanstalkd")
    if beanstalkd is None:
        pytest.skip("no beanstalkd here to compare with")
    port = free_port()
    peer = subprocess.Popen([beanstalkd, "-l", "127.0.0.1", "-p", str(port)])
    node = Node(tmp_path_factory.mktemp("corners"))
    try:
        eventually(lambda: Wire(("127.0.0.1", port)).close() or True, "beanstalkd listens")
        yield node.start_and_wait().address, ("127.0.0.1", port)
    finally:
        node.kill()
        peer.kill()
        peer.wait()


def next_job_id(address):
    with Wire(address) as wire:
        wire.say("use numbers\r\nput 0 0 1 1\r\nx\r\n")
        wire.line()
        return int(wire.line().split()[1]) + 1


def numbered_from(first, line):
    return re.sub(
        rb"^(INSERTED|RESERVED|FOUND) (\d+)",
        lambda found: b"%s #%d" % (found[1], int(found[2]) - first),
        line,
    )


def converse(address, name, piece=None):
    """Everything that is answered up to a mark that ends the script."""
    first = next_job_id(address)
    tube = name.replace(" ", "-").encode()
    script = SCRIPTS[name].replace(b"%d", str(first).encode()) + b"use end-mark\r\n"
    if b"default" not in script:
        script = b"use %s\r\nwatch %s\r\nignore default\r\n" % (tube, tube) + script
    heard = []
    with Wire(address) as wire:
        for at in range(0, len(script), piece or len(script)):
            wire.say(script[at : at + (piece or len(script))])
        while not heard or heard[-1] not in (b"USING end-mark\r\n", b""):
            heard.append(numbered_from(first, wire.line()))
    with Wire(address) as wire:  # nothing is left behind for the next script of this tube
        for job_id in range(first, first + 5):
            wire.ask(f"delete {job_id}\r\n")
    return heard


@pytest.mark.parametrize("name", SCRIPTS)
def test_same_answers(both, name):
    ours, theirs = (converse(address, name) for address in both)
    assert ours == theirs and len(ours) > 1


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
@pytest.mark.parametrize("name", ["release", "body with line ends", "long line"])
def test_same_answers_in_small_pieces(both, name, piece):
    ours, theirs = (converse(address, name, piece) for address in both)
    assert ours == theirs
