"""Step 5: what a read may say. From any copy; no older than a token; or as if there were one copy.

A token is a stamp that a client has seen. A linearizable read notes what the leader has, and then
asks a majority whether it still leads: only a round that began after the question counts.
"""

from typing import Any

from .promises import PATIENCE_S, Owed
from .votes import Votes


class Levels(Votes):
    def __init__(self, id: int, addresses: dict[int, str]) -> None:
        super().__init__(id, addresses)
        self.echoed: dict[int, int] = {}  # the last round that a node has answered
        self.waiting: list[tuple[int, str, list[int], float]] = []  # session reads

    def ask(
        self, now: float, client: int, words: list[str], level: str = "", token: Any = (0, 0)
    ) -> None:
        if words[0] != "get" or level == "local":
            super().ask(now, client, words, level)
        elif level == "session":
            self.waiting.append((client, words[1], list(token), now))
        elif self.leader != self.id:
            self.answers.append((client, self.redirect(words[1])))
        else:
            answer, _ = self.decide(*words)
            self.owed.append(Owed(client, answer, self.stamp, self.majority, now, self.round + 1))
            self.beat(now)
        self.pay(now)

    def lead(self, now: float) -> None:
        self.echoed = {}
        super().lead(now)

    def acknowledged(self, now: float, sender: int, words: list[Any]) -> None:
        super().acknowledged(now, sender, words)
        self.echoed[sender] = max(words[0], self.echoed.get(sender, 0))

    def enough(self, owed: Owed) -> bool:
        heard = 1 + sum(round >= owed.round for round in self.echoed.values())
        return super().enough(owed) and (owed.round == 0 or heard >= self.majority)

    def pay(self, now: float) -> None:
        super().pay(now)
        for waits in list(self.waiting):
            client, key, token, since = waits
            if self.stamp >= token:
                self.answers.append((client, self.decide("get", key)[0]))
            elif now - since >= PATIENCE_S:
                self.answers.append((client, "-TRYAGAIN this copy does not know of it yet"))
            else:
                continue
            self.waiting.remove(waits)
