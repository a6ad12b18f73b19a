"""The chat as real processes, with clients that no one here wrote: `websockets` and `ws`."""

import http.client
import itertools
import json
import os
import shutil
import subprocess
import threading

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chatter import Chatter
from harness import DEADLINE_S, Wire, eventually
from history import History


@pytest.fixture
def node(place):
    return place.node(system="chat").start_and_wait()


@pytest.fixture
def cluster(place):
    return place.cluster(system="chat").start()


def test_a_node_alone(node):
    with Chatter(node, "ann") as ann, Chatter(node, "bob") as bob:
        assert ann.welcome["user"] == "ann" and ann.welcome["node"] == 1
        assert bob.join("lobby")["seq"] == 0
        assert ann.post("lobby", "hello", 1)["seq"] == 1
        event = bob.event("lobby")
        assert (event["seq"], event["user"], event["text"]) == (1, "ann", "hello")
        assert event["client"] == ann.welcome["client"] and event["id"] == 1
        ann.say(type="edit", id=2, room="lobby", seq=1, text="hello, all")
        assert bob.event("lobby")["of"] == 1
        ann.say(type="delete", id=3, room="lobby", seq=1)
        assert bob.event("lobby")["kind"] == "delete"
        ann.say(type="history", id=4, room="lobby", before=100, limit=10)
        assert ann.expect("history")["events"][0].get("deleted") is True


def test_what_is_posted_on_one_node_is_seen_on_the_others(cluster):
    chatters = [Chatter(node, f"user-{node.number}") for node in cluster.nodes]
    for chatter in chatters:
        chatter.join("lobby")
    for i, chatter in enumerate(chatters):
        assert chatter.post("lobby", f"by {i}", 1)["seq"] == i + 1
    for chatter in chatters:
        assert [chatter.event("lobby")["text"] for _ in chatters] == ["by 0", "by 1", "by 2"]
        chatter.close()
    cluster.wait_agreement()


def test_rooms_are_independent(cluster):
    with Chatter(cluster.nodes[0], "ann") as ann, Chatter(cluster.nodes[1], "bob") as bob:
        bob.join("lobby")
        assert ann.post("attic", "not for bob", 1)["seq"] == 1
        assert ann.post("lobby", "for bob", 2)["seq"] == 1
        assert bob.event("lobby")["text"] == "for bob"
        assert bob.kept == [m for m in bob.kept if m.get("room") == "lobby"]


def test_presence_comes_and_goes_across_nodes(place):
    cluster = place.cluster(system="chat", grace_s=1).start()
    with Chatter(cluster.nodes[0], "ann") as ann:
        ann.join("lobby")
        bob = Chatter(cluster.nodes[1], "bob")
        bob.join("lobby")
        assert ann.expect("presence")["joined"] == ["bob"]
        assert bob.present("lobby") == ["ann", "bob"]
        bob.close()
        gone = ann.expect("presence")
        assert (gone["joined"], gone["left"], gone["count"]) == ([], ["bob"], 1)
        assert ann.present("lobby") == ["ann"]


def test_who_is_back_in_time_never_left(place):
    cluster = place.cluster(system="chat", grace_s=600).start()
    with Chatter(cluster.nodes[0], "ann") as ann:
        ann.join("lobby")
        bob = Chatter(cluster.nodes[1], "bob")
        bob.join("lobby")
        ann.expect("presence")
        bob.close()
        with Chatter(cluster.nodes[2], "bob", rooms={"lobby": 0}) as back:
            back.expect("joined")
            back.say(type="leave", id=1, room="lobby")
            back.expect("left")
            # Had the first of his connections, which is in its grace, been forgotten, this were the
            # second time.
            assert ann.expect("presence")["left"] == ["bob"]
            assert not [m for m in ann.kept if m["type"] == "presence"]


def test_the_last_to_attach_owns_an_identity(cluster):
    """A duplicated tab, and a resend at another node."""
    first = Chatter(cluster.nodes[0], "ann")
    assert first.post("lobby", "once", 1)["seq"] == 1
    with Chatter(cluster.nodes[1], "ann", identity=first.identity) as second:
        assert first.closed() == 4409
        again = second.post("lobby", "once", 1)
        assert (again["seq"], again["duplicate"]) == (1, True)
        assert second.post("lobby", "more", 2)["seq"] == 2
    with Chatter(cluster.nodes[2], "eve") as eve:
        assert eve.join("lobby", after=0)["seq"] == 2


