"""A client that keeps a map, and learns from being wrong:  python follow.py GET seat:12 GET seat:13

Needs three nodes of step 2: ./shop up python --step 2, or typescript.
"""

import sys
from contextlib import suppress

from client import ask, wait_until_up
from step2.slots import slot_of


class Follower:
    def __init__(self, first: str) -> None:
        self.first = first  # who is asked of a slot that is not in the map
        self.map: dict[int, str] = {}

    def ask(self, *words: str) -> str | None:
        slot = slot_of(words[1])
        answer = self.heard(self.map.get(slot, self.first), *words)
        if answer is not None and answer.startswith("-MOVED"):
            self.map[slot] = answer.split()[2]
            answer = self.heard(self.map[slot], *words)
        return answer

    def heard(self, address: str, *words: str) -> str | None:
        answer = ask(address, *words)
        print(f"{address:14} {' '.join(words):24} {answer or '(nil)'}")
        return answer


def main(words: list[str]) -> None:
    with suppress(OSError):  # one that does not run may not be needed
        wait_until_up()
    follower = Follower("store-1:6379")
    while words:
        count = 3 if words[0].upper() == "SET" else 2
        follower.ask(*words[:count])
        words = words[count:]


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError:
        sys.exit("a node does not answer: ./shop status says which ones run")
