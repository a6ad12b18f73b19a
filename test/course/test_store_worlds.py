"""The small store in worlds: what it never loses, what it does lose; a rule left out is seen.

`make test` runs 100 worlds of each kind, `make check` 2,000 (WORLDS). The same seed is the same
world in both languages, so that what one loses, both lose.
"""

import json
import os
import random
import re
import subprocess
import sys

import pytest
from minis import NODE, PROGRAMS
from rooms import EXAMPLES, mutant, world

WORLDS = int(os.environ.get("WORLDS", "100"))
SEEDS = f"1..{WORLDS}"
STEPS = ("step3", "step4", "step5")
ROOT = EXAMPLES.parents[1]
JUDGE = EXAMPLES.parent / "exercises"


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


def counts(said):
    """(worlds, acknowledged writes, worlds in which something was wrong)."""
    return tuple(int(number) for number in re.findall(r"(\d+) [a-z]+", said.splitlines()[-1]))


# --- what is promised, and what is not ------------------------------------------------------------


@pytest.mark.parametrize("faults", ["kill", "slow"])
def test_kills_and_slow_nodes_lose_nothing(language, faults):
    worlds, acknowledged, wrong = counts(
        world(language, "step5", "--seeds", SEEDS, "--faults", faults)
    )
    assert (worlds, wrong) == (WORLDS, 0)
    assert acknowledged > 40 * WORLDS


@pytest.mark.parametrize("step", ["step3", "step4"])
def test_earlier_steps_lose_nothing_either(language, step):
    some = WORLDS // 4
    said = world(language, step, "--seeds", f"1..{some}", "--faults", "kill,slow")
    worlds, acknowledged, wrong = counts(said)
    assert (worlds, wrong) == (some, 0) and acknowledged > 80 * some


def test_cuts_lose_some(language):
    worlds, _, wrong = counts(world(language, "step5", "--seeds", SEEDS, "--faults", "cut"))
    assert worlds == WORLDS and WORLDS / 50 < wrong < WORLDS / 5


def test_with_whole_stamps_compared_cuts_lose_nothing(language):
    words = ("step5", "--seeds", SEEDS, "--faults", "cut,kill", "--mended")
    assert counts(world(language, *words))[2] == 0


# --- the same world in both languages -------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("faults", ["kill", "slow", "cut", "kill,slow,cut", ""])
def test_the_same_seed_is_the_same_world_in_both_languages(step, faults, tmp_path):
    found = []
    for language in PROGRAMS:
        files = [tmp_path / f"{language}.{what}" for what in ("events", "history")]
        words = (
            "--seeds",
            "11..12",
            "--faults",
            faults,
            "--events",
            files[0],
            "--history",
            files[1],
        )
        said = world(language, step, *words)
        events, history = ([json.loads(line) for line in file.open()] for file in files)
        for event in events:
            assert event.pop("at") <= event.pop("got", float("inf"))
            event["text"] = event["text"].replace(" ", "")  # JSON with blanks, and without
        found.append((said, events, history))
    assert found[0] == found[1] and len(found[0][2]) > 20


# --- a rule that is left out ----------------------------------------------------------------------

