import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from mine.queue import Queue

queue = Queue()


def say(at: float, client: int, name: str, *words: Any) -> Any:
    assert name in queue.commands, f"your queue does not know {name!r} yet"
    return queue.apply([at, client, name, *words])


def got(job: Any) -> int | None:
    return None if job is None else job.id


# Leases
assert say(0, 1, "put", "t", 5, 0, 10, "one") == "INSERTED 1", "the first job is number 1"
assert say(0, 1, "put", "t", 5, 0, 10, "two") == "INSERTED 2", "and the second is number 2"
assert got(say(1, 2, "reserve", "t")) == 1, "the oldest of equals comes first"
assert got(say(1, 3, "reserve", "t")) == 2, "job 1 is lent to another client"
assert got(say(2, 4, "reserve", "t")) is None, "both are lent"
assert say(2, 3, "delete", 1) == "NOT_FOUND", "only its holder may delete a job that is lent"
assert say(3, 3, "delete", 2) == "DELETED", "its holder has done job 2"
assert say(9, 2, "touch", 1) == "TOUCHED", "touch begins the lease anew, so it ends at 19"
assert got(say(18, 4, "reserve", "t")) is None, "job 1 was touched at 9, for 10 seconds"
assert got(say(19, 4, "reserve", "t")) == 1, "at 19 the lease is over"
assert say(20, 2, "touch", 1) == "NOT_FOUND", "it is another client's now"
say(21, 4, "close")
assert got(say(21, 5, "reserve", "t")) == 1, "what a closed connection held is ready again"

# Delays
assert say(22, 5, "release", 1, 5, 3) == "RELEASED", "its holder gives it back, for 3 seconds later"
assert got(say(24, 6, "reserve", "t")) is None, "the delay lasts until 25"
assert got(say(25, 6, "reserve", "t")) == 1, "at 25 it is ready again"
counts = [queue.jobs[1].reserves, queue.jobs[1].releases, queue.jobs[1].timeouts]
assert counts == [4, 1, 1], f"job 1: 4 reserves, 1 release, 1 timeout, and not {counts}"
assert say(26, 6, "bury", 1, 5) == "BURIED", "out of the way"
assert got(say(99, 6, "reserve", "t")) is None, "a buried job is not ready, however long one waits"
assert say(99, 6, "kick", "t", 10) == "KICKED 1", "kick makes it ready"
assert say(99, 6, "put", "t", 0, 60, 10, "later") == "INSERTED 3", "put may delay, too"
assert got(say(99, 6, "reserve", "t")) == 1, "job 3 would be more urgent, but it is delayed"

# The log
assert (Path("mine") / "log.py").exists(), "the log comes next: there is no mine/log.py yet"
from mine.log import Log  # noqa: E402

folder = Path(mkdtemp())
entries = [[n / 2, n, "put", "t", 0, 0, 10, f"seat {n} \xff\r\n"] for n in range(5)]
log = Log(folder / "data")
assert list(log.replay()) == [], "a new log is empty"
for entry in entries:
    log.append(entry)
log.sync()
assert list(Log(folder / "data").replay()) == entries, "after sync a new Log finds every entry"
(file,) = (folder / "data").iterdir()
file.write_bytes(file.read_bytes()[:-3])
again = Log(folder / "data")
assert list(again.replay()) == entries[:4], "a torn last entry is left out"
again.append(entries[4])
again.sync()
found = list(Log(folder / "data").replay())
assert found == entries, (
    "what is appended behind a torn entry must be readable: cut the torn one off"
)
file.write_bytes(file.read_bytes().replace(b"seat 1", b"seat 7"))
try:
    found = list(Log(folder / "data").replay())
except ValueError:
    shutil.rmtree(folder)
else:
    raise AssertionError("damage in the middle must be refused (ValueError), not replayed or cut")
