#!/usr/bin/env python3
"""Sits before the nodes of a store and writes down who asked what and when, for spacetime.py.

    tap_store.py EVENTS CALLER TAP TAP TAP NODE NODE NODE     ports; node 1 is behind the first tap

Whoever calls is called CALLER, and a node by its number. Both sides speak RESP2: a message is an
array of bulk strings, or one answer. It changes nothing that passes. On SIGTERM it leaves what it
saw in EVENTS, one JSON object a line.
"""

import contextlib
import json
import re
import signal
import socket
import sys
import threading
import time
from typing import BinaryIO


class Tap:
    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.events: list[dict[str, object]] = []

    def note(self, sender: str, to: str, text: str) -> None:
        if moved := re.fullmatch(r"MOVED (\d+) store-(\d):\d+", text):
            text = f"MOVED: slot {moved[1]} is node {moved[2]}'s"
        with self.lock:
            at = round(time.monotonic() - self.began, 4)
            self.events.append({"at": at, "from": sender, "to": to, "text": text})

    def listen(self, tap: int, port: int, node: str) -> None:
        server = socket.create_server(("127.0.0.1", tap))
        threading.Thread(target=self.accept, args=(server, port, node), daemon=True).start()

    def accept(self, server: socket.socket, port: int, node: str) -> None:
        while True:
            client, _ = server.accept()
            try:
                store = socket.create_connection(("127.0.0.1", port))
            except OSError:
                client.close()  # the node is down
                continue
            for ways in ((client, store, self.caller, node), (store, client, node, self.caller)):
                threading.Thread(target=self.pass_on, args=ways, daemon=True).start()

    def pass_on(self, source: socket.socket, target: socket.socket, sender: str, to: str) -> None:
        """One direction, message by message, to its end."""
        with contextlib.suppress(OSError, ValueError, EOFError), source.makefile("rb") as file:
            while True:
                data, text = message(file)
                self.note(sender, to, text)
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def message(file: BinaryIO) -> tuple[bytes, str]:
    """Its bytes, and how it reads."""
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    kind, rest = line[:1], line[1:-2].decode()
    if kind == b"*":
        parts = [message(file) for _ in range(int(rest))]
        return b"".join([line, *(data for data, _ in parts)]), " ".join(text for _, text in parts)
    if kind == b"$" and rest != "-1":
        body = file.read(int(rest) + 2)
        return line + body, body[:-2].decode()
    return line, "(nil)" if kind == b"$" else rest


def main() -> None:
    place, caller, *ports = sys.argv[1:]
    tap = Tap(caller)
    taps, nodes = ports[: len(ports) // 2], ports[len(ports) // 2 :]
    for number, (listens, port) in enumerate(zip(taps, nodes, strict=True), start=1):
        tap.listen(int(listens), int(port), f"node {number}")

    def leave(*_: object) -> None:
        with tap.lock, open(place, "w", encoding="utf-8") as file:
            for event in tap.events:
                file.write(json.dumps(event) + "\n")
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    print("listens", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
