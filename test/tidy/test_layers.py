"""Dependencies run one way: base <- raft, machine, protocol <- node <- sim <- server.

Read from the #include lines, so that a header cannot leak what the linker would not notice.
Each rule has a canary: text that breaks it, and that must be caught.
"""

import pytest

from rooms import INCLUDE, MAY_INCLUDE, PURE, PURE_HEADERS, c_files, read


def violations(name, text):
    """What the #include lines of src/ROOM/FILE break, as sentences."""
    _, room, *rest = name.split("/")
    found = []
    for mark, target in INCLUDE.findall(text):
        if mark == "<":
            if room in PURE and target not in PURE_HEADERS and not name.startswith("src/protocol/wire/"):
                found.append(f"{name}: a pure room may not include <{target}>")
            continue
        other = target.split("/")[0]
        if other not in MAY_INCLUDE or "/" not in target:
            found.append(f'{name}: "{target}" does not start with a room (write "room/file.h")')
        elif other != room and other not in MAY_INCLUDE[room]:
            found.append(f"{name}: {room} may not include {other} ({target})")
        elif room == "server" and other == "sim" and "sim" not in rest[-1]:
            found.append(f"{name}: only the sim subcommand of the server may include {target}")
    return found


def test_every_room_is_known():
    rooms = {name.split("/")[1] for name in c_files("src")}
    assert rooms <= set(MAY_INCLUDE)


def test_includes_follow_the_direction_of_the_rooms():
    found = [line for name in c_files("src") for line in violations(name, read(name))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "name, text",
    [
        ("src/base/canary.c", '#include "raft/raft.h"'),
        ("src/raft/canary.c", '#include "machine/machine.h"'),
        ("src/raft/canary.h", '#  include "node/node.h"'),
        ("src/machine/canary.c", '#include "protocol/protocol.h"'),
        ("src/protocol/canary.c", '#include "raft/raft.h"'),
        ("src/node/canary.c", '#include "sim/world.h"'),
        ("src/sim/canary.c", '#include "server/host.h"'),
        ("src/server/canary.c", '#include "sim/world.h"'),
        ("src/node/canary.c", '#include "node.h"'),
        ("src/node/canary.c", "#include <time.h>"),
        ("src/base/canary.h", "#include <stdio.h>"),
        ("src/raft/canary.c", "#include <errno.h>"),
    ],
)
def test_canary_is_caught(name, text):
    assert violations(name, text)


@pytest.mark.parametrize(
    "name, text",
    [
        ("src/protocol/fine.c", '#include "machine/queue.h"\n#include <string.h>'),
        ("src/server/cmd_sim.c", '#include "sim/world.h"'),
        ("src/server/fine.c", "#include <uv.h>"),
    ],
)
def test_what_is_allowed_passes(name, text):
    assert not violations(name, text)