# file, faults, a seed that sees it, and what is put in place of what. What worlds see too seldom, a
# restart between two votes or a second misfit, test_store_hazards.py sees.
MUTANTS = {
    "stamps are not compared": (
        "votes",
        "kill",
        3,
        {
            "python": [(" and stamp >= self.stamp", "")],
            "typescript": [(" && atLeast(stamp, this.stamp)", "")],
        },
    ),
    "old state is built upon": (
        "replica",
        "kill",
        93,
        {
            "python": [("self.fresh = False  #", "self.fresh = True  #")],
            "typescript": [("fresh = false; //", "fresh = true; //")],
        },
    ),
    "one disk is enough": (
        "promises",
        "kill",
        5,
        {
            "python": [('"majority": self.majority', '"majority": 1')],
            "typescript": [("majority: this.majority", "majority: 1")],
        },
    ),
    "refusals do not wait": (
        "promises",
        "kill",
        18,
        {
            "python": [
                (
                    'copies = self.copies[level or "majority"]',
                    'copies = self.copies[level or "majority"] if change else 1',
                )
            ],
            "typescript": [
                (
                    'const copies = this.copies[level || "majority"]!',
                    'const copies = change ? this.copies[level || "majority"]! : 1',
                )
            ],
        },
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_rule_that_is_left_out_is_seen(language, name, tmp_path):
    file, faults, seed, edits = MUTANTS[name]
    home = mutant(tmp_path, language, "step5", file, edits[language])
    said = world(language, "step5", "--seeds", f"{seed}..{seed}", "--faults", faults, home=home)
    assert said.startswith(f"seed {seed}: ") and counts(said)[2] == 1, said


@pytest.mark.parametrize("words", [("step5", "--faults", "kil"), ("step9",)])
def test_a_wrong_call_is_refused(language, words):
    with pytest.raises(AssertionError, match="kil|step9"):
        world(language, *words)


# --- the judge ------------------------------------------------------------------------------------


def verdict(program, path):
    done = subprocess.run([*program, path], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def judges():
    return {
        "c": [os.environ.get("QUARTET", str(ROOT / "build/quartet")), "check", "kv"],
        "python": [PROGRAMS["python"][0], JUDGE / "judge.py"],
        "typescript": [NODE, JUDGE / "judge.ts"],
    }


def random_history(draw):
    """A few processes on one key, which hear what might be: some of it is linearizable."""
    lines, under_way, processes = [], {}, [0, 1, 2]
    for _ in range(draw.randrange(4, 16)):
        process = draw.choice(processes)
        if process not in under_way:
            f = draw.choice(["get", "put", "cas", "delete"])
            call = {"process": process, "f": f, "key": "seat:12"}
            if f != "get":
                value = {
                    "put": draw.randrange(2),
                    "cas": [draw.choice([None, 0, 1]), draw.randrange(2)],
                }
                call |= {"value": value[f]} if f in value else {}
            under_way[process] = call
            lines.append({"type": "invoke", **call})
            continue
        call = under_way.pop(process)
        end = draw.choice(["ok", "ok", "ok", "fail", "info"])
        if end == "info":
            processes[processes.index(process)] = max(processes) + 1
        elif end == "ok" and call["f"] in ("get", "delete"):
            heard = {"get": [None, 0, 1], "delete": [None, True, False]}[call["f"]]
            call = {**call, "value": draw.choice(heard)}
        elif end == "fail" and call["f"] == "cas" and draw.random() < 0.5:
            call = {**call, "found": draw.choice([None, 0, 1])}
        lines.append({"type": end, **call})
    return lines


def all_verdicts(paths):
    """Whether each history is linearizable, by three judges; those of the course in one process."""
    judge = [verdict(judges()["c"], path)[0] == 0 for path in paths]
    script = (
        "import fs from 'node:fs'; const [judge, ...paths] = process.argv.slice(1);"
        "const read = (path) => fs.readFileSync(path, 'utf8').trim().split('\\n').map(JSON.parse);"
        "const { judge: one } = await import(judge);"
        "console.log(JSON.stringify(paths.map((path) => one(read(path)))));"
    )
    command = [NODE, "--input-type=module", "-e", script, JUDGE / "judge.ts", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    sys.path.insert(0, str(JUDGE))
    from judge import judge as one

    histories = [[json.loads(line) for line in path.open()] for path in paths]
    return judge, [one(history) for history in histories], json.loads(done.stdout)


def test_the_judges_agree(tmp_path):
    """On whole worlds, on what the program's own tests have, and on histories made by chance."""
    draw, paths = random.Random(12), []
    for number in range(500):
        paths.append(tmp_path / f"{number}.jsonl")
        paths[-1].write_text("".join(json.dumps(line) + "\n" for line in random_history(draw)))
    for seed, faults in ((9, "cut"), (9, "kill")):
        paths.append(tmp_path / f"{faults}.jsonl")
        words = ("--seeds", f"{seed}..{seed}", "--faults", faults, "--history", paths[-1])
        world("typescript", "step5", *words)
    paths += sorted((ROOT / "test/check").glob("kv_*.jsonl"))
    real, python, typescript = all_verdicts(paths)
    for path, good, first, second in zip(paths, real, python, typescript, strict=True):
        assert first == second and (first is None) == good, (path.read_text(), good, first, second)
    assert 100 < sum(real) < 400
    bad = paths[real.index(False)]
    for language in PROGRAMS:
        assert verdict(judges()[language], bad)[0] == 1
        assert verdict(judges()[language], paths[real.index(True)])[0] == 0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{"], "line 1: "),
        (['{"type":"ok","process":0,"f":"get"}'], "line 1: nothing that it could end is under way"),
        (['{"type":"invoke","process":0,"f":"pop"}'], "line 1: it needs a process, and an f of"),
        (['{"type":"invoke","process":0,"f":"get"}'] * 2, "line 2: process 0 has a call under way"),
        (['{"type":"invoke","process":0,"f":"cas","value":1}'], "line 1: the value of a cas is"),
    ],
)
def test_a_file_that_is_no_history_is_refused(language, lines, said, tmp_path):
    path = tmp_path / "history"
    path.write_text("\n".join(lines))
    code, heard = verdict(judges()[language], path)
    assert code == 2 and said in heard
    assert verdict(judges()[language], tmp_path / "none")[0] == 2
