"""Makes one script of theme/play, which lets the pictures of runs play: by esbuild, which Debian
has, without npm. A classic script: from file:// a browser loads no modules.
"""

import shutil
import subprocess
from pathlib import Path

import mermaid

OPTIONS = ("--bundle", "--format=iife", "--target=es2020", "--minify", "--charset=utf8")
TIMEOUT_S = 60


class NotBundled(Exception):
    """Says why, and what to do."""


def bundle(source: Path) -> bytes:
    """The script whose entry is `source`. Raises NotBundled where there is no esbuild, ValueError
    where the TypeScript is wrong."""
    esbuild = shutil.which("esbuild")
    if esbuild is None:
        raise NotBundled("there is no esbuild here (apt-get install esbuild; make book does)")
    command = [esbuild, str(source), *OPTIONS, "--log-level=warning", "--color=false"]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S)
    if done.returncode != 0:
        raise ValueError(f"esbuild: {done.stderr.decode().strip()}")
    return done.stdout


def see_to(place: Path, source: Path) -> None:
    """At `place` afterwards; untouched when it is the same, so that who watches sees no change."""
    content = bundle(source)
    if not place.is_file() or place.read_bytes() != content:
        mermaid.put(content, place)
