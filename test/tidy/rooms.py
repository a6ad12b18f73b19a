"""The rooms of the house and what each may reach. The one table that the tidy tests share."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("QUARTET_BUILD", ROOT / "build"))

# room -> rooms whose headers it may include, besides its own
MAY_INCLUDE = {
    "base": set(),
    "raft": {"base"},
    "check": {"base"},
    "contract": {"base"},
    "wire": {"base"},
    "node": {"base", "raft", "contract", "wire"},
    "sim": {"base", "raft", "check", "contract", "wire", "node"},
    "server": {"base", "raft", "contract", "wire", "node"},
    "command": {"base", "raft", "check", "contract", "wire", "node", "sim", "server"},
    "web": {"base", "raft", "wire", "node", "sim"},
}

# The rooms of a system, src/systems/NAME/ROOM: rooms of the house, and rooms of its own system.
SYSTEM_MAY_INCLUDE = {
    "machine": ({"base", "contract"}, set()),
    "protocol": ({"base", "contract", "wire"}, {"machine"}),
    "check": ({"base", "contract", "check"}, set()),
    "sim": (MAY_INCLUDE["sim"] | {"sim"}, {"machine", "protocol", "check"}),
    "command": (MAY_INCLUDE["command"] | {"command"}, {"machine", "protocol", "check", "sim"}),
}

# The rooms of a node, src/node/ROOM, and which others each may include. "hub" is the files of
# src/node itself; whatever is in NODE_OPEN any of them may include.
NODE_MAY_INCLUDE = {
    "turn": set(),
    "disk": set(),
    "peers": {"turn", "disk"},
    "group": {"turn", "disk"},
    "clients": {"turn"},
    "admin": {"turn", "disk", "peers", "group", "clients", "hub"},
    "hub": {"turn", "disk", "peers", "group", "clients", "admin"},
}
NODE_OPEN = {"node/node.h", "node/text.h"}

# What the files of one room share among themselves, and nobody else may look into.
NODE_INSIDE = {
    "node/hub.h": {"hub", "admin"},
    "node/disk/wal_format.h": {"disk"},
    "node/group/state.h": {"group"},
    "node/group/proposals.h": {"group"},
    "node/group/reads.h": {"group"},
    "node/group/snapshots.h": {"group"},
    "node/peers/links.h": {"peers"},
}

# The files that may know all systems, and what else they may include.
TABLES = {
    "src/main.c": {"base", "contract", "command"},
    "src/systems/systems.h": set(),
    "src/systems/systems.c": {"base", "contract", "systems"},
    "src/systems/worlds.c": {"base", "sim", "systems"},
}

PURE = ["base", "raft", "check", "contract", "wire", "node", "sim"]
SYSTEM_PURE = ["machine", "protocol", "check", "sim"]


def room_of(name):
    """The room of src/ROOM/FILE, as MAY_INCLUDE calls it, or (SYSTEM, ROOM)."""
    words = name.split("/")[1:]
    return tuple(words[1:3]) if words[0] == "systems" and len(words) > 3 else words[0]


def node_room_of(name):
    """The room of a file of src/node, as NODE_MAY_INCLUDE calls it; None: it is no such file."""
    words = name.split("/")[1:]
    if words[0] != "node":
        return None
    return words[1] if len(words) > 2 else "hub"


def is_pure(name):
    room = room_of(name)
    return room[1] in SYSTEM_PURE if isinstance(room, tuple) else room in PURE


# Headers that bring types, limits, bytes and the allocator, and nothing of the world. That the
# functions used are harmless too is what test_purity.py proves.
PURE_HEADERS = {
    "inttypes.h",
    "limits.h",
    "stdalign.h",
    "stdarg.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdlib.h",
    "string.h",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def tracked_files():
    """Every file of the project, as paths from its root: tracked, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    names = sorted(set(listing.stdout.split("\0")) - {""})
    return [name for name in names if (ROOT / name).is_file()]


def c_files(*folders):
    return [
        name
        for name in tracked_files()
        if name.endswith((".c", ".h")) and name.startswith(tuple(f + "/" for f in folders))
    ]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")
