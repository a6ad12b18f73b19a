from mine import Follower

SOLD = {"seat:11": "anna"}

node = Follower(1, SOLD)
assert node.all(1, 1, SOLD) == "ACK", "everything, from the leader of term 1: it is done"
assert node.write(1, 1, "seat:12", "ben") == "ACK", "version 1 is what it has: the change is done"
assert node.data == {**SOLD, "seat:12": "ben"}, f"after the change it has {node.data}"
assert node.write(1, 3, "seat:14", "dora") == "ALL?", "the change for version 2 is missing"
assert "seat:14" not in node.data, "a change that does not fit must not be done"
assert node.write(1, 2, "seat:13", "carla") == "ALL?", (
    "it has asked for everything, and must not go on with its own state until that has come"
)
full = {**SOLD, "seat:12": "ben", "seat:13": "carla", "seat:14": "dora"}
assert node.all(1, 4, full) == "ACK" and node.data == full, "now it has everything"
assert node.write(1, 4, "seat:15", "emil") == "ACK", "and may go on"

# It led once, and sold seat 12 to Ben: version 2, on its own disk alone. The leader of term 2 has
# sold it to Carla: version 2, too.
old = Follower(2, {**SOLD, "seat:12": "ben"})
said = old.write(2, 2, "seat:13", "dora")
assert said == "ALL?", f"it says {said} to version 3, and has {old.data['seat:12']} in seat 12"
assert old.all(2, 3, {**SOLD, "seat:12": "carla", "seat:13": "dora"}) == "ACK"
assert old.data["seat:12"] == "carla", "what the leader has sent replaces what it had"
assert old.write(2, 3, "seat:14", "emil") == "ACK", "now it is fresh"

assert old.write(3, 4, "seat:15", "fritz") == "ALL?", "a new term: another leader, other changes"
assert old.write(2, 4, "seat:16", "gerda") == "NO", "term 2 is over"
assert old.all(2, 9, {}) == "NO", "term 2 is over, for everything, too"
assert old.data["seat:12"] == "carla", "a leader whose term is over must not take anything away"
assert old.all(3, 4, old.data) == "ACK" and old.write(3, 4, "seat:15", "fritz") == "ACK"
