"""Says one command to the queue and prints its answer: python say.py "put 0 0 60 5" hello

What you would otherwise do with netcat, which not every machine has. ./shop say does the same.
"""

import socket
import sys
from typing import List, Optional

PATIENCE_S = 30


def mistake(words: List[str]) -> Optional[str]:
    """A body of another length than was announced: the queue would wait for the rest of it."""
    name, *arguments = words[0].split()
    if name != "put" or len(arguments) != 4 or not arguments[3].isdigit():
        return None  # whatever is wrong with it, the queue says so
    if len(words) != 2:
        return f"put wants its body as one word behind it: \"{words[0]}\" 'seat 11'"
    length = len(words[1].encode())
    if length == int(arguments[3]):
        return None
    return f'"{words[0]}" says {arguments[3]} bytes, and the body "{words[1]}" has {length}'


def say(port: int, words: List[str]) -> int:
    """Returns the exit code."""
    wrong = mistake(words)
    if wrong:
        print(wrong, file=sys.stderr)
        return 2
    try:
        connection = socket.create_connection(("localhost", port), timeout=PATIENCE_S)
    except OSError:  # refused, or an address that this machine does not have
        print(f"no queue listens at port {port}: start one in another terminal", file=sys.stderr)
        return 1
    try:
        with connection:
            connection.sendall("".join(word + "\r\n" for word in words).encode())
            tell(connection)
    except OSError:
        print(f"it has not answered for {PATIENCE_S} s, or has hung up", file=sys.stderr)
        return 1
    return 0


def tell(connection: socket.socket) -> None:
    file = connection.makefile("rb")
    line = file.readline().decode().strip()
    if not line:
        raise ConnectionError
    print(line)
    if line.startswith(("RESERVED", "FOUND", "OK")):
        print(file.read(int(line.split()[-1]) + 2).decode().strip())


def main() -> int:
    words = sys.argv[1:]
    port = 11300
    if words[:1] == ["--port"] and len(words) > 1 and words[1].isdigit():
        port, words = int(words[1]), words[2:]
    if not words or not words[0].strip():
        print(__doc__, file=sys.stderr)
        return 2
    return say(port, words)


if __name__ == "__main__":
    sys.exit(main())
