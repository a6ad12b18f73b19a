"""Settings. All of them come from the environment, so compose.yaml shows what is in force."""

import os
import sys
from dataclasses import dataclass

Address = tuple[str, int]


@dataclass(frozen=True)
class Config:
    name: str  # who writes the journal: "worker-python"
    queue: list[Address]  # the nodes to connect to, in this order
    tube: str  # where tasks wait; the ones given up go to "<tube>.dead"
    results: str  # directory shared by all workers: ledger and journals
    health_port: int

    # worker
    max_attempts: int  # after this many the task goes to the dead tube
    retry_base_s: int  # the first retry waits about this long, then twice, four times ...
    retry_cap_s: int  # ... but never longer than this

    # producer: how many tasks, how fast, and which of them make trouble (0: none)
    count: int  # 0: until stopped
    pause_ms: int
    ttr_s: int  # how long a worker may stay silent before its task is given to another
    work_ms: int
    fail_every: int  # fails twice, then works
    poison_every: int  # always fails
    crash_every: int  # always kills its worker
    slow_every: int  # takes longer than ttr_s


def load_config() -> Config:
    return Config(
        name=os.environ.get("NAME", "client-python"),
        queue=addresses("QUEUE", "localhost:11300"),
        tube=os.environ.get("TUBE", "tickets"),
        results=os.environ.get("RESULTS", "results"),
        health_port=integer("HEALTH_PORT", 8080),
        max_attempts=integer("MAX_ATTEMPTS", 5),
        retry_base_s=integer("RETRY_BASE_S", 1),
        retry_cap_s=integer("RETRY_CAP_S", 30),
        count=integer("COUNT", 0),
        pause_ms=integer("PAUSE_MS", 300),
        ttr_s=integer("TTR_S", 5),
        work_ms=integer("WORK_MS", 400),
        fail_every=integer("FAIL_EVERY", 7),
        poison_every=integer("POISON_EVERY", 40),
        crash_every=integer("CRASH_EVERY", 0),
        slow_every=integer("SLOW_EVERY", 60),
    )


def integer(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        refuse(f"{name}={text}: must be a whole number, 0 or more")
    return int(text)


def addresses(name: str, default: str) -> list[Address]:
    """Reads "host:port,host:port"."""
    text = os.environ.get(name, default)
    found = []
    for address in text.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdecimal():
            refuse(f"{name}={text}: must be host:port,host:port,...")
        found.append((host, int(port)))
    return found


def refuse(mistake: str) -> None:
    print(mistake, file=sys.stderr)
    sys.exit(2)
