"""./shop: the docker commands by which it changes anything are those that it prints, and they are
the right ones; and what it says. Whether they break and mend anything is what test/compose sees."""

import ast
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from minis import Mini
from shops import EXAMPLES, SYSTEM_PATH, Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def a_worker_says(*events):
    return "".join(json.dumps({"who": "w", **event}) + "\n" for event in events)


STARTED = {"event": "started", "job": 7, "key": "order-7", "at": "1"}
NEXT = {"event": "started", "job": 8, "key": "order-8", "at": "2"}
DONE = {"event": "done", "job": 7, "key": "order-7", "at": "1.5"}


# --- breaking and mending -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "commands"),
    [
        ("kill worker-python", ["kill --signal KILL queue-c-worker-python-1"]),
        ("kill 2", ["kill --signal KILL queue-c-queue-2-1"]),
        ("kill queue-1 3", [f"kill --signal KILL queue-c-queue-{n}-1" for n in (1, 3)]),
        ("kill worker", ["kill --signal KILL queue-c-worker-python-1"]),
        ("pause producer", ["pause queue-c-producer-1"]),
        ("cut 3", ["network disconnect queue-c_peers queue-c-queue-3-1"]),
        ("cut worker-python", ["network disconnect queue-c_front queue-c-worker-python-1"]),
        (
            "split 1 2",
            [
                "network create --internal queue-c_island",
                "network disconnect queue-c_peers queue-c-queue-1-1",
                "network connect --alias peer-1 queue-c_island queue-c-queue-1-1",
                "network disconnect queue-c_peers queue-c-queue-2-1",
                "network connect --alias peer-2 queue-c_island queue-c-queue-2-1",
            ],
        ),
    ],
)
def test_each_way_of_breaking_is_a_command_or_a_few(place, words, commands):
    assert place.shop(*words.split())[0] == commands


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        ("paused", ["unpause {}"]),
        ("exited", ["start {}"]),
        ("off-peers", ["network connect --alias peer-2 queue-c_peers {}"]),
        ("off-front", ["network connect --alias queue-2 queue-c_front {}"]),
        (
            "island",
            [
                "network disconnect queue-c_island {}",
                "network connect --alias peer-2 queue-c_peers {}",
            ],
        ),
    ],
)
@pytest.mark.parametrize("words", [["heal", "2"], ["heal"]], ids=["by name", "all"])
def test_heal_undoes_what_was_done(place, words, state, commands):
    place.runs(queue_2=state)
    wanted = [command.format("queue-c-queue-2-1") for command in commands]
    assert place.shop(*words)[0] == wanted


def test_heal_removes_the_island_when_the_last_has_left_it(place):
    (place.bin / "networks").write_text("queue-c_front\nqueue-c_island\n")
    assert place.shop("heal")[0] == ["network rm queue-c_island"]


def test_heal_says_so_where_nothing_is_broken(place):
    assert "nothing to heal: all run" in place.shop("heal")[1]
    assert "nothing to heal: queue-2 run" in place.shop("heal", "2")[1]


def test_a_worker_killed_with_nothing_in_its_hand_is_told(place):
    (place.bin / "logs").write_text(a_worker_says(STARTED, DONE))
    said = place.shop("kill", "worker-python")[1]
    assert "worker-python had no job in its hand" in said and "--busy" in said
    (place.bin / "logs").write_text("noise\n" + a_worker_says(STARTED, DONE, NEXT))
    said = place.shop("kill", "worker-python")[1]
    assert "worker-python had order-8 in its hand: ./shop story order-8" in said


class Busy:
    """./shop HOW worker-python --busy, and what the worker has said by then."""

    def __init__(self, place, how, *events):
        self.bin = place.bin
        (self.bin / "looks").write_text("")
        self.says(*events)
        self.process = subprocess.Popen(
            [sys.executable, place.folder / "shop", how, "worker-python", "--busy"],
            env={"PATH": f"{place.bin}{os.pathsep}{SYSTEM_PATH}", "FAILS": "nothing"},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True},
        )

    def says(self, *events):
        (self.bin / "new").write_text(a_worker_says(*events))
        (self.bin / "new").rename(self.bin / "logs")

    def wait_for_looks(self, count):
        deadline = time.monotonic() + 30
        while len((self.bin / "looks").read_text()) < count:
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.02)


def test_busy_waits_for_a_job_that_has_just_begun(place):
    """What it has in its hand at first may be about to end."""
    busy = Busy(place, "kill", STARTED)
    busy.wait_for_looks(3)
    busy.says(STARTED, DONE, NEXT)
    assert busy.process.communicate(timeout=30)[0] == (
        "+ docker kill --signal KILL queue-c-worker-python-1\n"
        "worker-python had order-8 in its hand: ./shop story order-8\n"
    )


