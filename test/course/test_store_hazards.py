"""The small store: each hazard of its table, and what holds it, in both languages."""

import pytest
from minis import PROGRAMS
from rooms import Room

CLOSED = ""


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


@pytest.fixture
def room(language):
    """room(ids=(1, 2, 3)): nodes of step 5."""
    rooms = []

    def make(**words):
        rooms.append(Room(language, **words))
        return rooms[-1]

    yield make
    for one in rooms:
        one.close()


# --- two leaders in a term ------------------------------------------------------------------------


def test_a_vote_is_on_the_disk_before_it_leaves_and_outlives_a_restart(room):
    nodes = room()
    left = nodes.receive(2, 1, "ASK", 1, [0, 0])
    assert left["send"] == [[1, ["VOTE", 1, True]]]
    assert left["save"][-1][2:] == ["vote", 1, 1]
    nodes.restart(2)
    assert nodes.receive(2, 3, "ASK", 1, [0, 0])["send"] == [[3, ["VOTE", 1, False]]]
    assert nodes.receive(2, 1, "ASK", 1, [0, 0])["send"] == [[1, ["VOTE", 1, True]]]


def test_votes_are_counted_by_sender_and_of_all_nodes(room):
    nodes = room(ids=(1, 2, 3, 4, 5))
    nodes.tick(1)
    nodes.tick(1, 3)
    for sender in (2, 2, 2):  # a majority of five is three
        nodes.receive(1, sender, "VOTE", 1, True)
        assert nodes.states[1]["leader"] == 0
    nodes.receive(1, 3, "VOTE", 1, False)
    assert nodes.states[1]["leader"] == 0
    nodes.receive(1, 4, "VOTE", 1, True)
    assert nodes.states[1]["leader"] == 1


def test_a_vote_of_an_earlier_term_does_not_count(room):
    nodes = room()
    nodes.tick(1)
    nodes.tick(1, 3)
    nodes.tick(1, 3)
    assert nodes.states[1]["term"] == 2
    for sender in (2, 3):
        nodes.receive(1, sender, "VOTE", 1, True)
    assert nodes.states[1]["leader"] == 0
    nodes.receive(1, 2, "VOTE", 2, True)
    assert nodes.states[1]["leader"] == 1


# --- the leader dies ------------------------------------------------------------------------------


def test_what_two_disks_have_is_there_when_the_leader_dies_before_it_answers(room):
    nodes = room()
    nodes.elect(1)
    client, heard = nodes.ask(1, "set", "seat:12", "anna", "nx")
    assert heard == {}
    nodes.lose(to=3)
    assert nodes.deliver(to=2) == {}
    nodes.restart(1)  # with the acknowledgement on its way to it
    nodes.lose()
    nodes.tick(3)
    nodes.tick(3, 3)
    nodes.receive(2, 3, "ASK", nodes.states[3]["term"], nodes.states[3]["stamp"])
    assert nodes.states[3]["leader"] == 0  # its stamp is smaller
    nodes.lose()
    nodes.elect(2)
    client, _ = nodes.ask(2, "get", "seat:12")
    assert nodes.deliver() == {client: "$anna"}
    assert nodes.states[3]["data"] == [["seat:12", "anna"]]


def test_whoever_has_less_is_not_voted_for(room):
    nodes = room()
    nodes.elect(1)
    nodes.ask(1, "set", "seat:12", "anna")
    nodes.deliver()
    term, (of, version) = nodes.states[2]["term"] + 1, nodes.states[2]["stamp"]
    for stamp in ([of, version - 1], [of - 1, version + 9]):
        assert nodes.receive(2, 3, "ASK", term, stamp)["send"] == [[3, ["VOTE", term, False]]]
    assert nodes.receive(2, 3, "ASK", term, [of, version])["send"] == [[3, ["VOTE", term, True]]]


def test_a_candidate_that_cannot_win_does_not_keep_from_it_who_can(room):
    """In a run it did, for twenty seconds: each time it asked, the other began to wait anew."""
    nodes = room()
    nodes.elect(1)
    nodes.ask(1, "set", "seat:12", "anna")
    nodes.lose(to=2)
    nodes.deliver()
    said = []
    for _ in range(4):  # node 1 is dead; node 2 asks, and asks again
        nodes.receive(3, 2, "ASK", nodes.states[3]["term"] + 1, [1, 0])
        said += nodes.tick(3, 0.4)["send"]
    assert "ASK" in [kind for _, (kind, *_) in said]


# --- old state ------------------------------------------------------------------------------------


