"""A rush on the small store, in a world: customers buy seats, give them back and ask. Given.

It counts what was acknowledged, and judges what was heard: a seat sold twice, a sale that is gone.
"""

from collections.abc import Callable
from typing import Any

import judge
from world import World

TROUBLE_S, CALM_S, LOOK_S = 25.0, 8.0, 0.1
NODES, CUSTOMERS, SEATS = [1, 2, 3], 4, 10
THINK_S, HURRY_S, SILENCE_S = 0.5, 0.05, 5.0
ELECTION_S = 0.4


class Customer:
    def __init__(self, number: int) -> None:
        self.process, self.node = number, 0
        self.call: dict[str, Any] = {}  # what it wants to know, and in which words
        self.words: list[str] = []
        self.asked = 0  # its last question: answers to earlier ones come too late
        self.waits = self.home = False


class Rush:
    def __init__(self, node: Any, seed: int, step: str, mended: bool) -> None:
        self.kind, self.mended = node, mended
        self.reads = step >= "step5"
        self.world = World(self.make, NODES, seed)
        self.world.answered, self.world.died = self.answered, self.died
        self.world.looked = self.looked
        self.customers = {number: Customer(number) for number in range(CUSTOMERS)}
        self.processes, self.orders = CUSTOMERS, 0
        self.history: list[dict[str, Any]] = []
        self.leaders: dict[int, int] = {}  # by term
        self.two = self.wrong = ""  # what must not be
        for number in self.customers:
            self.later(number, THINK_S)

    def make(self, id: int) -> Any:
        node = self.kind(id, {other: f"node{other}:6379" for other in NODES})
        node.election_s, node.draw = ELECTION_S, lambda: self.world.draw()
        if self.mended:
            node.fits = lambda before: before == node.stamp
        return node

    def looked(self, node: Any) -> None:
        leads = getattr(node, "leader", 0) == node.id
        if leads and self.leaders.setdefault(node.term, node.id) != node.id:
            self.two = f"two leaders in term {node.term}"

    def play(self, trouble: Callable[[World], float] | None) -> None:
        if trouble is not None:
            self.world.at(1.0, lambda: self.trouble(trouble))
        self.world.run(TROUBLE_S)
        for customer in self.customers.values():
            customer.home = True
        self.world.run(TROUBLE_S + CALM_S)
        self.wrong = self.two or self.look() or judge.judge(self.history) or ""

    def trouble(self, one: Callable[[World], float]) -> None:
        """One thing goes wrong; then the next."""
        next = self.world.now + one(self.world)
        if next < TROUBLE_S:
            self.world.at(next, lambda: self.trouble(one))

    # --- customers --------------------------------------------------------------------------------

    def later(self, number: int, wait_s: float) -> None:
        self.world.at(self.world.now + wait_s * self.world.draw(), lambda: self.next(number))

    def next(self, number: int) -> None:
        customer, draw = self.customers[number], self.world.draw
        if customer.call:
            self.ask(number)  # again, and somebody else
        elif not customer.home:
            key, share = f"seat:{int(draw() * SEATS)}", draw()
            self.orders += 1
            order = self.orders
            if share < 0.6:
                self.call(
                    customer, {"f": "cas", "value": [None, order]}, ["set", key, str(order), "nx"]
                )
            elif share < 0.75:
                self.call(customer, {"f": "delete"}, ["del", key])
            elif share < 0.9 or not self.reads:
                self.call(customer, {"f": "put", "value": order}, ["set", key, str(order)])
            else:
                self.call(customer, {"f": "get"}, ["get", key])
            self.ask(number)

    def call(self, customer: Customer, call: dict[str, Any], words: list[str]) -> None:
        customer.words = words
        customer.call = {"process": customer.process, "key": words[1], **call}
        self.history.append({"type": "invoke", **customer.call})

    def ask(self, number: int) -> None:
        customer, world = self.customers[number], self.world
        id = customer.node = customer.node or 1 + int(world.draw() * len(NODES))
        if not world.machines[id].up:
            customer.node = 0
            return self.later(number, HURRY_S)
        customer.waits, customer.asked = True, customer.asked + 1
        client, words = number * 1_000_000 + customer.asked, customer.words
        world.give(id, lambda node: node.ask(world.clock(id), client, words))
        return world.at(world.now + SILENCE_S, lambda: self.answered(client, ""))

    def died(self, id: int) -> None:
        for number, customer in self.customers.items():
            if customer.node == id and customer.waits:
                self.answered(number * 1_000_000 + customer.asked, "")

    def answered(self, client: int, answer: Any) -> None:
        number, asked = divmod(client, 1_000_000)
        customer = self.customers[number]
        if customer.asked != asked or not customer.waits:
            return
        customer.waits = False
        text = str(answer)
        if text.startswith(("-MOVED", "-CLUSTERDOWN", "-TRYAGAIN")):
            customer.node = int(text[-6]) if text.startswith("-MOVED") else 0
            self.later(number, HURRY_S)
            return
        call, customer.call = customer.call, {}
        if answer == "":
            customer.node = 0
            customer.process, self.processes = self.processes, self.processes + 1
            self.history.append({**call, "type": "info"})
        elif answer is None and call["f"] == "cas":
            self.history.append({**call, "type": "fail"})
        else:
            if call["f"] == "delete":
                call["value"] = answer == ":1"
            elif call["f"] == "get":
                call["value"] = None if answer is None else int(text[1:])
            self.history.append({**call, "type": "ok"})
        self.later(number, THINK_S)

    def look(self) -> str:
        """When all is calm: what each seat is in the end. Asked until somebody answers."""
        for seat in range(SEATS):
            number, end = CUSTOMERS + seat, self.world.now + CALM_S
            customer = self.customers[number] = Customer(self.processes)
            self.processes += 1
            self.call(customer, {"f": "get"}, ["get", f"seat:{seat}"])
            customer.home = True  # it asks nothing else
            self.ask(number)
            while customer.call and self.world.now < end:
                self.world.run(self.world.now + LOOK_S)
            if customer.call:
                return "in the end, not every seat can be asked"
        return ""

    def result(self) -> dict[str, int]:
        writes = [line for line in self.history if line["type"] == "ok" and line["f"] != "get"]
        return {"worlds": 1, "acknowledged": len(writes), "wrong": int(bool(self.wrong))}