def test_busy_strikes_once_more_where_the_job_was_done_when_the_blow_fell(place):
    busy = Busy(place, "pause")
    busy.wait_for_looks(3)
    (place.bin / "after").write_text(a_worker_says(STARTED, DONE))  # once it is struck
    busy.says(STARTED)
    lines = [busy.process.stdout.readline() for _ in range(2)]
    assert lines == [
        "+ docker pause queue-c-worker-python-1\n",
        "worker-python had just ended its job: once more\n",
    ]
    busy.says(STARTED, DONE, NEXT)
    assert "worker-python had order-8 in its hand" in busy.process.communicate(timeout=30)[0]


# --- which shop -----------------------------------------------------------------------------------


def test_up_remembers_and_takes_the_other_down(place):
    place.runs("c")
    ran, said = place.shop("up", "python", "--step", "2")
    assert ran == ["compose --project-name queue-c down", "compose up --build --detach"]
    assert "queue-c is up, and there is room for one shop" in said
    assert place.told()[1:] == [("python", "2")]
    assert "the shop on python, step 2" in said
    assert "IMPL=python\nSTEP=2\n" in (place.folder / ".env").read_text()
    assert place.shop("up")[0] == ["compose up --build --detach"]
    assert place.told() == [("python", "2")]
    place.shop("up", "typescript")
    assert place.told() == [("typescript", "4")]
    place.shop("up", "c")
    assert place.told() == [("c", "")]


def test_a_choice_of_the_environment_goes_first_and_is_printed_where_it_must_be_typed(place):
    place.runs("")
    place.shop("up", IMPL="python")
    assert place.printed == ["docker compose up --build --detach"]
    place.shop("up", "c", IMPL="python")
    assert place.printed == ["IMPL=c docker compose up --build --detach"]


def test_what_runs_is_meant_whatever_was_chosen(place):
    place.runs("")
    place.shop("up", "typescript")
    place.runs("python")
    assert place.shop("kill", "1")[0] == ["kill --signal KILL queue-python-queue-1-1"]
    assert "The shop on python" in place.shop("status")[1]
    assert place.shop("down", "-v")[0] == ["compose --project-name queue-python down --volumes"]


def test_it_works_from_any_folder(place, tmp_path):
    place.runs("")
    place.shop("up", cwd=tmp_path)
    assert place.printed == ["cd examples/01-queue", "docker compose up --build --detach"]


def test_a_shop_of_another_system_is_taken_down_too_and_a_test_is_not(place):
    line = "{}\tqueue-1\t{}\tFalse\tx\trunning\tUp\t\t\n"
    store = place.folder.parent / "02-store"
    place.listing(line.format("store-c", store) + line.format("quartet-test-c-9", place.folder))
    assert place.shop("up")[0] == [
        "compose --project-name store-c down",
        "compose up --build --detach",
    ]


def test_down_takes_the_island_along(place):
    (place.bin / "networks").write_text("queue-c_island\n")
    assert place.shop("down")[0] == [
        "compose --project-name queue-c down",
        "network rm queue-c_island",
    ]
    place.runs("")
    (place.bin / "networks").write_text("")
    assert place.shop("down") == ([], "no shop is up here\n")
    assert place.shop("down", "--volumes")[0] == ["compose --project-name queue-c down --volumes"]


# --- what it tells --------------------------------------------------------------------------------


def test_status_tells_of_a_part_of_a_shop_and_of_what_is_broken(place):
    place.runs(
        queue_2="gone",
        queue_3="off-peers",
        producer="paused",
        worker_python="exited",
        worker_typescript_1="created",
    )
    said = place.shop("status", code=1)[1]
    states = dict(re.findall(r"^  (\S+) +(.+)$", said, re.MULTILINE))
    assert states == {
        "queue-1": "running",
        "queue-2": "not there",
        "queue-3": "running, cut off",
        "producer": "paused",
        "worker-python": "killed, or ended",
        "worker-typescript-1": "not started yet",
        "worker-typescript-2": "running",
    }
    assert "Only a part of it is there: ./shop up starts the rest." in said


def test_status_tells_of_another_shop_and_of_a_stranger_at_a_port(place):
    place.runs("c")
    place.runs("python", append=True)
    said = place.shop("status", code=1)[1]
    assert "Beside it queue-python is up, too (5 of its containers run)" in said
    assert f"Port {place.port} is taken by the container queue-python-queue-1-1." in said
    place.runs("")
    said = place.shop("status", code=1)[1]
    assert said == "No shop is up. ./shop up starts the shop on c, which was chosen last.\n"
    with socket.create_server(("127.0.0.1", place.port)):
        said = place.shop("status", code=1)[1]
        assert f"Port {place.port} is taken by a program outside of Compose" in said
        said = place.shop("up", code=1)[1]
        assert said.startswith(f"shop: port {place.port} is taken by a program outside of Compose")
        assert len(said.splitlines()) == 1


