#!/usr/bin/env python3
"""Sits between the clients and a queue and writes down who said what and when, for spacetime.py.

    tap.py LISTEN QUEUE EVENTS NAME...     the n-th connection is called the n-th name

Both sides speak beanstalkd's protocol: lines, and a body behind those that announce one. It changes
nothing that passes. On SIGTERM it leaves what it saw in EVENTS, one JSON object a line.
"""

import contextlib
import json
import signal
import socket
import sys
import threading
import time

QUEUE = "queue"
BODY = {b"put": -1, b"RESERVED": -1, b"FOUND": -1, b"OK": -1}  # which word says how long it is


class Tap:
    def __init__(self, queue_port: int) -> None:
        self.queue_port = queue_port
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.events: list[dict[str, object]] = []

    def note(self, **event: object) -> None:
        with self.lock:
            self.events.append({"at": round(time.monotonic() - self.began, 4), **event})

    def serve(self, client: socket.socket, name: str) -> None:
        queue = socket.create_connection(("127.0.0.1", self.queue_port))
        back = threading.Thread(target=self.pass_on, args=(queue, client, QUEUE, name), daemon=True)
        back.start()
        self.pass_on(client, queue, name, QUEUE)

    def pass_on(self, source: socket.socket, target: socket.socket, sender: str, to: str) -> None:
        """One direction, message by message, to its end."""
        file = source.makefile("rb")
        try:
            while line := file.readline():
                words = line.split()
                body = b""
                if words and words[0] in BODY:
                    body = file.read(int(words[BODY[words[0]]]) + 2)
                said = [part.decode(errors="replace").strip() for part in (line, body) if part]
                event = {"from": sender, "to": to, "text": said[0], "body": "".join(said[1:])}
                self.note(**event)
                target.sendall(line + body)
        except (OSError, ValueError):
            pass
        if sender != QUEUE:
            self.note(who=sender, text="the connection ends", ends=True)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def main() -> None:
    listen, queue, place, *names = sys.argv[1:]
    tap = Tap(int(queue))
    server = socket.create_server(("127.0.0.1", int(listen)))

    def leave(*_: object) -> None:
        with tap.lock, open(place, "w", encoding="utf-8") as file:
            for event in tap.events:
                file.write(json.dumps(event) + "\n")
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    print("listens", flush=True)
    for name in names:
        client, _ = server.accept()
        threading.Thread(target=tap.serve, args=(client, name), daemon=True).start()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
