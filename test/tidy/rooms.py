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
    "machine": {"base"},
    "check": {"base"},
    "protocol": {"base", "machine"},
    "node": {"base", "raft", "machine", "protocol"},
    "sim": {"base", "raft", "machine", "check", "protocol", "node"},
    "server": {"base", "raft", "machine", "check", "protocol", "node", "sim"},
    "web": {"base", "sim"},
}

PURE = ["base", "raft", "machine", "check", "protocol", "node"]

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
