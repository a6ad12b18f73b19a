"""Posts one line to the lobby of the chat and prints what the node answers: python say.py hello all

It is `shop` who says it. ./shop say does the same.
"""

import base64
import json
import os
import socket
import struct
import sys
from typing import Any, Dict, List

PATIENCE_S = 30


def frame(message: Dict[str, Any]) -> bytes:
    """A text of a client's, masked (RFC 6455, section 5.3)."""
    text, mask = json.dumps(message).encode(), os.urandom(4)
    size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack(">H", len(text))
    return b"\x81" + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))


def hear(file: Any) -> Dict[str, Any]:
    """The next message."""
    while True:
        head = file.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            raise ConnectionError
        size = head[1] & 127
        if size > 125:
            size = int.from_bytes(file.read(2 if size == 126 else 8), "big")
        payload = file.read(size)
        if head[0] & 15 == 1:
            message: Dict[str, Any] = json.loads(payload)
            return message


def become_socket(connection: socket.socket, file: Any, port: int) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET /chat HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    connection.sendall(head.encode())
    if b" 101 " not in file.readline():
        raise ConnectionError
    while file.readline() not in (b"\r\n", b""):
        pass


def say(port: int, words: List[str]) -> int:
    """Returns the exit code."""
    try:
        connection = socket.create_connection(("localhost", port), timeout=PATIENCE_S)
    except OSError:  # refused, or an address that this machine does not have
        print(f"no chat listens at port {port}: start one in another terminal", file=sys.stderr)
        return 1
    try:
        with connection, connection.makefile("rb") as file:
            become_socket(connection, file, port)
            connection.sendall(frame({"type": "hello", "user": "shop"}))
            answer = hear(file)
            if answer["type"] == "welcome":
                post = {"type": "post", "id": 1, "room": "lobby", "text": " ".join(words)}
                connection.sendall(frame(post))
                answer = hear(file)
            print(json.dumps(answer))
            return 0 if answer["type"] == "ack" else 1
    except OSError:
        print(
            f"it has not answered for {PATIENCE_S} s, or has hung up: nobody knows", file=sys.stderr
        )
        return 1


def main() -> int:
    words = sys.argv[1:]
    port = 8080
    if words[:1] == ["--port"] and len(words) > 1 and words[1].isdigit():
        port, words = int(words[1]), words[2:]
    if not words or not words[0].strip():
        print(__doc__, file=sys.stderr)
        return 2
    return say(port, words)


if __name__ == "__main__":
    sys.exit(main())
