"""The pure rooms, linked together, may leave undefined only the symbols of pure_symbols.txt.

Checked on the objects that the program is made of, after the compiler has had its say.
"""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rooms import BUILD, PURE, ROOT, SYSTEM_PURE

LIST = Path(__file__).with_name("pure_symbols.txt")


def allowed_symbols():
    lines = (line.strip() for line in LIST.read_text().splitlines())
    return {line for line in lines if line and not line.startswith("#")}


@functools.lru_cache
def targets():
    listing = subprocess.run(
        ["meson", "introspect", str(BUILD), "--targets"], check=True, capture_output=True, text=True
    )
    return json.loads(listing.stdout)


def pure_libraries():
    """The pure rooms, and those of each system, as the build calls their libraries."""
    systems = sorted(path.name for path in (ROOT / "src/systems").iterdir() if path.is_dir())
    return PURE + [f"{system}_{room}" for system in systems for room in SYSTEM_PURE]


def objects_of(room):
    """The object files of a room's library, by the build's own account."""
    for target in targets():
        if target["name"] == room and target["type"] == "static library":
            folder = Path(target["filename"][0]).with_suffix(".a.p")
            sources = target["target_sources"][0]
            written = [os.path.relpath(path, ROOT / "src") for path in sources["sources"]]
            made = [os.path.relpath(path, BUILD / "src") for path in sources["generated_sources"]]
            names = written + [f"meson-generated_{os.path.join('..', path)}" for path in made]
            return [folder / (name.replace("/", "_") + ".o") for name in names]
    return []


def undefined_symbols(objects):
    """What these objects together need and none of them defines."""
    needed, defined = set(), set()
    listing = subprocess.run(
        ["nm", "-P", *map(str, objects)], check=True, capture_output=True, text=True
    )
    for line in listing.stdout.splitlines():
        words = line.split()
        if len(words) < 2 or line.endswith(":"):
            continue
        name, kind = words[0], words[1]
        if sys.platform == "darwin":
            name = name[1:] if name.startswith("_") else name
        if kind in ("U", "w", "v"):
            needed.add(name)
        elif kind.isupper():
            defined.add(name)
    return needed - defined


def compile_canary(folder, body):
    source, output = folder / "canary.c", folder / "canary.o"
    source.write_text(body)
    command = ["cc", "-std=gnu17", "-O2", "-c", str(source), "-o", str(output)]
    subprocess.run(command, check=True)
    return output


def test_pure_rooms_reach_nothing_of_the_world():
    objects = [path for room in pure_libraries() for path in objects_of(room)]
    assert objects, f"no pure room is built in {BUILD}"
    strangers = undefined_symbols(objects) - allowed_symbols()
    assert not strangers, f"not in {LIST.name}: {', '.join(sorted(strangers))}"


@pytest.mark.parametrize(
    "symbol, body",
    [
        ("time", "#include <time.h>\nlong canary(void) { return (long)time(0); }\n"),
        ("getenv", '#include <stdlib.h>\nchar *canary(void) { return getenv("HOME"); }\n'),
        ("__errno_location", "#include <errno.h>\nint canary(void) { return errno; }\n"),
        ("pow", "#include <math.h>\ndouble canary(double x) { return pow(x, x); }\n"),
        ("puts", '#include <stdio.h>\nint canary(void) { return puts("x"); }\n'),
    ],
)
def test_canary_is_caught(tmp_path, symbol, body):
    if symbol == "__errno_location" and sys.platform != "linux":
        pytest.skip("errno has another name here")
    canary = compile_canary(tmp_path, body)
    objects = [path for room in pure_libraries() for path in objects_of(room)]
    assert symbol in undefined_symbols([*objects, canary]) - allowed_symbols()


def test_what_another_pure_object_defines_is_not_a_stranger(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    user = compile_canary(tmp_path / "a", "int helper(void);\nint user(void) { return helper(); }\n")
    helper = compile_canary(tmp_path / "b", "int helper(void);\nint helper(void) { return 1; }\n")
    assert undefined_symbols([user]) == {"helper"}
    assert undefined_symbols([user, helper]) == set()