def test_a_room_is_resumed_at_another_node_without_hole_or_double(cluster):
    with Chatter(cluster.nodes[0], "ann") as ann:
        bob = Chatter(cluster.nodes[1], "bob", rooms={"lobby": 0})
        for number in range(1, 11):
            ann.post("lobby", f"t{number}", number)
        assert [bob.event("lobby")["seq"] for _ in range(5)] == [1, 2, 3, 4, 5]
        bob.close()
        with Chatter(cluster.nodes[2], "bob", identity=bob.identity, rooms={"lobby": 5}) as bob:
            assert [bob.event("lobby")["seq"] for _ in range(5)] == [6, 7, 8, 9, 10]
            bob.say(type="join", id=1, room="lobby", after=11)
            assert bob.expect("error")["code"] == "ahead"


def test_histories_survive_all_nodes(cluster):
    with Chatter(cluster.nodes[0], "ann") as ann:
        for number in range(1, 6):
            ann.post("lobby", f"t{number}", number)
    for node in cluster.nodes:
        node.kill()
    for node in cluster.nodes:
        node.start()
    for node in cluster.nodes:
        node.wait_healthy()
    with Chatter(cluster.nodes[1], "bob", rooms={"lobby": 0}) as bob:
        assert [bob.event("lobby")["text"] for _ in range(5)] == ["t1", "t2", "t3", "t4", "t5"]
        assert bob.post("lobby", "t6", 1)["seq"] == 6


# --- kill -9, judged ------------------------------------------------------------------------------


class Person:
    """Posts one after the other; when the connection ends, goes to the next node, sends what was not
    answered again, and reads on behind the last that was seen. All of it is written down."""

    def __init__(self, cluster, history, number):
        self.nodes = itertools.cycle(cluster.nodes[number:] + cluster.nodes[:number])
        self.poster, self.reader = history.process(), history.process()
        self.history = history
        self.user = f"user-{number}"
        self.number = number
        self.identity = None
        self.seen = 0
        self.posted = 0
        self.chatter = None

    def again(self):
        """A connection; None: this node has none to give."""
        node = next(self.nodes)
        try:
            self.chatter = Chatter(node, self.user, identity=self.identity,
                                   rooms={"lobby": self.seen})
            self.identity = self.chatter.identity
            self.chatter.expect("joined")
            return self.chatter
        except (OSError, AssertionError, ConnectionClosed, InvalidStatus, TimeoutError):
            return None

    def begin(self):
        joined = eventually(self.again, "a node takes the client")
        self.reader.call("join", lambda: 0, tell=lambda _: {"value": 0}, key="lobby", value=0)
        return joined

    def look(self, message):
        if message["type"] == "event" and message["room"] == "lobby":
            self.seen = message["seq"]
            self.history.note("ok", self.reader.number, "see", key="lobby",
                              value=[message["seq"], message["text"]])

    def post(self, text):
        self.posted += 1

        def answered():
            try:
                self.chatter.say(type="post", id=self.posted, room="lobby", text=text)
                while True:
                    message = self.chatter.kept.pop(0) if self.chatter.kept else self.chatter.hear()
                    self.look(message)
                    if message["type"] == "ack" and message["id"] == self.posted:
                        return message["seq"]
                    if message["type"] == "error":
                        assert message["retry"], message
                        return None
            except (OSError, ConnectionClosed, TimeoutError):
                eventually(self.again, "another node takes the client")
                return None

        return self.poster.call("post", lambda: eventually(answered, "it is acknowledged"),
                                tell=lambda seq: {"value": seq}, key="lobby", value=text)

    def read_to(self, last):
        def there():
            try:
                while self.seen < last:
                    message = self.chatter.kept.pop(0) if self.chatter.kept else self.chatter.hear()
                    self.look(message)
                return True
            except (OSError, ConnectionClosed, TimeoutError):
                return eventually(self.again, "another node takes the client") and None

        eventually(there, "all was seen")
        self.reader.call("end", lambda: last, tell=lambda seq: {"value": seq}, key="lobby")


