"""Questions: how true their answers are, what they cost without a leader, and the time they tell."""

import signal

import greenstalk
import pytest

from harness import Cluster, Node, Wire, eventually


@pytest.fixture(params=["linearizable", "lease"])
def reading_cluster(request, tmp_path):
    cluster = Cluster(tmp_path, reads=request.param).start()
    yield cluster
    cluster.kill()


def put(wire):
    answer = wire.ask("put 0 0 60 2\r\nhi\r\n")
    assert answer.startswith(b"INSERTED ")
    return int(answer.split()[1])


def test_what_one_node_acknowledged_every_node_knows(reading_cluster):
    wires = [Wire(node.address) for node in reading_cluster.nodes]
    for i in range(60):
        here, there = wires[i % 3], wires[(i + 1 + i % 2) % 3]
        job = put(here)
        assert there.ask(f"peek {job}\r\n") == f"FOUND {job} 2\r\n".encode()
        assert there.line() == b"hi\r\n"
        assert here.ask(f"delete {job}\r\n") == b"DELETED\r\n"
        assert there.ask(f"peek {job}\r\n") == b"NOT_FOUND\r\n"
        assert there.ask(f"stats-job {job}\r\n") == b"NOT_FOUND\r\n"
    for wire in wires:
        wire.close()


def test_a_leader_that_slept_does_not_answer_from_before(reading_cluster):
    leader = reading_cluster.leader()
    others = [node for node in reading_cluster.nodes if node is not leader]
    with Wire(leader.address) as sleeper:
        job = put(sleeper)
        leader.signal(signal.SIGSTOP)
        sleeper.say(f"peek {job}\r\n")
        new = reading_cluster.leader(among=others)
        with Wire(new.address) as wire:
            assert wire.ask(f"delete {job}\r\n") == b"DELETED\r\n"
        leader.signal(signal.SIGCONT)
        assert sleeper.line() == b"NOT_FOUND\r\n"


def test_questions_keep_their_place_among_commands(cluster):
    for node in cluster.nodes:
        with Wire(node.address) as wire:
            wire.say("peek 1000\r\nput 0 0 60 2\r\nhi\r\npeek-ready\r\nstats-job 1000\r\n"
                     "peek-buried\r\nuse else\r\nlist-tube-used\r\npeek-ready\r\n")
            assert wire.line() == b"NOT_FOUND\r\n"
            assert wire.line().startswith(b"INSERTED ")
            assert wire.line().startswith(b"FOUND ")
            assert wire.line() == b"hi\r\n"
            assert wire.line() == b"NOT_FOUND\r\n"
            assert wire.line() == b"NOT_FOUND\r\n"
            assert wire.line() == b"USING else\r\n"
            assert wire.line() == b"USING else\r\n"
            assert wire.line() == b"NOT_FOUND\r\n"


def test_without_a_leader_a_question_about_jobs_is_refused_and_counts_are_told(cluster):
    last, *others = cluster.followers() + [cluster.leader()]
    with Wire(last.address) as wire:
        job = put(wire)
        for node in others:
            node.kill()
        assert wire.ask(f"peek {job}\r\n") == b"INTERNAL_ERROR\r\n"
        assert wire.ask(f"stats-job {job}\r\n") == b"INTERNAL_ERROR\r\n"
        assert wire.ask("stats\r\n").startswith(b"OK ")


def test_a_node_that_is_not_founded_yet_refuses_questions_too(tmp_path):
    cluster = Cluster(tmp_path)
    alone = cluster.nodes[0].start()
    try:
        wire = eventually(lambda: Wire(alone.address), "it listens")
        assert wire.ask("peek 1\r\n") == b"INTERNAL_ERROR\r\n"
        wire.close()
    finally:
        cluster.kill()


def test_a_node_told_to_read_locally_answers_without_a_leader(tmp_path):
    cluster = Cluster(tmp_path, reads="local").start()
    try:
        last, *others = cluster.followers() + [cluster.leader()]
        with Wire(last.address) as wire:
            job = put(wire)
            for node in others:
                node.kill()
            assert wire.ask(f"peek {job}\r\n") == f"FOUND {job} 2\r\n".encode()
    finally:
        cluster.kill()


def check_time_runs(nodes):
    with greenstalk.Client(nodes[0].address) as client:
        held = client.put("held", ttr=1000)
        delayed = client.put("delayed", delay=1000)
        assert client.reserve(timeout=10).id == held

        def told(node, job, name):
            with greenstalk.Client(node.address) as other:
                return other.stats_job(job)[name]

        # Nothing else is asked of the queue: no entry moves log time on.
        for node in nodes:
            for job in held, delayed:
                eventually(lambda: told(node, job, "time-left") <= 997, "time-left falls")
                eventually(lambda: told(node, job, "age") >= 2, "age rises")


def test_time_left_falls_and_age_rises_on_an_idle_queue(tmp_path):
    node = Node(tmp_path).start_and_wait()
    try:
        check_time_runs([node])
    finally:
        node.kill()


def test_time_left_falls_and_age_rises_on_every_node_of_an_idle_cluster(cluster):
    check_time_runs(cluster.nodes)
