"""What the pages of session 5 say beside their programs: its scenes, its bars, and what a reader is
asked to change."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from changes import numbers, run
from minis import PROGRAMS

COURSE = Path(__file__).resolve().parents[2] / "distributed-systems-course"
sys.path += [str(COURSE / "tools"), str(COURSE.parent / "test/compose")]

import bars  # noqa: E402 (lies in the course)
import store_acceptance  # noqa: E402
from events import read_events  # noqa: E402


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


# --- scenes ---------------------------------------------------------------------------------------

SCENES = {
    "stale": ["Ben, local:     (nil)", "Anna, session:  anna"],
    "confirmed": [
        "from the leader:         (nil)",
        "from it when cut, local: (nil)",
        "and linearizable:        hangs up: nobody knows",
        "from the new leader:     anna",
    ],
}


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_what_the_page_says(name, tmp_path):
    program = [sys.executable, COURSE / "tools/scene_reads.py", name, tmp_path / "events"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == SCENES[name]
    kept = (COURSE / "transcripts" / f"{name}.events").read_text()
    assert (tmp_path / "events").read_text() == kept  # virtual time: each run is the same


def test_a_leader_that_is_cut_off_answers_only_what_is_not_to_be_confirmed():
    events = read_events(COURSE / "transcripts/confirmed.events")
    texts = [event.text for event in events]
    cut = texts.index("is cut off")
    leads = next(i for i, text in enumerate(texts) if text.startswith("leads"))
    asked = max(i for i, event in enumerate(events) if event.to == "node 1" and event.who == "Ben")
    assert cut < leads < asked
    lost = [event for event in events[asked:] if event.lost]
    assert len(lost) == 2 and all(event.who == "node 1" for event in lost)


# --- bars -----------------------------------------------------------------------------------------


def events_of(place, *said):
    path = place / "x.events"
    path.write_text("".join(json.dumps(one) + "\n" for one in said))
    return read_events(path)


def test_a_call_is_a_bar_from_its_question_to_its_answer(tmp_path):
    events = events_of(
        tmp_path,
        {"at": 1, "got": 2, "from": "Anna", "to": "node 1", "text": "GET x"},
        {"at": 2, "got": 3, "from": "node 1", "to": "node 2", "text": "BEAT"},
        {"at": 3, "got": 5, "from": "Ben", "to": "node 1", "text": "GET y"},
        {"at": 5, "got": 6, "from": "node 1", "to": "Ben", "text": "two"},
        {"at": 6, "got": 9, "from": "node 1", "to": "Anna", "text": "one"},
    )
    calls = bars.calls_of(events)
    found = [(call.who, call.asked, call.begin, call.answer, call.end) for call in calls]
    assert found == [("Anna", "GET x", 1, "one", 9), ("Ben", "GET y", 3, "two", 6)]
    drawn = bars.svg(calls, 640, "wide", "T", "W", "n")
    assert drawn.count("<rect") == 2 and "→ two" in drawn and "GET x" in drawn


def test_a_call_without_an_end_is_no_history(tmp_path):
    events = events_of(
        tmp_path, {"at": 1, "got": 2, "from": "Anna", "to": "node 1", "text": "GET x"}
    )
    with pytest.raises(LookupError, match="each of them an answer"):
        bars.calls_of(events)


# --- what a reader changes ------------------------------------------------------------------------


def test_of_five_nodes_one_pair_meets_and_works_with_two_of_them_down(language, tmp_path):
    edits = [("NODES", 5), ("TRIES", 300)]
    (said,) = run(tmp_path / "five", "15-quorum", language, edits, "7..7")
    rows = [numbers(line.partition("=")[2])[1:] for line in said.splitlines()[2:7]]
    sizes = range(1, 6)
    zeros = {(r, w) for w, row in zip(sizes, rows, strict=True) for r in sizes if row[r - 1] == 0}
    assert zeros == {(r, w) for r in sizes for w in sizes if r + w >= 6}
    assert {(r, w) for r, w in zeros if max(r, w) <= 3} == {(3, 3)}


def test_the_more_is_told_the_less_is_there_to_get_wrong(language, tmp_path):
    led, invented = [], []
    for told in (0.05, 0.2, 1):
        place, edits = tmp_path / str(told), [("TOLD", told), ("EVENTS", 60)]
        runs = [numbers(said) for said in run(place, "16-vector-clock", language, edits, "1..20")]
        led.append(sum(one[1] for one in runs))
        invented.append([sum(one[i] for one in runs) for i in (3, 5)])
    assert led == sorted(led) and led[0] < led[2]
    assert invented == sorted(invented, reverse=True)
    concurrent = 20 * 60 * 59 // 2 - led[0]
    assert all(count > 0.9 * concurrent for count in invented[0])


PRAM = {
    "python": [
        ('"causal", "own writes"', '"causal", "pram", "own writes"'),
        ("(causes(own, calls), mine)", "(causes(own, calls), own, mine)"),
        (
            '"sold; reload: free"',
            '"new": "anna w x 1, anna w y 2, ben r y 2, ben r x 0", "sold; reload: free"',
        ),
    ],
    "typescript": [
        ('"causal", "own writes"', '"causal", "pram", "own writes"'),
        ("[causes(own, calls), mine]", "[causes(own, calls), own, mine]"),
        (
            '"sold; reload: free"',
            'new: "anna w x 1, anna w y 2, ben r y 2, ben r x 0", "sold; reload: free"',
        ),
    ],
}


def test_each_ones_order_is_a_step_between_causal_and_ones_own_writes(language, tmp_path):
    (said,) = run(tmp_path / "pram", "17-spectrum", language, PRAM[language], "7..7")
    rows = [line[31:].split() for line in said.splitlines()[1:6]]
    assert rows[2] == ["no", "no", "no", "yes", "yes"]  # the answer without its question
    assert rows[3] == ["no", "no", "no", "no", "yes"]  # the second sale without the first
    assert said.splitlines()[-1].endswith(": 0")


# --- a store of the learner's own that is not fit -------------------------------------------------


def lines_of(*calls):
    """process, f, value, what came of it; one after the other."""
    for process, f, value, end in calls:
        call = {"process": process, "f": f, "key": "seat:12"}
        yield {**call, "type": "invoke", "value": value if f == "cas" else None}
        yield {**call, "type": end, "value": value}


class Unfit:
    """Stands for a stack of containers."""

    implementation = store_acceptance.IMPLEMENTATIONS["mine"]
    removed = False

    def __init__(self, _):
        pass

    def up(self):
        raise AssertionError("store-1 does not get healthy")

    def history(self):
        return list(lines_of((0, "cas", [None, "anna"], "ok"), (1, "get", None, "ok")))

    def say(self, node, *words):
        return "(nothing, for 20 s: does it hang?)"

    def compose(self, *words):
        return "Traceback: the last words of a node" if "logs" in words else ""

    def remove(self):
        Unfit.removed = True


def test_a_store_that_lies_is_told_so_with_the_history_that_shows_it(monkeypatch, capsys):
    monkeypatch.setattr(store_acceptance, "Store", Unfit)
    monkeypatch.setattr(store_acceptance, "engine_missing", lambda: "")
    monkeypatch.setattr(sys, "argv", ["store_acceptance.py", "mine"])
    monkeypatch.delenv("QUARTET", raising=False)
    assert store_acceptance.main() == 1 and Unfit.removed
    said = capsys.readouterr().out
    assert "Not yet: store-1 does not get healthy" in said
    assert "not as if there were one copy" in said and "this get heard null fits nowhere" in said
    assert said.count('"key": "seat:12"') == 4
    assert "store-2: (nothing, for 20 s: does it hang?)" in said
    assert "the last words of a node" in said


@pytest.mark.parametrize(
    ("behave", "heard"),
    [
        ("one.recv(999)", "(nothing: it hung up)"),
        ("one.recv(999); time.sleep(9)", "(nothing, for 20 s: does it hang?)"),
    ],
)
def test_a_node_that_hangs_up_or_hangs_is_told_from_one_that_answers(behave, heard):
    """The program that runs inside the stack, with a shorter patience."""
    node = (
        "import socket, time\nserver = socket.create_server(('127.0.0.1', 0))\n"
        f"print(server.getsockname()[1], flush=True)\none, _ = server.accept()\n{behave}\n"
    )
    with subprocess.Popen([sys.executable, "-c", node], stdout=subprocess.PIPE, text=True) as one:
        port = one.stdout.readline().strip()
        say = store_acceptance.SAY.format(node="127.0.0.1", words=("GET", "x"))
        say = say.replace("6379", port).replace("timeout=20", "timeout=2")
        done = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True)
        one.kill()
    assert done.stdout.strip() == heard