def test_a_node_that_restarts_takes_nothing_before_a_whole_copy(room):
    nodes = room()
    nodes.elect(1)
    nodes.ask(1, "set", "seat:12", "anna")
    nodes.deliver()
    nodes.restart(2)
    stamp = nodes.states[1]["stamp"]
    assert stamp == nodes.states[2]["stamp"] and not nodes.states[2]["fresh"]
    left = nodes.receive(2, 1, "BEAT", stamp[0], 9, stamp, stamp)
    assert left["send"] == [[1, ["ALL?", stamp[0]]]]
    nodes.deliver()
    assert nodes.states[2]["fresh"]


def test_a_misfit_is_remembered_though_the_versions_meet_later(room):
    nodes = room()
    nodes.elect(1)
    assert nodes.states[3]["stamp"] == [1, 0] and nodes.states[3]["fresh"]
    wanted = [[1, ["ALL?", 1]]]
    assert nodes.receive(3, 1, "WRITE", 1, 2, [1, 1], [1, 2], "seat:12", "anna")["send"] == wanted
    assert nodes.receive(3, 1, "BEAT", 1, 3, [1, 0], [1, 0])["send"] == wanted
    assert nodes.receive(3, 1, "WRITE", 1, 3, [1, 0], [1, 1], "a", "b")["send"] == wanted


def test_a_copy_that_is_older_than_what_a_node_has_is_not_taken(room):
    nodes = room()
    nodes.elect(1)
    nodes.ask(1, "set", "seat:12", "anna")
    nodes.deliver()
    left = nodes.receive(2, 1, "ALL", 1, 1, [1, 0], [])
    assert left["send"] == [] and nodes.states[2]["data"] == [["seat:12", "anna"]]


# --- reads and refusals ---------------------------------------------------------------------------


def test_a_new_leader_restamps_what_it_has_and_serves_it_once_a_majority_holds_it(room):
    nodes = room()
    nodes.elect(1)
    nodes.ask(1, "set", "seat:12", "anna")
    nodes.lose()  # on one disk alone: it may be read only when that is no more
    nodes.restart(1)
    nodes.tick(1)
    nodes.tick(1, 3)
    nodes.deliver(kind="ASK")
    nodes.deliver(kind="VOTE")
    assert nodes.states[1]["leader"] == 1 and nodes.states[1]["stamp"] == [2, 1]
    reads = [nodes.ask(1, "get", "seat:12")]
    taken = nodes.ask(1, "set", "seat:12", "ben", "nx", level="leader")
    assert all(heard == {} for _, heard in [*reads, taken])
    assert nodes.deliver() == {reads[0][0]: "$anna", taken[0]: None}


def test_taken_and_not_there_wait_for_what_they_rest_on(room):
    nodes = room()
    nodes.elect(1)
    sold, _ = nodes.ask(1, "set", "seat:12", "anna", "nx")
    taken, heard = nodes.ask(1, "set", "seat:12", "ben", "nx")
    assert heard == {}
    gone, _ = nodes.ask(1, "del", "seat:12")
    again, heard = nodes.ask(1, "del", "seat:12")
    assert heard == {}
    assert nodes.deliver() == {sold: "+OK", taken: None, gone: ":1", again: ":0"}


def test_a_read_counts_only_what_answers_to_a_round_that_began_after_it(room):
    nodes = room()
    nodes.elect(1)
    nodes.tick(1, 0.2)
    nodes.deliver(kind="BEAT")  # these acknowledge a round that is older than the question
    client, heard = nodes.ask(1, "get", "seat:12")
    nodes.lose(to=2)
    nodes.lose(to=3)
    assert nodes.deliver(to=1) == {} == heard
    nodes.tick(1, 0.2)
    assert nodes.deliver() == {client: None}


# --- who waits ------------------------------------------------------------------------------------


def test_who_waits_is_cut_off_when_a_leadership_ends(room):
    nodes = room()
    nodes.elect(1)
    client, _ = nodes.ask(1, "set", "seat:12", "anna")
    nodes.lose()
    left = nodes.receive(1, 2, "ASK", 5, [1, 9])
    assert nodes.heard(left) == {client: CLOSED}
    nodes.lose()
    nodes.elect(1)
    other, _ = nodes.ask(1, "set", "seat:13", "ben")
    assert nodes.deliver() == {other: "+OK"}  # nothing pays the first any more


def test_a_leader_that_hears_no_majority_lets_go(room):
    nodes = room()
    nodes.elect(1)
    client, _ = nodes.ask(1, "set", "seat:12", "anna")
    left = [nodes.tick(1, 0.5) for _ in range(6)]
    assert nodes.heard(*left) == {client: CLOSED} and nodes.states[1]["leader"] == 0
    client, heard = nodes.ask(1, "get", "seat:12")
    assert heard == {client: "-CLUSTERDOWN no leader"}


