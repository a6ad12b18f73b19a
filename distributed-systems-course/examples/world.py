"""A world for the small nodes, in virtual time. Whatever happens in it comes from the seed. Given.

    python world.py store step4 --seeds 1..200 --faults kill,cut [--events FILE]

A machine does one thing after the other: what a call leaves in `save` goes to its disk, and only
then its messages and answers leave. Links are FIFO. A kill takes what was not yet on the disk.
"""

import heapq
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE / "concepts"))  # where luck.py lies
from luck import chance  # noqa: E402

TICK_S, SYNC_S, LATENCY_S = 0.05, 0.004, 0.003
Call = Callable[[Any], None]


class Machine:
    """Where a node runs. Its disk outlives it."""

    def __init__(self, id: int) -> None:
        self.id, self.life = id, 0
        self.node: Any = None
        self.disk: list[Any] = []
        self.saving: list[Any] = []
        self.inbox: deque[Call] = deque()
        self.up = self.cut = self.busy = False
        self.slow_until = 0.0
        self.speed = self.ahead = 0.0  # of its clock


class World:
    def __init__(self, make: Callable[[int], Any], ids: list[int], seed: int) -> None:
        self.make, self.draw, self.now = make, chance(seed), 0.0
        self.machines = {id: Machine(id) for id in ids}
        self.coming: list[tuple[float, int, Callable[[], None]]] = []
        self.count = 0
        self.arrivals: dict[tuple[int, int], float] = {}  # the last on each link
        self.events: list[dict[str, Any]] = []
        self.answered: Callable[[int, Any], None] = lambda client, answer: None
        self.died: Callable[[int], None] = lambda id: None
        self.looked: Callable[[Any], None] = lambda node: None
        for id, machine in self.machines.items():
            machine.speed, machine.ahead = 0.9 + 0.2 * self.draw(), 1000 * self.draw()
            self.start(id)
            self.at(TICK_S * self.draw(), self.ticks(id))

    def at(self, time: float, what: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.coming, (time, self.count, what))

    def clock(self, id: int) -> float:
        """What a node takes for the time: its clock is off, and runs fast or slow."""
        return self.machines[id].ahead + self.now * self.machines[id].speed

    def run(self, until: float) -> None:
        while self.coming[0][0] <= until:
            self.now, _, what = heapq.heappop(self.coming)
            what()
        self.now = until

    def note(self, id: int, text: str, **more: Any) -> None:
        self.events.append({"at": self.now, "who": id, "text": text, **more})

    def ticks(self, id: int) -> Callable[[], None]:
        def tick() -> None:
            self.at(self.now + TICK_S, tick)
            machine = self.machines[id]
            if not machine.inbox and self.now >= machine.slow_until:  # who stood still hears first
                self.give(id, lambda node: node.tick(self.clock(id)))

        return tick

    def give(self, id: int, call: Call) -> None:
        if self.machines[id].up:
            self.machines[id].inbox.append(call)
            self.work(id)

    def work(self, id: int) -> None:
        machine = self.machines[id]
        while machine.inbox and not machine.busy and self.now >= machine.slow_until:
            node = machine.node
            machine.inbox.popleft()(node)
            self.looked(node)
            machine.saving = node.save
            sends, answers = node.send, node.answers
            node.save, node.send, node.answers = [], [], []
            if machine.saving:
                machine.busy = True
                self.sync(id, self.now + SYNC_S * self.draw(), sends, answers)
            else:
                self.leave(id, sends, answers)

    def sync(self, id: int, done: float, sends: list[Any], answers: list[Any]) -> None:
        life = self.machines[id].life
        self.at(done, lambda: self.synced(id, life, sends, answers))

    def synced(self, id: int, life: int, sends: list[Any], answers: list[Any]) -> None:
        machine = self.machines[id]
        if machine.life == life and self.now < machine.slow_until:
            self.sync(id, machine.slow_until, sends, answers)
        elif machine.life == life:
            machine.disk += machine.saving
            machine.saving, machine.busy = [], False
            self.leave(id, sends, answers)
            self.work(id)

    def leave(self, id: int, sends: list[Any], answers: list[Any]) -> None:
        for to, message in sends:
            self.carry(id, to, message)
        for client, answer in answers:
            self.answered(client, answer)

    def carry(self, sender: int, to: int, message: Any) -> None:
        got = max(self.arrivals.get((sender, to), 0), self.now + LATENCY_S * self.draw())
        self.arrivals[sender, to] = got
        ends = [self.machines[sender], self.machines[to]]
        lives = [machine.life for machine in ends]
        event = {"at": self.now, "got": got, "from": sender, "to": to, "text": message}
        event["lost"] = True
        self.events.append(event)

        def arrive() -> None:
            whole = lives == [machine.life for machine in ends]
            if whole and not any(machine.cut for machine in ends):
                event["lost"] = False
                self.give(to, lambda node: node.receive(self.clock(to), sender, message))

        if not any(machine.cut for machine in ends):
            self.at(got, arrive)

    # --- what goes wrong --------------------------------------------------------------------------

    def start(self, id: int) -> None:
        machine = self.machines[id]
        machine.node = self.make(id)
        for entry in machine.disk:
            machine.node.apply(entry)
        machine.up = True

    def slow(self, id: int, length: float) -> None:
        """It stands still for so long, and then hears all that was said meanwhile, in order."""
        self.machines[id].slow_until = self.now + length
        self.at(self.now + length, lambda: self.work(id))

    def kill(self, id: int) -> None:
        machine = self.machines[id]
        machine.disk += machine.saving[: int(self.draw() * (len(machine.saving) + 1))]
        machine.saving, machine.busy, machine.up = [], False, False
        machine.slow_until = 0.0
        machine.inbox.clear()
        machine.life += 1
        self.note(id, "is killed", ends=True)
        self.died(id)

    def cut(self, id: int) -> None:
        self.machines[id].cut = True
        self.note(id, "is cut off")

    def heal(self, id: int) -> None:
        self.machines[id].cut = False
        self.note(id, "is connected again")


if __name__ == "__main__":
    from worlds import main

    main()
