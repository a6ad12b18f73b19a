"""A client of the chat, over the `websockets` library: what a person's client would do, step by step,
so that tests can look at each."""

import itertools
import json

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from harness import DEADLINE_S


class Chatter:
    """One connection. Messages are taken in the order in which they came; what a call is not about
    is kept for later calls."""

    def __init__(self, node, user, identity=None, rooms=None, **hello):
        self.socket = connect(f"ws://{node.host}:{node.port}/chat", open_timeout=DEADLINE_S,
                              close_timeout=DEADLINE_S, compression=None, legacy=True)
        self.kept = []
        self.ids = itertools.count(1)
        self.user = user
        said = {"type": "hello", "user": user, "rooms": rooms or {}, **hello}
        if identity:
            said.update(identity)
        self.say(**said)
        self.welcome = self.expect("welcome")

    @property
    def identity(self):
        return {name: self.welcome[name] for name in ("client", "secret", "epoch")}

    def say(self, **message):
        self.socket.send(json.dumps(message))

    def hear(self):
        """The next message that was not kept."""
        return json.loads(self.socket.recv(timeout=DEADLINE_S))

    def expect(self, kind, **members):
        """The next of that type with these members. An error that is not expected is raised."""
        def fits(message):
            return message["type"] == kind and all(
                message.get(name) == value for name, value in members.items())

        for message in self.kept:
            if fits(message):
                self.kept.remove(message)
                return message
        while True:
            message = self.hear()
            if fits(message):
                return message
            assert message["type"] != "error", message
            self.kept.append(message)

    def join(self, room, **members):
        number = 1_000_000 + next(self.ids)
        self.say(type="join", id=number, room=room, **members)
        return self.expect("joined", id=number)

    def post(self, room, text, number):
        self.say(type="post", id=number, room=room, text=text)
        return self.expect("ack", id=number)

    def event(self, room):
        """The next that comes of that room."""
        return self.expect("event", room=room)

    def present(self, room):
        number = 1_000_000 + next(self.ids)
        self.say(type="presence", id=number, room=room)
        return self.expect("presence", id=number)["users"]

    def closed(self):
        """Reads what is left; the code of the close frame."""
        try:
            while True:
                self.kept.append(self.hear())
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
