import assert from "node:assert/strict";

import { Follower } from "./mine.ts";

const is = (found: unknown, wanted: unknown, why: string) => assert.deepEqual(found, wanted, why);
const sold = { "seat:11": "anna" };

const node = new Follower(1, sold);
is(node.all(1, 1, sold), "ACK", "everything, from the leader of term 1: it is done");
is(node.write(1, 1, "seat:12", "ben"), "ACK", "version 1 is what it has: the change is done");
is(node.data, { ...sold, "seat:12": "ben" }, "after the change it has both");
is(node.write(1, 3, "seat:14", "dora"), "ALL?", "the change for version 2 is missing");
is(node.data["seat:14"], undefined, "a change that does not fit must not be done");
is(
  node.write(1, 2, "seat:13", "carla"),
  "ALL?",
  "it has asked for everything, and must not go on with its own state until that has come",
);
const full = { ...sold, "seat:12": "ben", "seat:13": "carla", "seat:14": "dora" };
is(node.all(1, 4, full), "ACK", "everything has come");
is(node.data, full, "now it has everything");
is(node.write(1, 4, "seat:15", "emil"), "ACK", "and may go on");

// It led once, and sold seat 12 to Ben: version 2, on its own disk alone. The leader of term 2 has
// sold it to Carla: version 2, too.
const old = new Follower(2, { ...sold, "seat:12": "ben" });
const said = old.write(2, 2, "seat:13", "dora");
is(said, "ALL?", `it says ${said} to version 3, and has ${old.data["seat:12"]} in seat 12`);
is(old.all(2, 3, { ...sold, "seat:12": "carla", "seat:13": "dora" }), "ACK", "everything");
is(old.data["seat:12"], "carla", "what the leader has sent replaces what it had");
is(old.write(2, 3, "seat:14", "emil"), "ACK", "now it is fresh");

is(old.write(3, 4, "seat:15", "fritz"), "ALL?", "a new term: another leader, other changes");
is(old.write(2, 4, "seat:16", "gerda"), "NO", "term 2 is over");
is(old.all(2, 9, {}), "NO", "term 2 is over, for everything, too");
is(old.data["seat:12"], "carla", "a leader whose term is over must not take anything away");
is(old.all(3, 4, old.data), "ACK", "everything, from the leader of term 3");
is(old.write(3, 4, "seat:15", "fritz"), "ACK", "and fresh again");
