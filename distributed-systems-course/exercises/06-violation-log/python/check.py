from mine import Queue


class Disk:
    """Loses what was not synced when the power fails."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.safe: list[str] = []
        self.syncs = 0

    def write(self, entry: str) -> None:
        self.written.append(entry)

    def sync(self) -> None:
        self.safe = list(self.written)
        self.syncs += 1


disk = Disk()
heard: list[str] = []


def answer(text: str) -> None:
    job = text.removeprefix("INSERTED ")
    assert job in disk.safe, f"{text!r} was said while the disk had only {disk.safe}"
    heard.append(text)


queue = Queue(disk)
for job in ("a", "b", "c"):
    queue.put(job, answer)
queue.flush()
assert heard == ["INSERTED a", "INSERTED b", "INSERTED c"], f"after the flush: {heard}"
assert disk.syncs == 1, f"three commands that came together must share one sync, not {disk.syncs}"
queue.put("d", answer)
queue.flush()
assert heard[3:] == ["INSERTED d"], "each command is answered once"