def test_the_leader_is_asked_of_the_nodes(place):
    """Of two who are said to lead, kill takes the one of the later term."""
    with (
        node_says(place.admin, role="leader", term=3, leader=1),
        node_says(place.admin + 1, role="follower", term=4, leader=3),
        node_says(place.admin + 2, role="leader", term=4, leader=3),
    ):
        said = place.shop("leader")[1].splitlines()
        assert said == [
            "queue-3 leads in term 4, say queue-2, queue-3",
            "queue-1 leads in term 3, say queue-1",
        ]
        assert place.shop("kill", "leader")[0] == ["kill --signal KILL queue-c-queue-3-1"]
        assert "follower in term 4, leader 3" in place.shop("status")[1]
    assert place.shop("leader", code=1)[1] == "no node knows a leader\n"


@contextlib.contextmanager
def node_says(port, **status):
    program = (
        "import http.server, sys\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers()\n"
        "        self.wfile.write(sys.argv[2].encode())\n"
        "    def log_message(self, *_): pass\n"
        "server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), H)\n"
        "print('ready', flush=True)\n"
        "server.serve_forever()\n"
    )
    command = [sys.executable, "-c", program, str(port), json.dumps(status)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "ready\n"
        yield
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.mark.parametrize(
    ("states", "where"),
    [
        ({}, "exec -T producer"),
        ({"producer": "exited"}, "exec -T worker-python"),
        ({"producer": "paused", "worker_python": "exited"}, "run --rm --no-deps -T producer"),
    ],
)
def test_journals_are_read_whoever_was_killed(place, states, where):
    place.runs(**states)
    assert place.shop("tally", "5")[0] == [f"compose {where} python tally.py 5"]
    assert place.shop("tally")[0] == [f"compose {where} python tally.py"]
    assert place.shop("story", "order-7")[0] == [f"compose {where} python story.py order-7"]


ALL_SERVICES = (
    *("queue_1", "queue_2", "queue_3"),
    *("producer", "worker_python", "worker_typescript_1", "worker_typescript_2"),
)


def test_journals_of_a_shop_that_never_ran_are_not_looked_for(place):
    """Compose would start a container for it, and that would tell of a folder."""
    place.runs(**dict.fromkeys(ALL_SERVICES, "created"))
    calls, said = place.shop("tally", code=1)
    assert calls == [] and said == "shop: the shop on c has not run yet: ./shop up starts it\n"


def test_a_story_may_be_drawn(place, tmp_path):
    """By tools/draw.py, from the events that a container writes."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/draw.py").write_text("import sys; print(sys.argv[1:], sys.stdin.read())")
    ran, said = place.shop("story", "order-7", "--draw", "a.html", cwd=tmp_path)
    assert ran == ["compose exec -T producer python storyline.py order-7"]
    assert str(["-", str(tmp_path / "a.html"), "--title", "The story of order-7"]) in said
    ran, said = place.shop("story", "order-7", "--draw", "a.html", fails="compose?exec*", code=1)
    assert "The story of" not in said


def test_logs_are_composes(place):
    assert place.shop("logs", "producer")[0] == ["compose logs --no-log-prefix producer"]
    ran, _ = place.shop("logs", "worker-python", "--follow")
    assert ran == ["compose logs --no-log-prefix --follow worker-python"]


# --- say ------------------------------------------------------------------------------------------


def test_say_speaks_to_a_node_also_without_docker(place, tmp_path):
    queue = Mini("python", "step2", tmp_path).start()
    text = (place.folder / "shop").read_text()
    (place.folder / "shop").write_text(text.replace(f"port={place.port}", f"port={queue.port - 1}"))
    try:
        assert place.shop("say", "2", "put 0 0 60 7", "seat 11") == ([], "INSERTED 1\n")
        said = place.shop("say", "2", "put 0 0 60 9", "seat 11", code=2)[1]
        assert said == '"put 0 0 60 9" says 9 bytes, and the body "seat 11" has 7\n'
        said = place.shop("say", "2", "put 0 0 60 9", code=2)[1]
        assert "put wants its body as one word" in said
    finally:
        queue.kill()
    assert "no queue listens at port" in place.shop("say", "2", "stats-tube a", code=1)[1]


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "a command is missing; there are up, down, status,"),
        ("melt", "there is no command melt; there are up, down, status,"),
        ("up rust", "there is no implementation rust; there are c, python, typescript, mine"),
        ("up python --step 9", "there is no step 9: python has 1 to 4"),
        ("up python --step x", "x is no number"),
        ("up c --step 2", "c is not built in steps; python, typescript are"),
        ("kill", "the following arguments are required: NAME"),
        ("kill worker-9", "there is no worker-9 in the shop on c; there are queue-1, queue-2,"),
        ("kill 4", "there is no 4 in the shop on c; there are queue-1, queue-2,"),
        ("kill 1 --busy", "--busy is for one worker: worker, worker-python,"),
        ("split producer", "producer is no node; ./shop cut cuts off a client"),
        ("split 1 2 3", "of 3 nodes, nobody would be left on the other side"),
        ("say 4 stats", "there is no node 4: there are 1 to 3"),
        ("say one stats", "one is no number"),
        ("tally soon", "soon is no number of seconds"),
        ("story", "the following arguments are required: KEY|WORKER"),
    ],
)
def test_what_is_asked_for_wrongly_is_one_clear_line(place, words, complaint):
    ran, said = place.shop(*words.split(), code=2)
    assert ran == [] and len(said.splitlines()) == 1
    assert said.startswith("shop: ") and complaint in said


@pytest.mark.parametrize(
    ("states", "words", "complaint"),
    [
        ({"impl": ""}, "kill 1", "no shop is up here: ./shop up starts one"),
        ({"impl": ""}, "tally", "no shop is up here: ./shop up starts one"),
        ({"queue_1": "exited"}, "kill 1", "queue-1 does not run (exited): ./shop heal queue-1"),
        ({"queue_1": "gone"}, "kill 1", "queue-1 is not there, though it should be: ./shop up"),
        ({"queue_1": "off-peers"}, "cut 1", "queue-1 is cut off already: ./shop heal queue-1"),
        ({}, "kill leader", "no node says who leads"),
        ({"worker_python": "exited"}, "kill worker-python --busy", "worker-python does not run"),
    ],
)
def test_what_cannot_be_done_now_is_one_line_that_says_what_to_do(place, states, words, complaint):
    place.runs(**states)
    ran, said = place.shop(*words.split(), code=1)
    assert ran == [] and said.startswith(f"shop: {complaint}") and len(said.splitlines()) == 1


def test_a_single_node_has_nobody_to_be_cut_off_from(place):
    place.runs("python")
    assert "has no other node" in place.shop("cut", "1", code=2)[1]


def test_a_split_shop_is_not_split_again(place):
    (place.bin / "networks").write_text("queue-c_island\n")
    assert "split already: ./shop heal" in place.shop("split", "1", code=1)[1]


@pytest.mark.parametrize(
    "kept", ["IMPL=c\n", "IMPL=python\nSTEP=99\n", "IMPL=\n", "nonsense\n", ""]
)
def test_a_kept_choice_that_is_broken_is_begun_anew(place, kept):
    (place.folder / ".env").write_text(kept)
    assert place.shop("kill", "producer")[0] == ["kill --signal KILL queue-c-producer-1"]


def test_a_docker_without_compose_is_told_from_a_shop_that_does_not_start(place):
    (place.bin / "no-compose").touch()
    calls, said = place.shop("up", "c", code=1)
    assert calls == []
    assert said == "shop: docker has no Compose here; ./learn doctor says what to install\n"


def test_a_node_that_knows_no_term_yet_names_none(place):
    with node_says(place.admin, role="founding", leader=0):
        said = place.shop("status")[1]
    assert re.search(r"queue-1 +running +founding, leader nobody$", said, re.MULTILINE)


def test_what_docker_says_is_passed_on(place):
    assert "did not start" in place.shop("up", fails="compose?up*", code=1)[1]
    assert place.shop("kill", "1", fails="kill*", code=1)[1].endswith("did not do it: see above\n")
    said = place.shop("status", fails="ps*", code=1)[1]
    assert said == "shop: docker ps failed: it says nothing\n"
    (place.bin / "docker").unlink()
    done = subprocess.run(
        [sys.executable, place.folder / "shop", "status"],
        **{"env": {"PATH": str(place.bin)}, "capture_output": True, "text": True, "timeout": 30},
    )
    assert done.returncode == 1 and "there is no docker here; ./learn doctor" in done.stderr


@pytest.mark.parametrize("path", ["shop.py", "shop_world.py", "shop_breaks.py", "01-queue/shop"])
def test_it_parses_where_only_an_old_python_is(path):
    ast.parse((EXAMPLES / path).read_text(), feature_version=(3, 8))


def test_each_folder_has_its_shop():
    folders = sorted(Path(path).parent for path in EXAMPLES.glob("[0-9]*/compose.yaml"))
    assert folders and all(os.access(folder / "shop", os.X_OK) for folder in folders)
