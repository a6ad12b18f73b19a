"""Links between nodes: one connection a pair, which keeps the order of what is said. Given.

A line is a message, as JSON. The first says who calls: ["store-mini", ID]. A link that is silent
for a second is closed, and what waited on it is gone: to whoever listens again, only what is new.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

HELLO, PING = "store-mini", "PING"
PING_S, SILENCE_S, RETRY_S = 0.25, 1.0, 0.2
LINE_MAX = 64 << 20  # a message may carry all the data

# What follows a kind: t a term or another number, s a stamp, b yes or no, k a text, v a text or
# none, d pairs of texts.
SHAPES = {
    "BEAT": "ttss",
    "WRITE": "ttsskv",
    "ACK": "tts",
    "ALL?": "t",
    "ALL": "ttsd",
    "NO": "t",
    "ASK": "ts",
    "VOTE": "tb",
}


class Peers:
    def __init__(
        self, id: int, addresses: dict[int, str], heard: Callable[[int, Any], None]
    ) -> None:
        self.id, self.addresses, self.heard = id, addresses, heard
        self.links: dict[int, asyncio.StreamWriter] = {}
        self.cut = False

    async def start(self, host: str, port: int) -> asyncio.Server:
        """The greater number calls, so that a pair has one link."""
        server = await asyncio.start_server(self.called, host, port, limit=LINE_MAX)
        self.calls = [
            asyncio.create_task(self.call(node)) for node in self.addresses if node < self.id
        ]
        return server

    def send(self, to: int, message: list[Any]) -> None:
        """Now or never: who is not connected does not hear it."""
        if to in self.links and not self.cut:
            self.links[to].write(line_of(message))

    def drop(self) -> None:
        for writer in list(self.links.values()):
            writer.transport.abort()
        self.links.clear()

    async def call(self, node: int) -> None:
        while True:
            if not self.cut:
                host, port = self.addresses[node].rsplit(":", 1)
                try:
                    dialed = asyncio.open_connection(host, int(port), limit=LINE_MAX)
                    reader, writer = await asyncio.wait_for(dialed, SILENCE_S)
                    writer.write(line_of([HELLO, self.id]))
                    await self.serve(node, reader, writer)
                except OSError:
                    pass  # it is down, or cut off: again
            await asyncio.sleep(RETRY_S)

    async def called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            hello = parsed(await asyncio.wait_for(reader.readline(), SILENCE_S))
        except (OSError, ValueError):
            hello = []
        known = len(hello) == 2 and hello[0] == HELLO and isinstance(hello[1], int)
        if not known or hello[1] not in self.addresses or hello[1] <= self.id or self.cut:
            if not self.cut:
                writer.write(b"this is the port of a store's other nodes, and you are none\n")
            writer.close()
            return
        with contextlib.suppress(asyncio.CancelledError):  # this process ends
            await self.serve(hello[1], reader, writer)

    async def serve(
        self, node: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Reads until it is silent. A link that comes anew ends the old one: nothing overtakes."""
        if node in self.links:
            self.links[node].transport.abort()
        self.links[node] = writer
        print(f"node {node} is there", flush=True)
        pinging = asyncio.create_task(ping(writer))
        try:
            while self.links.get(node) is writer:
                line = await asyncio.wait_for(reader.readline(), SILENCE_S)
                if not line.endswith(b"\n"):
                    break
                message = parsed(line)
                if self.links.get(node) is writer and message != [PING]:
                    self.heard(node, checked(message))
        except ValueError as error:
            print(f"node {node} says what no node says: {error}", file=sys.stderr, flush=True)
        except OSError:
            pass  # it is gone, or as good as gone
        pinging.cancel()
        writer.transport.abort()
        if self.links.get(node) is writer:
            del self.links[node]
            print(f"node {node} is silent or gone", flush=True)


async def ping(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(line_of([PING]))
        await asyncio.sleep(PING_S)


def line_of(message: list[Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def parsed(line: bytes) -> list[Any]:
    message = json.loads(line)
    if not isinstance(message, list) or not message:
        raise ValueError("no list")
    return message


def checked(message: list[Any]) -> list[Any]:
    shape = SHAPES.get(message[0], "") if isinstance(message[0], str) else ""
    if len(message) != 1 + len(shape) or not shape or not all(map(fits, shape, message[1:])):
        raise ValueError(f"{str(message)[:60]} is no message")
    return message


def fits(letter: str, word: Any) -> bool:
    if letter == "t":
        return type(word) is int and 0 <= word < 2**53
    if letter == "d":
        return isinstance(word, list) and all(fits("p", pair) for pair in word)
    if letter in "sp":
        inner = {"s": "tt", "p": "kk"}[letter]
        return isinstance(word, list) and len(word) == 2 and all(map(fits, inner, word))
    return isinstance(word, bool if letter == "b" else str) or (letter == "v" and word is None)
