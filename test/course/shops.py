"""A copy of a shop, at ports that nobody has, with a docker that writes down what it is told."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys

from minis import MINIS

EXAMPLES = MINIS.parent.parent
CLIENTS = ("producer", "worker-python", "worker-typescript-1", "worker-typescript-2")
SYSTEM_PATH = "/usr/bin:/bin"

# Answers `ps`, `logs` and `network ls` from files beside it; writes down everything else.
DOCKER = """#!/bin/sh
here=$(dirname "$0")
case "$*" in "compose version") exec test ! -e "$here/no-compose" ;; esac
case "$1" in
ps) cat "$here/listing" ;;
logs) cat "$here/logs"; echo >>"$here/looks" ;;
network) if [ "$2" = ls ]; then cat "$here/networks"; else echo "$*" >>"$here/calls"; fi ;;
*) echo "$*" >>"$here/calls"; echo "${IMPL-} ${STEP-}" >>"$here/env" ;;
esac
case "$*" in $FAILS) exit 1 ;; *down*) : >"$here/listing" ;; esac
if [ "$1" = pause ] && [ -e "$here/after" ]; then mv "$here/after" "$here/logs"; fi
"""


class Place:
    """A copy of what ./shop needs, at ports that nobody has, with a docker of our own."""

    def __init__(self, tmp_path):
        self.bin = tmp_path / "bin"
        self.bin.mkdir()
        (self.bin / "docker").write_text(DOCKER)
        (self.bin / "docker").chmod(0o755)
        for name in ("logs", "networks"):
            (self.bin / name).write_text("")
        self.folder = tmp_path / "examples/01-queue"
        self.folder.mkdir(parents=True)
        for path in EXAMPLES.glob("shop*.py"):
            shutil.copy(path, tmp_path / "examples")
        for name in ("shop", "say.py"):
            shutil.copy(EXAMPLES / "01-queue" / name, self.folder)
        self.port, self.admin = free_port(), free_port()
        text = (self.folder / "shop").read_text()
        assert "port=11300" in text and "admin=9000" in text
        text = text.replace("port=11300", f"port={self.port}")
        (self.folder / "shop").write_text(text.replace("admin=9000", f"admin={self.admin}"))
        self.runs()

    def runs(self, impl="c", folder=None, append=False, **states):
        """Lets docker list it; states: running, paused, exited, created, gone, off-NETWORK,
        island."""
        nodes = [f"queue-{n + 1}" for n in range(3 if impl == "c" else 1)] if impl else []
        lines = []
        for service in [*nodes, *(CLIENTS if impl else ())]:
            state = states.get(service.replace("-", "_"), "running")
            if state == "gone":
                continue
            project = f"queue-{impl}"
            networks = ["front", "peers"] if service in nodes else ["front"]
            if state.startswith("off-"):
                networks.remove(state[4:])
            if state == "island":
                networks = ["front", "island"]
            if state == "created":
                networks = []
            up = state if state in ("running", "paused", "exited", "created") else "running"
            ports = ""
            if service in nodes and up == "running":
                number = nodes.index(service)
                ports = f"127.0.0.1:{self.admin + number}->9000/tcp, "
                ports += f"127.0.0.1:{self.port + number}->11300/tcp"
            on = ",".join(f"{project}_{network}" for network in networks)
            place = folder or self.folder
            name = f"{project}-{service}-1"
            lines.append(
                "\t".join([project, service, str(place), "False", name, up, "Up", on, ports])
            )
        self.listing("".join(line + "\n" for line in lines), append)

    def listing(self, text, append=False):
        path = self.bin / "listing"
        path.write_text((path.read_text() if append else "") + text)

    def shop(self, *words, code=0, cwd=None, fails="nothing", **env):
        """(the docker commands that changed something, what it said)."""
        (self.bin / "calls").unlink(missing_ok=True)
        (self.bin / "env").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, self.folder / "shop", *words],
            env={"PATH": f"{self.bin}{os.pathsep}{SYSTEM_PATH}", "FAILS": fails, **env},
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == code, done.stdout + done.stderr
        calls = self.bin / "calls"
        ran = calls.read_text().splitlines() if calls.exists() else []
        printed = [line[2:] for line in done.stderr.splitlines() if line.startswith("+ ")]
        quiet = ("compose exec", "compose run", "compose logs --no-log-prefix producer")
        loud = [f"docker {call}" for call in ran if not call.startswith(quiet)]
        said = [re.sub(r"^[A-Z]+=\S+ ", "", line) for line in printed]
        assert [line for line in said if not line.startswith("cd ")] == loud
        self.printed = printed
        return ran, done.stdout + done.stderr

    def told(self):
        """What docker was told in the environment: (IMPL, STEP) of each call of compose."""
        return [tuple(line.split(" ")) for line in (self.bin / "env").read_text().splitlines()]


def free_port():
    """Three in a row."""
    for _ in range(100):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = first.getsockname()[1]
            try:
                for next_ in (port + 1, port + 2):
                    stack.enter_context(socket.create_server(("127.0.0.1", next_)))
            except OSError:
                continue
            return port
    raise AssertionError("no three ports in a row are free")
