"""What happens to a ticket when its worker dies? python incident.py [PORT]

Three tickets are put into the queue. Anna takes one and her process dies. Ben takes what is left.
"""

from client import Client, port_given


def main() -> None:
    port = port_given()
    shop = Client(port)
    for seat in (11, 12, 13):
        shop.ask("put 0 0 60 7", f"seat {seat}")
    anna = Client(port)
    _, ticket = anna.reserve() or ("", "nothing")
    print(f"Anna takes {ticket!r} and dies.")
    anna.die()
    ben = Client(port)
    while job := ben.reserve():
        id, ticket = job
        print(f"Ben  takes {ticket!r}, prints it, and says so: {ben.ask(f'delete {id}')}")
    print("Ben  waits for a second: no more tickets.")


main()
