"""The least that a client of the queue needs: what the small programs beside this one share."""

import re
import socket
import sys


def port_given() -> int:
    """The port on the command line, or the queue's own."""
    word = sys.argv[1] if len(sys.argv) > 1 else "11300"
    if not re.fullmatch("[0-9]{1,5}", word) or int(word) > 65535:
        print(f"{word!r} is no port: give a number up to 65535", file=sys.stderr)
        sys.exit(2)
    return int(word)


class Client:
    def __init__(self, port: int) -> None:
        try:
            self.socket = socket.create_connection(("localhost", port), timeout=10)
        except OSError:  # refused, or an address that this machine does not have
            sys.exit(f"no queue listens at port {port}: start one in another terminal")
        self.file = self.socket.makefile("rb")

    def ask(self, command: str, body: str = "") -> str:
        text = f"{command}\r\n{body}\r\n" if body else f"{command}\r\n"
        self.socket.sendall(text.encode())
        return self.file.readline().decode().strip()

    def reserve(self, timeout_s: int = 1) -> tuple[str, str] | None:
        """(the job's number, its body); None if there was none for so long."""
        reply = self.ask(f"reserve-with-timeout {timeout_s}")
        if reply == "TIMED_OUT":
            return None
        _, id, size = reply.split()
        return id, self.file.read(int(size) + 2).decode().strip()

    def die(self) -> None:
        self.file.close()
        self.socket.close()