def test_all_is_given_up_after_a_second_while_the_write_stands(room):
    nodes = room()
    nodes.elect(1)
    client, _ = nodes.ask(1, "set", "seat:12", "anna", level="all")
    nodes.lose(to=3)
    assert nodes.deliver() == {}
    assert nodes.heard(nodes.tick(1, 0.9)) == {}
    said = nodes.heard(nodes.tick(1, 0.2))
    assert said == {client: "-NOTALL 2 of 3; the write stands"}


def test_a_level_waits_for_as_many_disks_as_it_names(room):
    nodes = room()
    nodes.elect(1)
    one, heard = nodes.ask(1, "set", "a", "1", level="leader")
    assert heard == {one: "+OK"}
    two, heard = nodes.ask(1, "set", "a", "2", level="majority")
    three, more = nodes.ask(1, "set", "a", "3", level="all")
    assert heard == more == {}
    assert nodes.deliver(to=2) == {} and nodes.deliver(to=1) == {two: "+OK"}
    assert nodes.deliver() == {three: "+OK"}


# --- clocks, and a disk that is wiped -------------------------------------------------------------


def test_a_clock_that_jumps_loses_patience_and_nothing_else(room):
    nodes = room()
    nodes.elect(1)
    sold, _ = nodes.ask(1, "set", "seat:12", "anna", "nx")
    nodes.deliver()
    waits, _ = nodes.ask(1, "set", "seat:13", "ben", "nx")
    nodes.lose()
    left = nodes.tick(1, 1e6)
    assert nodes.heard(left) == {waits: CLOSED}
    nodes.lose()
    nodes.elect(2)
    client, _ = nodes.ask(2, "get", "seat:12")
    assert nodes.deliver() == {client: "$anna"}


def test_a_wiped_disk_is_not_promised(room):
    """What the table says is not held: an acknowledged write goes, for one of its disks is."""
    nodes = room()
    nodes.elect(1)
    sold, _ = nodes.ask(1, "set", "seat:12", "anna", "nx")
    nodes.lose(to=3)
    assert nodes.deliver() == {sold: "+OK"}
    nodes.disks[2] = []
    nodes.restart(2)
    nodes.lose()
    nodes.tick(3)
    nodes.tick(3, 3)
    nodes.lose(to=1)
    nodes.deliver()
    client, _ = nodes.ask(3, "get", "seat:12")
    nodes.lose(to=1)
    assert nodes.deliver() == {client: None}


# --- the hole that session 9 mends ----------------------------------------------------------------


def test_the_hole_one_version_everywhere_and_another_state(room):
    nodes = room()
    nodes.elect(1)
    lost, _ = nodes.ask(1, "set", "seat:11", "anna", "nx")
    nodes.lose()  # node 1 is cut off, and sells
    nodes.elect_without(2, 1)
    sold, _ = nodes.ask(2, "set", "seat:12", "ben", "nx")
    nodes.lose(to=1)
    assert nodes.deliver() == {sold: "+OK"}
    nodes.tick(2, 0.2)  # healed
    nodes.deliver()
    assert len({str(nodes.states[id]["stamp"]) for id in (1, 2, 3)}) == 1
    client, heard = nodes.ask(1, "get", "seat:12", level="local")
    assert heard == {client: None}
    nodes.lose()
    nodes.elect_without(1, 2)  # the leader dies, and node 1 leads
    again, _ = nodes.ask(1, "set", "seat:12", "cleo", "nx")
    nodes.lose(to=2)
    assert nodes.deliver() == {again: "+OK"}


# --- session reads --------------------------------------------------------------------------------


def test_a_session_read_waits_for_its_token_and_not_for_ever(room):
    nodes = room()
    nodes.elect(1)
    nodes.ask(1, "set", "seat:12", "anna")
    token = nodes.states[1]["stamp"]
    client, heard = nodes.ask(3, "get", "seat:12", level="session", token=token)
    assert heard == {}
    assert nodes.deliver(to=3) == {client: "$anna"}
    client, heard = nodes.ask(3, "get", "seat:12", level="session", token=[9, 9])
    assert heard == {}
    said = nodes.heard(nodes.tick(3, 2.9), nodes.tick(3, 0.2))
    assert said[client].startswith("-TRYAGAIN ")


def test_who_does_not_lead_says_who_does(room):
    nodes = room()
    client, heard = nodes.ask(2, "set", "foo", "1")
    assert heard == {client: "-CLUSTERDOWN no leader"}
    nodes.elect(1)
    for words in (("get", "foo"), ("set", "foo", "1"), ("del", "foo")):
        client, heard = nodes.ask(2, *words)
        assert heard == {client: "-MOVED 12182 host1:6379"}
    client, heard = nodes.ask(2, "get", "foo", level="local")
    assert heard == {client: None}
