"""Makes the simulator a script for pages: tools/wasm compiles it, and in base64 it works from
file://, where a page may neither fetch nor import. Compiled again only when its sources changed.
"""

import base64
import hashlib
import subprocess
import tempfile
from pathlib import Path

import mermaid

TIMEOUT_S = 300


class NotCompiled(Exception):
    """Says why, and what to do."""


def fingerprint(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*root.glob("src/**/*.[ch]"), root / "tools/wasm"]):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def compiled(root: Path) -> bytes:
    if subprocess.run([root / "tools/deps", "has-wasm"], capture_output=True).returncode != 0:
        why = "there is no clang, or no linker or C library for WebAssembly here"
        raise NotCompiled(f"{why} (apt-get install clang lld wasi-libc; make test does)")
    with tempfile.TemporaryDirectory() as place:
        module = Path(place) / "world.wasm"
        done = subprocess.run(
            [root / "tools/wasm", module], capture_output=True, text=True, timeout=TIMEOUT_S
        )
        if done.returncode != 0:
            raise NotCompiled(f"tools/wasm: {done.stderr.strip()[-400:]}")
        return module.read_bytes()


def see_to(place: Path, root: Path) -> None:
    """At `place` afterwards; untouched when nothing changed. Raises NotCompiled."""
    if not (root / "tools/wasm").is_file():
        raise NotCompiled("the simulator does not lie beside this book: no tools/wasm")
    head = f"/* {fingerprint(root)} */\n".encode()
    if place.is_file() and place.read_bytes().startswith(head):
        return
    module = base64.b64encode(compiled(root))
    mermaid.put(head + b'window.quartetWorld="' + module + b'";\n', place)