def test_what_was_acknowledged_survives_kill_9_of_leaders(cluster, tmp_path):
    """Three people post while leaders are killed; each sees each post, once, in one order."""
    history = History(tmp_path / "history.jsonl")
    people = [Person(cluster, history, number) for number in range(3)]
    last = [0] * len(people)
    done = threading.Event()

    def live(person):
        person.begin()
        while not done.is_set() or person.posted < 20:
            last[person.number] = person.post(f"{person.user}: {person.posted}")

    threads = [threading.Thread(target=live, args=[person], daemon=True) for person in people]
    for thread in threads:
        thread.start()
    for _ in range(2):
        seen = [person.posted for person in people]
        eventually(lambda: all(p.posted > s + 10 for p, s in zip(people, seen)), "all post")
        leader = cluster.leader()
        history.disturb("kill")
        leader.kill()
        seen = [person.posted for person in people]
        eventually(lambda: all(p.posted > s + 5 for p, s in zip(people, seen)), "all post again")
        leader.start_and_wait()
    done.set()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    for person in people:
        person.read_to(max(last))
        person.chatter.close()
    assert ": holds: " in history.check("chat")
    cluster.wait_agreement()


# --- the door ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers, status", [
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Host": "evil.example"}, 421),
    ({"Origin": "http://chat.example"}, 101),
    ({"Host": "chat.example"}, 101),
])
def test_foreign_pages_and_names_are_refused(place, headers, status):
    node = place.node(system="chat", endpoints="http://chat.example").start_and_wait()
    asked = http.client.HTTPConnection(node.host, node.port, timeout=DEADLINE_S)
    asked.request("GET", "/chat", headers={
        "Host": f"localhost:{node.port}", "Upgrade": "websocket", "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13", **headers})
    assert asked.getresponse().status == status
    asked.close()


def test_the_silent_are_closed(place):
    """A socket that answers no pings. That those who do stay is for the unit tests: their clocks
    cannot be late."""
    node = place.node(system="chat", ping_s=1, silence_s=2).start_and_wait()
    hello = json.dumps({"type": "hello", "user": "bob"}).encode()
    with Wire(node.address) as wire:
        wire.say(f"GET /chat HTTP/1.1\r\nHost: localhost:{node.port}\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "Sec-WebSocket-Version: 13\r\n\r\n")
        wire.say(bytes([0x81, 0x80 | len(hello), 0, 0, 0, 0]) + hello)
        heard = wire.file.read()
    assert b"\x89\x00" in heard  # it was pinged
    assert int.from_bytes(heard.rsplit(b"\x88", 1)[1][1:3], "big") == 4408


def test_a_drain_closes_with_1001(node):
    ann = Chatter(node, "ann")
    assert ann.post("lobby", "last", 1)["seq"] == 1
    assert node.stop() == 0
    assert ann.closed() == 1001
    assert any(message["type"] == "bye" for message in ann.kept)


NODE_PROGRAM = """
import { WebSocket } from "ws";
const [a, b] = process.argv.slice(2).map((port) => new WebSocket(`ws://127.0.0.1:${port}/chat`, "quartet.chat.v1"));
const heard = [];
const next = (socket, type) => new Promise((resolve) => socket.on("message", function take(text) {
  const message = JSON.parse(text);
  if (message.type !== type) return;
  socket.off("message", take);
  resolve(message);
}));
const say = (socket, message) => socket.send(JSON.stringify(message));
await Promise.all([a, b].map((socket) => new Promise((resolve) => socket.on("open", resolve))));
let joined = [next(a, "joined"), next(b, "joined")];
say(a, { type: "hello", user: "ann", rooms: { lobby: 0 } });
say(b, { type: "hello", user: "bob", rooms: { lobby: 0 } });
await Promise.all(joined);
const seen = next(b, "event");
say(a, { type: "post", id: 1, room: "lobby", data: { x: [1] } });
const event = await seen;
console.log(JSON.stringify([a.protocol, event.seq, event.user, event.data]));
b.on("close", (code) => { console.log(code); a.close(); });
b.send(Buffer.from([1, 2]));
"""


def test_ws(cluster, tmp_path):
    modules = os.environ.get("NODE_PATH")
    if shutil.which("node") is None or not modules:
        pytest.skip("needs node, and NODE_PATH")
    program = tmp_path / "program.mjs"
    program.write_text(NODE_PROGRAM)
    (tmp_path / "node_modules").symlink_to(modules)
    ports = [str(node.port) for node in cluster.nodes[:2]]
    done = subprocess.run(["node", program, *ports], capture_output=True, text=True,
                          timeout=DEADLINE_S)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ['["quartet.chat.v1",1,"ann",{"x":[1]}]', "1003"]
