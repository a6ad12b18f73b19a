"""Says one command to the queue and prints its answer: python say.py "put 0 0 60 5" hello

What you would otherwise do with netcat, which not every machine has.
"""

import socket
import sys


def main() -> None:
    words = sys.argv[1:]
    port = 11300
    if words[:1] == ["--port"]:
        port, words = int(words[1]), words[2:]
    if not words:
        sys.exit(__doc__)
    try:
        connection = socket.create_connection(("localhost", port), timeout=30)
    except OSError:  # refused, or an address that this machine does not have
        sys.exit(f"no queue listens at port {port}: start one in another terminal")
    with connection:
        connection.sendall("".join(word + "\r\n" for word in words).encode())
        file = connection.makefile("rb")
        line = file.readline().decode().strip()
        print(line)
        if line.startswith(("RESERVED", "FOUND", "OK")):
            print(file.read(int(line.split()[-1]) + 2).decode().strip())


main()
