"""Says a command to a node of the store and prints its answer: python say.py GET seat:12

It follows no redirect: what the node says is what you read. Several commands, each in quotes, go
over one connection, one after the other. ./shop say does the same.
"""

import socket
import sys
from typing import Any, List

PATIENCE_S = 30


def say(port: int, words: List[str]) -> int:
    """Returns the exit code. A command may be one word with blanks in it, as in quotes."""
    several = all(" " in word.strip() for word in words)
    commands = [word.split() for word in words] if several or len(words) == 1 else [words]
    try:
        connection = socket.create_connection(("localhost", port), timeout=PATIENCE_S)
    except OSError:  # refused, or an address that this machine does not have
        print(f"no store listens at port {port}: start one in another terminal", file=sys.stderr)
        return 1
    try:
        with connection, connection.makefile("rb") as file:
            for command in commands:
                parts = [word.encode() for word in command]
                body = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
                connection.sendall(b"*%d\r\n%s" % (len(parts), body))
                print("\n".join(told(file)), flush=True)
    except OSError:
        print(
            f"it has not answered for {PATIENCE_S} s, or has hung up: nobody knows", file=sys.stderr
        )
        return 1
    return 0


def told(file: Any) -> List[str]:
    """As redis-cli prints it, but for the quotes."""
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError
    kind, text = line[:1], line[1:-2].decode()
    if kind == b"-":
        return [f"(error) {text}"]
    if kind == b":":
        return [f"(integer) {text}"]
    if kind == b"$" and text != "-1":
        return [file.read(int(text) + 2)[:-2].decode().rstrip("\r\n")]
    if kind == b"$":
        return ["(nil)"]
    if kind == b"*":
        return [line for _ in range(int(text)) for line in told(file)]
    return [text]


def main() -> int:
    words = sys.argv[1:]
    port = 6379
    if words[:1] == ["--port"] and len(words) > 1 and words[1].isdigit():
        port, words = int(words[1]), words[2:]
    if not words or not words[0].strip():
        print(__doc__, file=sys.stderr)
        return 2
    return say(port, words)


if __name__ == "__main__":
    sys.exit(main())
