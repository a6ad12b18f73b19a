"""One client: its bytes, its levels, and what it waits for. Given, not taught."""

import asyncio
from typing import TYPE_CHECKING, Any

import commands
import wire

if TYPE_CHECKING:
    from server import Server


class Session(asyncio.Protocol):
    def __init__(self, server: "Server") -> None:
        self.server = server
        self.decoder = wire.Decoder()
        self.waits = False  # for an answer of the node: what stands behind it waits, too
        self.output = bytearray()
        self.levels = {"read": "", "write": "majority"}  # "": what the step has by itself
        self.token = [0, 0]
        self.local = False  # READONLY

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.number = self.server.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.server.sessions.pop(self.number, None)

    def data_received(self, data: bytes) -> None:
        self.decoder.feed(data)
        self.work()
        self.server.flush()

    def work(self) -> None:
        while not self.waits and not self.transport.is_closing():
            try:
                words = self.decoder.next()
            except wire.BadProtocol as bad:
                self.say(f"-ERR Protocol error: {bad}")
                self.close()
                return
            if words is None:
                return
            if words:
                commands.handle(self, words)

    def say(self, answer: Any) -> None:
        self.output += wire.encode(answer)

    def close(self) -> None:
        self.flush()
        self.transport.close()

    def flush(self) -> None:
        if self.output and not self.transport.is_closing():
            self.transport.write(bytes(self.output))
            self.output.clear()

    def answered(self, answer: str | None) -> None:
        """The node has made up its mind. An empty one: nobody knows, and the connection ends."""
        self.waits = False
        if answer == "":
            self.transport.abort()
            return
        self.token = max(self.token, list(self.server.stamp()))
        self.say(answer)
        asyncio.get_running_loop().call_soon(self.data_received, b"")  # what stood behind it

    def ask(self, words: list[str], level: str) -> None:
        name, key, *rest = words
        level = level or self.levels["read" if name.lower() == "get" else "write"]
        if name.lower() == "get" and self.local and not level:
            level = "local"
        self.waits = True
        option = [word.lower() for word in rest[1:]]
        self.server.ask(self, [name.lower(), key, *rest[:1], *option], level)
