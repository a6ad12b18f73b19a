#!/usr/bin/env python3
"""Sees to it that mermaid.min.js, which draws diagrams in the reader's browser, lies where the book
takes it from: pinned, fetched from npm once, kept in the cache. `mermaid.py` alone fills the cache.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "11.12.1"
SHA256 = "198b19442f86f0b46a17e56d3abf744c3a28a3427e66fa8dada3b589a77babcc"
REPOSITORY = Path(__file__).resolve().parents[2]
FETCH_TIMEOUT_S = 120


class NotFetched(Exception):
    """Says why, and what to do."""


def cached() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "quartet" / f"mermaid-{VERSION}" / "mermaid.min.js"


def is_whole(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def put(content: bytes, place: Path) -> None:
    """Others may be at it at once: whoever looks sees all of it or nothing."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
        file.write(content)
    os.chmod(file.name, 0o644)
    os.replace(file.name, place)


def find_npm() -> str | None:
    if npm := shutil.which("npm"):
        return npm
    deps = REPOSITORY / "tools/deps"
    if not deps.exists():
        return None
    place = subprocess.run([deps, "path"], capture_output=True, text=True).stdout.strip()
    return shutil.which("npm", path=f"{place}/venv/bin")


def fetch() -> bytes:
    npm = find_npm()
    if npm is None:
        raise NotFetched(
            f"mermaid {VERSION} comes from npm, which is not here; make book installs it"
        )
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "pack", "--silent", f"mermaid@{VERSION}"]
        try:
            done = subprocess.run(
                command, cwd=place, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S
            )
        except subprocess.TimeoutExpired as error:
            raise NotFetched(
                f"npm did not fetch mermaid {VERSION} in {FETCH_TIMEOUT_S} s"
            ) from error
        archive = Path(place) / f"mermaid-{VERSION}.tgz"
        if done.returncode != 0 or not archive.exists():
            why = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
            raise NotFetched(f"npm could not fetch mermaid {VERSION}: {why[0]}")
        try:
            with tarfile.open(archive) as tar:
                file = tar.extractfile("package/dist/mermaid.min.js")
                content = file.read() if file else b""
        except (tarfile.TarError, KeyError) as error:
            raise NotFetched(f"npm gave no mermaid {VERSION}: {error}") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise NotFetched(f"what npm gave as mermaid {VERSION} is not what is pinned in {__file__}")
    return content


def fill_cache() -> Path:
    if not is_whole(cached()):
        print(f"fetching mermaid {VERSION} from npm", file=sys.stderr)
        put(fetch(), cached())
    return cached()


def see_to(place: Path) -> None:
    """At `place` afterwards, untouched when it was there. Raises NotFetched."""
    if not is_whole(place):
        put(fill_cache().read_bytes(), place)


def main() -> int:
    try:
        print(fill_cache())
    except NotFetched as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
