"""What happens to a ticket when its worker dies? python incident.py [PORT]

Three tickets are put into the queue. Anna takes one and her process dies. Ben takes what is left.
"""

import socket
import sys


class Client:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("localhost", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def ask(self, command: str, body: str = "") -> str:
        text = f"{command}\r\n{body}\r\n" if body else f"{command}\r\n"
        self.socket.sendall(text.encode())
        return self.file.readline().decode().strip()

    def reserve(self) -> tuple[str, str] | None:
        reply = self.ask("reserve-with-timeout 1")
        if reply == "TIMED_OUT":
            return None
        _, id, size = reply.split()
        return id, self.file.read(int(size) + 2).decode().strip()

    def die(self) -> None:
        self.file.close()
        self.socket.close()


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 11300
    shop, anna, ben = Client(port), Client(port), Client(port)
    for seat in (11, 12, 13):
        shop.ask("put 0 0 60 7", f"seat {seat}")
    _, ticket = anna.reserve() or ("", "nothing")
    print(f"Anna takes {ticket!r} and dies.")
    anna.die()
    while job := ben.reserve():
        id, ticket = job
        print(f"Ben  takes {ticket!r}, prints it, and says so: {ben.ask(f'delete {id}')}")
    print("Ben  waits for a second: no more tickets.")


main()
