"""Step 2: keys are split. A key has a slot, a slot has an owner, a wrong guess is redirected."""

from binascii import crc_hqx

from .store import Store

SLOTS = 16384


def slot_of(key: str) -> int:
    """Its slot. What stands in {braces} decides alone: so {seat:12}:name goes with {seat:12}."""
    start = key.find("{")
    end = key.find("}", start + 1)
    tag = key[start + 1 : end] if start >= 0 and end > start + 1 else key
    return crc_hqx(tag.encode("latin-1"), 0) % SLOTS


class Slots(Store):
    def ranges(self) -> list[tuple[int, int, list[int]]]:
        """Who has which slots: first, last, the nodes. Each node has as many as any other."""
        nodes = sorted(self.addresses)
        ends = [round(SLOTS * count / len(nodes)) for count in range(len(nodes) + 1)]
        return [(ends[i], ends[i + 1] - 1, [node]) for i, node in enumerate(nodes)]

    def ask(self, now: float, client: int, words: list[str]) -> None:
        slot = slot_of(words[1])
        owner = next(nodes[0] for _, last, nodes in self.ranges() if slot <= last)
        if owner == self.id:
            super().ask(now, client, words)
        else:
            self.answers.append((client, f"-MOVED {slot} {self.addresses[owner]}"))
