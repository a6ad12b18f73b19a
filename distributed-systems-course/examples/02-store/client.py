"""One question to one node of the store, which follows nothing. Given."""

import os
import socket
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent / "mini/python"))  # where step2 lies

PATIENCE_S = 5
START_S, LOOK_S = 10, 0.2  # how long a node may take to start, and how often one looks
PORTS = [int(port) for port in os.environ.get("STORE_PORTS", "6379 6380 6381").split()]


def ask(address: str, *words: str) -> str | None:
    """Its first letter says what the answer is: +OK  -ERR ...  :1  $text; None: there is none.

    Raises OSError where nobody answers.
    """
    parts = [word.encode() for word in words]
    body = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    with socket.create_connection(dialled(address), timeout=PATIENCE_S) as connection:
        connection.sendall(b"*%d\r\n%s" % (len(parts), body))
        with connection.makefile("rb") as file:
            line = file.readline()
            if not line.endswith(b"\r\n"):
                raise ConnectionError("it has hung up")
            text = line[:-2].decode()
            if not text.startswith("$"):
                return text
            return None if text == "$-1" else "$" + file.read(int(text[1:]) + 2)[:-2].decode()


def wait_until_up() -> None:
    """All three. Docker answers for a node that is only starting, and hangs up."""
    deadline = time.monotonic() + START_S
    waiting = [f"store-{number}:6379" for number in range(1, len(PORTS) + 1)]
    while waiting:
        try:
            ask(waiting[0], "PING")
            waiting.pop(0)
        except ConnectionRefusedError:
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_S)


def dialled(address: str) -> tuple[str, int]:
    """store-2:6379 is how the shop's machines call node 2; on this one it has port 6380."""
    host, _, port = address.rpartition(":")
    number = host.removeprefix("store-")
    return ("localhost", PORTS[int(number) - 1]) if number.isdecimal() else (host, int(port))
