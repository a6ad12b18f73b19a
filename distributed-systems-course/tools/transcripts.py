#!/usr/bin/env python3
"""Runs transcripts/NAME.sh and keeps what it printed: every transcript in the book is a real run's.

    transcripts.py            makes those anew that are stale; with names, these
    transcripts.py --check    only tells which ones are stale, and which lines are missing
    transcripts.py --watch    makes them anew as their files change, until Ctrl-C

A script's first lines are comments that say what is to be known about it:

    # languages: typescript python    it runs once for each, with $LANGUAGE: NAME.python.txt, ...
    # uses: FILE ...                  their change makes it stale; may hold {language} and {ext}
    # must: TEXT                      has to appear in every run; each script needs one or more
    # shop: IMPL [STEP]               it runs the shop on this implementation (or {language}'s) by
                                      Docker, which is built before and removed after; --watch
                                      leaves it alone
    # example: 02-store               whose shop that is (01-queue)

Stale means that the hash of the script and its files differs; never that concurrent output did.
The first line of a transcript is `#! HASH SECONDS`: the book counts these seconds into a page's
minutes, so they are those of the commands that a reader runs; images are built before them.
What a run leaves in $EVENTS is kept beside the text as NAME.events, for spacetime.py.
"""

import contextlib
import functools
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]
TIMEOUT_S = 300
BUILD_TIMEOUT_S = 900  # of images, on a machine that has none of them
WATCH_S = 0.5
EXTENSIONS = {"python": "py", "typescript": "ts", "": ""}


@dataclass(frozen=True)
class Transcript:
    script: Path
    language: str = ""  # "" when there is only one run
    course: Path = COURSE

    @property
    def name(self) -> str:
        return ".".join(word for word in (self.script.stem, self.language) if word)

    @property
    def text(self) -> Path:
        return self.script.with_name(f"{self.name}.txt")

    @property
    def events(self) -> Path:
        return self.script.with_name(f"{self.name}.events")

    def settings(self, key: str) -> list[str]:
        return re.findall(rf"^# {key}: (.*)$", self.script.read_text(), re.MULTILINE)

    def impl(self) -> str:
        """Whose shop it runs under Docker, or nothing."""
        impl = " ".join(self.settings("shop")).partition(" ")[0]
        return impl.format(language=self.language)

    def step(self) -> str:
        """As the chapters had built it by then; nothing: the last."""
        return " ".join(self.settings("shop")).partition(" ")[2]

    def example(self) -> str:
        return " ".join(self.settings("example")) or "01-queue"

    def files(self) -> list[Path]:
        names = [name for line in self.settings("uses") for name in line.split()]
        filled = {"language": self.language, "ext": EXTENSIONS[self.language]}
        return [self.course / name.format(**filled) for name in names]

    def fingerprint(self) -> str:
        digest = hashlib.sha256(self.script.read_bytes())
        for path in self.files():
            digest.update(path.read_bytes() if path.exists() else b"not there")
        return digest.hexdigest()[:16]

    def head(self) -> list[str]:
        lines = self.text.read_text().splitlines() if self.text.exists() else []
        return lines[0].split() if lines and lines[0].startswith("#! ") else []

    def is_stale(self) -> bool:
        head = self.head()
        return len(head) < 2 or head[1] != self.fingerprint()

    def seconds(self) -> float:
        head = self.head()
        return float(head[2]) if len(head) > 2 else 0.0

    def lines(self) -> list[str]:
        return self.text.read_text().splitlines()[1:]

    def wrong(self) -> Iterator[str]:
        """What is not right with it, each beginning with the file."""
        script = f"transcripts/{self.script.name}"
        for path in self.files():
            if not path.is_file():
                yield f"{script}:1: it uses {path.relative_to(self.course)}, which is not there"
        if self.is_stale():
            yield f"{script}:1: {self.text.name} is stale; make transcripts makes it anew"
            return
        if not self.settings("must"):
            yield f"{script}:1: it names no line that must appear (# must: TEXT)"
        for line in self.settings("must"):
            if not any(line in said for said in self.lines()):
                yield f"transcripts/{self.text.name}:1: it lacks the line: {line}"


def of_script(script: Path, course: Path = COURSE) -> list[Transcript]:
    named = Transcript(script, "", course).settings("languages")
    return [
        Transcript(script, language, course) for language in (named[0].split() if named else [""])
    ]


def of_name(course: Path, name: str) -> list[Transcript]:
    """The transcripts that {{#transcript NAME}} shows: one, or one a language."""
    script = course / "transcripts" / f"{name}.sh"
    if not script.exists():
        raise LookupError(f"there is no transcript {name} (transcripts/{name}.sh)")
    return of_script(script, course)


