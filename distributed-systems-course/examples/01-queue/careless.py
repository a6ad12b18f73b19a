"""A worker that gives back whatever it gets, and thinks about nothing: python careless.py [PORT]

It puts one ticket into the tube `mail` and fails on it, ten times at most.
"""

import time

from client import Client, port_given

TRIES_MAX = 10
WAIT_S = 5


def work(client: Client) -> str:
    client.ask("use mail")
    client.ask("watch mail")
    print(client.ask("put 0 0 60 7", "seat 11"))
    began = time.monotonic()
    id = ""
    for attempt in range(1, TRIES_MAX + 1):
        job = client.reserve(WAIT_S)
        if job is None:
            return f"nothing for {WAIT_S} s: it does not come back"
        id, ticket = job
        print(f"{time.monotonic() - began:4.1f} s  attempt {attempt} at {ticket!r} fails")
        client.ask(f"release {id} 0 0")
    client.ask(f"delete {id}")
    return "enough"


print(work(Client(port_given())))
