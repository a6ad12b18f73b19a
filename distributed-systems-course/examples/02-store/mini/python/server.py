"""The server: sockets, the clock, the log. Given, not taught.

    python server.py step4 1      node 1 of three on this machine, its clients at port 6379

It is the world around the state machines of a step: it tells them the time and what was said; what
they leave in `save` goes to the disk first, and then their messages and answers leave.
"""

import asyncio
import importlib
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import admin
from commands import SLOTS
from nodes import STEPS, as_far_as, node_of
from peers import Peers
from session import Session
from settings import number, table

TICK_S = 0.02
LATE_S = 0.1  # who stood still for so long hears first, and loses patience then


class Server:
    def __init__(
        self, step: str, id: int, addresses: dict[int, str], peers: dict[int, str]
    ) -> None:
        self.id, self.step, self.addresses = id, step, addresses
        self.far = as_far_as(step)
        self.node = node_of(step)(id, addresses)
        self.node.election_s = number("ELECTION_MS", 500 * id) / 1000  # node 1 leads first
        self.node.draw = random.random
        self.tokens = self.far >= "step5"
        self.unknown = [] if self.far >= "step3" else ["consistency"]
        if self.far < "step2":
            self.unknown += ["readonly", "readwrite", "asking"]
        self.sessions: dict[int, Session] = {}
        self.count = 0
        self.peers = Peers(id, peers, self.heard)
        self.log = importlib.import_module(f"{step}.log").Log(
            Path(os.environ.get("DATA", f"data/{id}"))
        )
        try:
            for entry in self.log.replay():
                self.node.apply(entry)
        except ValueError as damage:
            sys.exit(f"{damage}: refusing to start, as data would be lost in silence")

    # --- the node ---------------------------------------------------------------------------------

    def ask(self, session: Session, words: list[str], level: str) -> None:
        more: list[Any] = [level] if self.far >= "step3" else []
        if self.tokens:
            more.append(session.token)
        self.node.ask(time.monotonic(), session.number, words, *more)

    def heard(self, sender: int, message: list[Any]) -> None:
        self.node.receive(time.monotonic(), sender, message)
        self.flush()

    def flush(self) -> None:
        """First the disk, then messages and answers: what was acknowledged is never lost."""
        node = self.node
        save, send, answers = node.save, node.send, node.answers
        node.save, node.send, node.answers = [], [], []
        try:
            for entry in save:
                self.log.append(entry)
            if save:
                self.log.sync()
        except OSError as error:
            stop_at_once(f"the log cannot be written: {error}")
        for to, message in send:
            self.peers.send(to, message)
        for client, answer in answers:
            if client in self.sessions:
                self.sessions[client].answered(answer)
        for session in list(self.sessions.values()):
            session.flush()

    async def tick(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now, before = time.monotonic(), last
            last = now
            if now - before < LATE_S:
                self.node.tick(now)
                self.flush()

    def opened(self, session: Session) -> int:
        self.count += 1
        self.sessions[self.count] = session
        return self.count

    # --- what is known of it ----------------------------------------------------------------------

    def stamp(self) -> list[int]:
        return list(getattr(self.node, "stamp", [0, 0]))

    def ranges(self) -> list[tuple[int, int, list[int]]]:
        """Who has which slots: first, last, the nodes, the owner first."""
        if hasattr(self.node, "ranges"):
            return list(self.node.ranges())
        return [(0, SLOTS - 1, [self.id])]

    def leads(self) -> bool:
        return any(nodes[0] == self.id for _, _, nodes in self.ranges())

    def slot_of(self, key: str) -> int:
        home = "mine" if self.step == "mine" else "step2"
        return int(importlib.import_module(f"{home}.slots").slot_of(key))

    def known_as(self, node: int) -> list[Any]:
        host, port = self.addresses[node].rsplit(":", 1)
        return ["$" + host, int(port), f"${node:040}"]


def stop_at_once(why: str) -> NoReturn:
    """Going on would acknowledge what is not there."""
    print(f"{why}; stopping", file=sys.stderr)
    os._exit(1)


async def run(step: str, id: int) -> None:
    host, ids = os.environ.get("HOST", "127.0.0.1"), [1] if step == "step1" else [1, 2, 3]
    port, admin_port = number("PORT", 6378 + id), number("ADMIN", 8999 + id)
    peer_port = number("PEER_PORT", 7000 + id)
    addresses = table("NODES", {node: f"127.0.0.1:{6378 + node}" for node in ids})
    peers = table("PEERS", {node: f"127.0.0.1:{7000 + node}" for node in ids})
    if id not in addresses or addresses.keys() != peers.keys():
        sys.exit(f"there is no node {id}; there are {', '.join(map(str, sorted(addresses)))}")
    server = Server(step, id, addresses, peers)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    try:
        clients = await loop.create_server(lambda: Session(server), host, port)
        listening = [clients, await admin.start(server, host, admin_port)]
        if server.far >= "step3":
            listening.append(await server.peers.start(host, peer_port))
    except OSError as error:
        sys.exit(f"cannot listen: {error.strerror} (is another store, or the shop, still up?)")
    ticking = asyncio.create_task(server.tick())
    print(f"node {id} of {step} listens at {host}:{port}", flush=True)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({stopping, ticking}, return_when=asyncio.FIRST_COMPLETED)
    if ticking.done():
        ticking.result()  # raises
    server.flush()
    for place in listening:
        place.close()
    print("stopped", flush=True)


if __name__ == "__main__":
    words = sys.argv[1:] + [os.environ.get("NODE", "1")][: max(0, 3 - len(sys.argv))]
    if len(words) != 2 or words[0] not in STEPS or not words[1].isdecimal():
        sys.exit(f"usage: python server.py {'|'.join(STEPS)} [NUMBER OF THE NODE]")
    asyncio.run(run(words[0], int(words[1])))
