"""Dependencies run one way, as rooms.py says; no system knows another, and nothing below a system
knows it.

Read from the #include lines, so that a header cannot leak what the linker would not notice.
Each rule has a canary: text that breaks it, and that must be caught.
"""

import pytest

from rooms import (
    INCLUDE,
    MAY_INCLUDE,
    NODE_INSIDE,
    NODE_MAY_INCLUDE,
    NODE_OPEN,
    PURE_HEADERS,
    SYSTEM_MAY_INCLUDE,
    TABLES,
    c_files,
    is_pure,
    node_room_of,
    read,
    room_of,
)


def may_include(name, target):
    """Whether src/.../FILE may include "ROOM/..."."""
    other = room_of("src/" + target)
    if name in TABLES:
        return other in TABLES[name]
    room = room_of(name)
    if not isinstance(room, tuple):
        return other == room or other in MAY_INCLUDE[room]
    house, own = SYSTEM_MAY_INCLUDE[room[1]]
    if isinstance(other, tuple):
        return other == room or (other[0] == room[0] and other[1] in own)
    return other in house


def may_include_within_node(name, target):
    """Whether the rooms of a node, too, allow that src/.../FILE includes "node/..."."""
    room = node_room_of(name)
    other = node_room_of("src/" + target)
    if target in NODE_INSIDE and room not in NODE_INSIDE[target]:
        return False
    if room is None or other is None or target in NODE_OPEN:
        return True
    return other == room or other in NODE_MAY_INCLUDE[room]


def violations(name, text):
    """What the #include lines of a file break, as sentences."""
    found = []
    for mark, target in INCLUDE.findall(text):
        if mark == "<":
            if is_pure(name) and target not in PURE_HEADERS:
                found.append(f"{name}: a pure room may not include <{target}>")
        elif "/" not in target or target.split("/")[0] not in {*MAY_INCLUDE, "systems"}:
            found.append(f'{name}: "{target}" does not start with a room (write "room/file.h")')
        elif not may_include(name, target) or not may_include_within_node(name, target):
            found.append(f"{name}: it may not include {target}: see rooms.py")
    return found


def test_every_room_is_known():
    rooms = {room_of(name) for name in c_files("src") if name not in TABLES}
    assert {room for room in rooms if isinstance(room, str)} <= set(MAY_INCLUDE)
    assert {room[1] for room in rooms if isinstance(room, tuple)} <= set(SYSTEM_MAY_INCLUDE)


def test_every_room_of_a_node_is_known():
    rooms = {node_room_of(name) for name in c_files("src/node")}
    assert rooms == set(NODE_MAY_INCLUDE)


def test_includes_follow_the_direction_of_the_rooms():
    found = [line for name in c_files("src") for line in violations(name, read(name))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "name, text",
    [
        ("src/base/canary.c", '#include "raft/raft.h"'),
        ("src/raft/canary.c", '#include "contract/machine.h"'),
        ("src/raft/canary.h", '#  include "node/node.h"'),
        ("src/contract/canary.h", '#include "wire/json.h"'),
        ("src/wire/canary.c", '#include "contract/protocol.h"'),
        ("src/node/canary.c", '#include "sim/world.h"'),
        ("src/node/canary.c", '#include "systems/queue/machine/queue.h"'),
        ("src/node/turn/canary.c", '#include "node/disk/wal.h"'),
        ("src/node/disk/canary.c", '#include "node/group/replica.h"'),
        ("src/node/peers/canary.c", '#include "node/group/group.h"'),
        ("src/node/peers/canary.h", '#include "node/clients/clients.h"'),
        ("src/node/group/canary.c", '#include "node/peers/peers.h"'),
        ("src/node/group/canary.c", '#include "node/clients/clients.h"'),
        ("src/node/group/canary.c", '#include "node/admin/admin.h"'),
        ("src/node/group/canary.c", '#include "node/hub.h"'),
        ("src/node/clients/canary.c", '#include "node/group/group.h"'),
        ("src/node/clients/canary.c", '#include "node/peers/peers.h"'),
        ("src/node/clients/canary.c", '#include "node/hub.h"'),
        ("src/node/canary.c", '#include "node/group/state.h"'),
        ("src/node/admin/canary.c", '#include "node/group/proposals.h"'),
        ("src/sim/canary.c", '#include "node/hub.h"'),
        ("src/server/canary.c", '#include "node/group/state.h"'),
        ("src/sim/canary.c", '#include "server/host.h"'),
        ("src/sim/canary.c", '#include "systems/systems.h"'),
        ("src/server/canary.c", '#include "sim/world.h"'),
        ("src/command/canary.c", '#include "systems/queue/command/demo.h"'),
        ("src/web/canary.c", '#include "systems/queue/machine/queue.h"'),
        ("src/main.c", '#include "systems/queue/command/commands.h"'),
        ("src/systems/systems.c", '#include "systems/queue/command/commands.h"'),
        ("src/systems/queue/machine/canary.c", '#include "node/node.h"'),
        ("src/systems/queue/machine/canary.c", '#include "systems/queue/protocol/beanstalk.h"'),
        ("src/systems/queue/machine/canary.c", '#include "systems/register/machine/register.h"'),
        ("src/systems/queue/sim/canary.c", '#include "systems/register/sim/clients.h"'),
        ("src/systems/queue/sim/canary.c", '#include "systems/queue/command/demo.h"'),
        ("src/systems/queue/check/canary.c", '#include "systems/queue/machine/queue.h"'),
        ("src/node/canary.c", '#include "node.h"'),
        ("src/node/canary.c", "#include <time.h>"),
        ("src/base/canary.h", "#include <stdio.h>"),
        ("src/raft/canary.c", "#include <errno.h>"),
        ("src/systems/queue/machine/canary.c", "#include <time.h>"),
        ("src/systems/queue/sim/canary.c", "#include <stdio.h>"),
    ],
)
def test_canary_is_caught(name, text):
    assert violations(name, text)


@pytest.mark.parametrize(
    "name, text",
    [
        (
            "src/systems/queue/protocol/fine.c",
            '#include "systems/queue/machine/queue.h"\n#include <string.h>',
        ),
        ("src/systems/queue/command/fine.c", '#include "sim/sim.h"\n#include <stdio.h>'),
        ("src/node/group/fine.c", '#include "node/disk/wal.h"\n#include "node/group/state.h"'),
        ("src/node/clients/fine.c", '#include "node/node.h"\n#include "node/turn/turn.h"'),
        ("src/node/fine.c", '#include "node/group/group.h"\n#include "node/peers/peers.h"'),
        ("src/node/admin/fine.c", '#include "node/hub.h"'),
        ("src/command/fine.c", '#include "sim/world.h"'),
        ("src/server/fine.c", "#include <uv.h>"),
        ("src/main.c", '#include "contract/system.h"'),
    ],
)
def test_what_is_allowed_passes(name, text):
    assert not violations(name, text)