def everything(course: Path = COURSE) -> list[Transcript]:
    scripts = sorted((course / "transcripts").glob("*.sh"))
    return [t for script in scripts if script.name != "lib.sh" for t in of_script(script, course)]


def free_ports(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@functools.cache
def path_with_node() -> str:
    """The tests' Node, which runs TypeScript, goes before the system's; and itself, not a wrapper
    of it, which would be killed in its place."""
    path = os.environ["PATH"]
    deps = COURSE.parent / "tools/deps"
    if deps.exists():
        place = subprocess.run([deps, "path"], capture_output=True, text=True).stdout.strip()
        path = os.pathsep.join([f"{place}/venv/bin", path])
    if node := shutil.which("node", path=path):
        where = subprocess.run([node, "-p", "process.execPath"], capture_output=True, text=True)
        path = os.pathsep.join([str(Path(where.stdout.strip()).parent), path])
    return path


@contextlib.contextmanager
def shop(transcript: Transcript) -> Iterator[dict[str, str]]:
    """Its images are built, and nothing of it runs, before and after. Gives what to set for it."""
    if not transcript.impl():
        yield {}
        return
    settings = {"IMPL": transcript.impl(), "STEP": transcript.step()}

    def compose(*words: str) -> None:
        subprocess.run(
            ["docker", "compose", *words],
            cwd=transcript.course / "examples" / transcript.example(),
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=True,
        )

    remove = ("down", "--volumes", "--remove-orphans", "--timeout", "2")
    compose("build", "--quiet")
    compose(*remove)
    try:
        yield {**settings, "EXAMPLE": transcript.example()}
    finally:
        compose(*remove)


def make(transcript: Transcript) -> str:
    """Runs it and keeps what it said. Returns what went wrong, or nothing."""
    name = transcript.script.name
    try:
        with shop(transcript) as settings:
            return run(transcript, settings)
    except subprocess.TimeoutExpired as late:
        return f"{name}: still running after {late.timeout:g} s"
    except subprocess.CalledProcessError as failed:
        return f"{name}: {' '.join(failed.cmd)}: exit code {failed.returncode}\n{failed.stderr}"
    except FileNotFoundError as error:
        return f"{name}: there is no {error.filename} here"


def run(transcript: Transcript, settings: dict[str, str]) -> str:
    with tempfile.TemporaryDirectory() as place:
        first, *more = free_ports(15)
        ports = {"PORT": first, "ADMIN": more[0], "TAP": more[1], "PORTS": " ".join(more[2:])}
        known = {"PATH": path_with_node(), "LANGUAGE": transcript.language or "python", **ports}
        events = Path(place) / "events"
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-eu", "-c", '. ./lib.sh; . "$1"', "transcript", transcript.script.name],
            cwd=transcript.script.parent,
            env={**os.environ, **known, **settings, "SCRATCH": place, "EVENTS": str(events)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        seconds = time.monotonic() - began
        if done.returncode != 0:
            said = f"{done.stdout}{done.stderr}"
            return f"{transcript.script.name}: exit code {done.returncode}\n{said}"
        head = f"#! {transcript.fingerprint()} {seconds:.1f}\n"
        transcript.text.write_text(head + done.stdout)
        if events.exists():
            transcript.events.write_text(events.read_text())
    return ""


def report(transcripts: list[Transcript]) -> int:
    wrong = [line for transcript in transcripts for line in transcript.wrong()]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def watch(transcripts: list[Transcript]) -> None:
    """Tries a stale one once for each content of its files, so that a broken one does not spin."""
    tried: dict[Transcript, str] = {}
    while True:
        for transcript in transcripts:
            sum_ = transcript.fingerprint()
            if not transcript.is_stale() or tried.get(transcript) == sum_:
                continue
            tried[transcript] = sum_
            if transcript.impl():
                print(f"{transcript.name} is stale, and needs Docker: make transcripts", flush=True)
                continue
            wrong = make(transcript) or "\n".join(transcript.wrong())
            print(wrong or f"made {transcript.name}", flush=True)
        time.sleep(WATCH_S)


def main() -> int:
    options = {word for word in sys.argv[1:] if word.startswith("-")}
    names = [word for word in sys.argv[1:] if not word.startswith("-")]
    if options - {"--check", "--watch"}:
        print(__doc__, file=sys.stderr)
        return 2
    chosen = [t for t in everything() if not names or t.script.stem in names]
    if names and {t.script.stem for t in chosen} != set(names):
        print(f"no such transcript: {' '.join(names)}", file=sys.stderr)
        return 2
    if "--watch" in options:
        try:
            watch(chosen)
        except KeyboardInterrupt:
            return 0
    if "--check" not in options:
        for transcript in chosen:
            if names or transcript.is_stale():
                wrong = make(transcript)
                print(wrong or f"made {transcript.name}", flush=True)
    return report(chosen)


if __name__ == "__main__":
    sys.exit(main())
