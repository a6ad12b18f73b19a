"""./learn doctor: is this machine ready for the course? A Python of 2019 must be able to say so."""

import os
import re
import shutil
import socket
import subprocess
import sys

COURSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXAMPLES = os.path.join(COURSE, "examples")
PORTS = (11300, 11301, 11302, 9000, 9001, 9002)
DISK_FREE_GB_MIN = 3
COMPOSE_MIN = (2, 24)


def says(*command):
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def numbers(text):
    """(2, 24, 1) of v2.24.1-desktop; () of nothing."""
    return tuple(int(n) for n in re.findall(r"\d+", (text or "").split("-")[0]))


def port_is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def examine():
    """(how it is, what, what to do) for each thing; how: None where it may be missing."""
    yield (
        sys.version_info >= (3, 11),
        "Python %d.%d.%d" % sys.version_info[:3],
        "3.11 or newer is needed, for the rest of ./learn too",
    )
    node = says("node", "--version")
    yield (
        numbers(node) >= (24,) or None,
        "Node.js " + (node or "is not here"),
        "24 or newer for TypeScript; without it, examples/concepts/compose.yaml runs its programs",
    )
    compose = says("docker", "compose", "version", "--short")
    known = numbers(compose)  # () where somebody has built it themselves
    yield (
        compose is not None and (not known or known >= COMPOSE_MIN),
        "Docker Compose " + (compose or "is not here"),
        "%d.%d or newer is needed: see the page `Docker on your machine`" % COMPOSE_MIN,
    )
    yield says("docker", "info") is not None, "a Docker engine answers", "start Docker"
    used = [port for port in PORTS if not port_is_free(port)]
    text = "ports 11300 to 11302 and 9000 to 9002 are free"
    yield (
        not used,
        text if not used else "in use: port " + ", ".join(map(str, used)),
        "stop what listens there, or `./shop down` if it is the shop itself",
    )
    free_gb = shutil.disk_usage(COURSE).free / 1e9
    yield (
        free_gb >= DISK_FREE_GB_MIN,
        "%.0f GB of disk free" % free_gb,
        "%d GB are needed" % DISK_FREE_GB_MIN,
    )


def examine_all(pull):
    """Tells all of it; pull: and gets every image. Returns the exit code."""
    bad = 0
    ready = "Ready."
    for good, what, cure in examine():
        mark = {True: "ok  ", False: "  no", None: "  --"}[good]
        print("%s %s%s" % (mark, what, "" if good else ": " + cure), flush=True)
        bad += good is False
        if good is None:
            ready = "Ready for Python, not for TypeScript: see what says --."
    if pull:
        bad += build_images()
    print(ready if bad == 0 else "Not ready: see what says no.")
    return 1 if bad else 0


def build_images():
    """Everything that a session would wait for. Returns how many steps failed."""
    shops = (
        ("the shop", "01-queue", ("c", "python", "typescript")),
        ("the shop's store", "02-store", ("python", "typescript")),
    )
    steps = [
        (what + ", IMPL=" + name, os.path.join(EXAMPLES, folder), ["build", "--quiet"], name)
        for what, folder, names in shops
        for name in names
    ]
    # The concept programs run in images as they come: there is nothing to build.
    fetch = ["--profile", "run", "pull", "--quiet", "--policy", "missing"]
    steps.append(("the two languages", os.path.join(EXAMPLES, "concepts"), fetch, "c"))
    bad = 0
    for what, place, words, implementation in steps:
        print("getting the images of " + what, flush=True)
        try:
            done = subprocess.run(
                ["docker", "compose"] + words, cwd=place, env=dict(os.environ, IMPL=implementation)
            )
            failed = done.returncode != 0
        except OSError:
            failed = True
        if failed:
            print("  no that failed: " + what, flush=True)
        bad += failed
    return bad
