from typing import Any

from nodes import node_of

IDS = (1, 2, 3)
Make = node_of("mine")


class Room:
    """Three nodes, their disks, and all that is said between them. Who is cut hears nobody."""

    def __init__(self) -> None:
        self.now, self.client = 100.0, 0
        self.disks: dict[int, list[Any]] = {id: [] for id in IDS}
        self.mail: list[tuple[int, int, Any]] = []
        self.answers: dict[int, Any] = {}
        self.cut: set[int] = set()
        self.nodes = {id: self.start(id) for id in IDS}

    def start(self, id: int) -> Any:
        node = Make(id, {other: f"store-{other}:6379" for other in IDS})
        node.election_s, node.draw = 1.0, lambda: 0.0
        for entry in self.disks[id]:
            node.apply(entry)
        return node

    def restart(self, id: int) -> None:
        self.mail = [one for one in self.mail if id not in one[:2]]
        self.nodes[id] = self.start(id)

    def left(self, id: int) -> None:
        node = self.nodes[id]
        self.disks[id] += node.save
        self.mail += [(id, to, message) for to, message in node.send]
        self.answers |= dict(node.answers)
        node.save, node.send, node.answers = [], [], []

    def tick(self, id: int, after: float = 0.0) -> None:
        self.now += after
        self.nodes[id].tick(self.now)
        self.left(id)

    def deliver(self, to: int = 0) -> None:
        """All that is on its way, and what comes of it; with `to`, only what is for that node."""
        for _ in range(10_000):
            fits = [one for one in self.mail if to in (0, one[1])]
            if not fits:
                return
            sender, end, message = fits[0]
            self.mail.remove(fits[0])
            if not self.cut & {sender, end}:
                self.nodes[end].receive(self.now, sender, message)
                self.left(end)
        raise AssertionError("your nodes never stop talking: each message brings forth another one")

    def ask(self, id: int, words: str, *more: Any) -> int:
        """With a level, and with a token."""
        self.client += 1
        try:
            self.nodes[id].ask(self.now, self.client, words.split(), *more)
        except TypeError as error:
            if "positional argument" not in str(error):
                raise
            raise AssertionError("ask() gets a level, and then a token, too") from error
        self.left(id)
        return self.client

    def heard(self, client: int) -> Any:
        return self.answers.get(client, "no answer yet")

    def elect(self, id: int) -> None:
        """It loses patience, asks for votes, and hears of them; again, if it had led before."""
        self.tick(id)
        for _ in range(3):
            self.deliver()
            if not self.leads(id):
                self.tick(id, 3.0)

    def leads(self, id: int) -> bool:
        """Whoever does not lead sends its customers away, or says that nobody leads."""
        said = self.heard(self.ask(id, "get who"))
        return not (isinstance(said, str) and said.startswith("-"))


# Votes
room = Room()
assert not room.leads(1), "nobody has voted yet, so nobody leads: -CLUSTERDOWN"
room.elect(1)
assert room.leads(1), "node 1 lost its patience and heard from both others: it leads"
said = room.heard(room.ask(2, "set seat:1 ben"))
assert said == "-MOVED 5749 store-1:6379", f"node 2 sends customers to the leader, not {said!r}"
room = Room()
room.tick(1)
room.tick(1, 3.0)
room.deliver(to=2)  # node 2 has voted for node 1
room.restart(2)
held, room.mail = [one for one in room.mail if one[1] != 3], []
room.tick(3)
room.tick(3, 3.0)  # node 3 asks for votes in the same term
room.deliver()
assert not room.leads(3), "node 2 gave its vote of this term to node 1, restarted, and forgot it"

# Copies, and levels of a write
room = Room()
room.elect(1)
write = room.ask(1, "set seat:12 anna nx", "majority")
assert room.heard(write) == "no answer yet", "only the leader has it: majority has to wait"
room.deliver()
assert room.heard(write) == "+OK", f"all have it, and the leader hears so, not {room.heard(write)}"
assert room.nodes[3].data.get("seat:12") == "anna", "node 3 has no copy of seat 12"
taken = room.ask(1, "set seat:12 ben nx")
room.deliver()
assert room.heard(taken) is None, "seat 12 is taken: nil"
assert room.heard(room.ask(1, "set x y", "leader")) == "+OK", "level leader waits for nobody"
room.deliver()
room.cut = {3}
write = room.ask(1, "set seat:13 anna", "all")
room.deliver()
assert room.heard(write) == "no answer yet", "level all waits for node 3"
room.tick(1, 1.1)
room.deliver()
room.tick(1, 0.1)
said = room.heard(write)
assert str(said).startswith("-NOTALL"), f"after a second, all is -NOTALL, not {said!r}"

# Levels of a read
token = room.nodes[1].stamp
assert room.heard(room.ask(3, "get seat:13", "local")) is None, "local: node 3 has no seat 13"
waits = room.ask(3, "get seat:13", "session", token)
assert room.heard(waits) == "no answer yet", "session: node 3 knows less than the token, and waits"
room.cut = set()
room.tick(1, 0.2)
room.deliver()
assert room.heard(waits) == "$anna", "session: node 3 has caught up, and its reader gets an answer"
read = room.ask(1, "get seat:13", "linearizable")
assert room.heard(read) == "no answer yet", "linearizable: nobody has confirmed that node 1 leads"
room.deliver()
assert room.heard(read) == "$anna", "linearizable: a majority has echoed the round"
room.cut = {1}
read = room.ask(1, "get seat:13", "linearizable")
room.deliver()
for _ in range(40):
    room.tick(1, 0.1)
said = room.heard(read)
assert said == "", f"cut off, it must not answer, but hang up (an empty text), and not say {said!r}"

# The leader dies; a node that was away comes back
room.elect(2)
read = room.ask(2, "get seat:12")
room.deliver()
assert room.heard(read) == "$anna", "the new leader has all that was acknowledged"
room.ask(2, "set seat:14 carl")
room.deliver()
room.cut = set()
room.restart(1)
room.tick(2, 0.2)
room.deliver()
data = room.nodes[1].data
assert data.get("seat:14") == "carl", f"node 1 is back, and has {data}: it lacks seat 14"
