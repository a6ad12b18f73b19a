"""./learn and its exercises: a starter fails with a sentence, a solution passes, and the tool says
what to do when something else is wrong."""

import ast
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from minis import NODE, SUFFIX

COURSE = Path(__file__).resolve().parents[2] / "distributed-systems-course"
EXERCISES = sorted(path.parent.name for path in COURSE.glob("exercises/*/exercise.toml"))


@pytest.fixture
def course(tmp_path):
    """A copy of what ./learn needs, so that nobody's own work is touched."""
    place = tmp_path / "course"
    ignore = shutil.ignore_patterns("mine", "node_modules", "__pycache__")
    for name in ("exercises", "examples"):
        shutil.copytree(COURSE / name, place / name, ignore=ignore)
    (place / "tools").mkdir()
    for name in ("learn", "tools/doctor.py"):
        shutil.copy(COURSE / name, place / name)
    return place


def learn(course, *words, code=0, first=""):
    """What it says; `first`: a folder of programs that it finds before all others."""
    done = subprocess.run(
        [sys.executable, course / "learn", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(first),
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def environment(first=""):
    path = [str(first), str(Path(NODE).parent), os.environ["PATH"]]
    return {**os.environ, "PATH": os.pathsep.join(filter(None, path))}


def about(name):
    return tomllib.loads((COURSE / "exercises" / name / "exercise.toml").read_text())


def system(name):
    """Which one is built in it, as the folder of its mini says; or nothing."""
    return about(name).get("mini", "").partition("/")[0].partition("-")[2]


def mine(course, name, language):
    place = f"mine/{system(name)}" if system(name) else "mine"
    return course / "exercises/mine" / name / language / f"{place}.{SUFFIX[language]}"


def copy_solution(course, name, language):
    suffix = SUFFIX[language]
    if system(name):
        home = COURSE / "examples" / about(name)["mini"] / language
        for path in max(home.glob("step*")).glob(f"*.{suffix}"):
            shutil.copy(path, mine(course, name, language).parent)
    else:
        solution = COURSE / "exercises" / name / language / f"solution.{suffix}"
        shutil.copy(solution, mine(course, name, language))


def wait_until(found, what):
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.1)


# --- the exercises --------------------------------------------------------------------------------


def test_each_session_and_each_chapter_has_its_exercises():
    all_ = [about(name) for name in EXERCISES]
    for session in (1, 2, 3, 4, 5):
        kinds = [what["kind"] for what in all_ if what["session"] == session]
        assert kinds.count("timed") == 1
        assert kinds.count("find-the-violation") == 1
    pages = {
        path.relative_to(COURSE / "src").as_posix(): path for path in COURSE.glob("src/*/*.md")
    }
    chapters = {name for name, path in pages.items() if "{{#quiz" in path.read_text()}
    assert chapters <= {what["page"] for what in all_ if what["kind"] != "timed"}


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_says_what_it_is_about_and_has_three_hints(name):
    what = about(name)
    assert (COURSE / "src" / what["page"]).exists()
    assert what["title"] and 5 <= what["minutes"] <= 90
    assert len(what["task"].split()) > 30
    assert len(what["hints"]) == 3 and all(len(hint) > 30 for hint in what["hints"])


@pytest.mark.parametrize("language", SUFFIX)
@pytest.mark.parametrize("name", EXERCISES)
def test_the_starter_fails_with_a_sentence_and_the_solution_passes(course, name, language):
    learn(course, "start", name, "--language", language)
    said = learn(course, "check", code=1)
    assert said.startswith("Not yet: ") and len(said.splitlines()[0]) > 30
    copy_solution(course, name, language)
    assert "Right" in learn(course, "check")
    assert f"[x] {name}" in learn(course, "list")
    assert "1 of" in learn(course, "progress")


# A mistake that the exercise is about, and what its check says of it.
MISTAKES = {
    "01-dedup": ("self.answers[key] = answer", "pass", "order a came again"),
    "02-lease": ("if until <= now:", "if until < now:", "at 110 Anna's lease is over"),
    "03-retry": ("min(CAP_S, BASE_S * 2 ** (attempt - 1))", "2 ** (attempt - 1)", "the cap of 60"),
    "04-torn-tail": ('raise ValueError(f"line {number} is damaged")', "break", "must be an error"),
    "05-violation-dedup": ("    ledger.add(key)\n", "", "printed once"),
    "06-violation-log": ("self.disk.sync()", "pass", "while the disk had only"),
    "07-conclude": (
        '"not sold" if refused and not on_its_way',
        '"not sold" if refused',
        "first request",
    ),
    "08-numbers": ("if number > expected:", "if False:", "has not come yet"),
    "09-full": ("len(self.waiting) + len(self.in_hand)", "len(self.waiting)", "may come back"),
    "11-rebalance": ("share + (place < more)", "share + 1", "shares are not even"),
    "12-wandering": (
        "if node in answering else None",
        "if node in answering else next(iter(answering), None)",
        "is sold to anna and to ben",
    ),
    "13-ring": ("if degree >= key", "if degree > key", "a stands at 100"),
    "10-your-queue": ("job.due = self.now + job.ttr", "pass", "was touched at 9"),
    "14-vote": (" and stamp >= self.stamp", "", "version 4 lacks what this node has"),
    "15-violation-vote": (
        "            self.disk.save(self.term, self.vote)\n",
        "        self.disk.save(self.term, self.vote)\n",
        "there were 2",
    ),
    "16-catch-up": ("self.term, self.fresh = term, False", "self.term = term", "a new term"),
    "17-judge": ("later.end < earlier.begin", "later.begin < earlier.begin", "may stand in either"),
    "18-violation-quorum": (
        "have += node.write(value)",
        "have += node.write(value) + 1",
        "does not show it",
    ),
    "19-session": ("self.token = copy.stamp", "pass", "takes him back in time"),
    "20-your-store": ("return None, None  # somebody was first", "pass", "seat 12 is taken"),
}


@pytest.mark.parametrize("name", EXERCISES)
def test_a_check_sees_the_mistake_that_the_exercise_is_about(course, name):
    learn(course, "start", name, "--language", "python")
    copy_solution(course, name, "python")
    right, wrong, sentence = MISTAKES[name]
    text = mine(course, name, "python").read_text()
    assert right in text
    mine(course, name, "python").write_text(text.replace(right, wrong))
    assert sentence in learn(course, "check", code=1).splitlines()[0]


@pytest.mark.parametrize("language", SUFFIX)
def test_a_check_shows_the_history_in_which_the_rule_is_broken(course, language):
    learn(course, "start", "12-wandering", "--language", language)
    said = learn(course, "check", code=1)
    assert said.startswith("Not yet: seat 1 is sold to anna and to ben\n\nWhat happened:\n")
    assert [line.strip() for line in said.splitlines() if line.startswith("    ")] == [
        "all nodes answer",
        "anna wants seat 1: node b says sold",
        "node a falls silent, and the others answer",
        "ben wants seat 1: node c says sold",
    ]


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", SUFFIX)
def test_a_program_that_hangs_is_stopped_and_told_so(course, language):
    learn(course, "start", "01", "--language", language)
    loop = {
        "python": "print('I was here', flush=True)\nwhile True: pass\n",
        "typescript": "export class BoxOffice {}\nconsole.log('I was here');\nwhile (true);\n",
    }[language]
    mine(course, "01-dedup", language).write_text(loop)
    said = learn(course, "check", code=1)
    assert "still running after 10 seconds" in said and "stopped" in said
    assert "I was here" in said


@pytest.mark.parametrize(
    ("language", "program", "error", "where"),
    [
        ("python", "x = 1\nboom()\n", "NameError: name 'boom' is not", "mine.py, line 2: boom()"),
        (
            "python",
            "def f(:\n    pass\n",
            "SyntaxError: invalid syntax",
            "mine.py, line 1: def f(:",
        ),
        (
            "python",
            "class BoxOffice:\n    def sell(self, key, seat):\n        return {}[key]\n",
            "KeyError: 'a'",
            "mine.py, line 3: return {}[key]",
        ),
        ("python", "assert 1 == 2\n", "AssertionError", "mine.py, line 1: assert 1 == 2"),
        ("python", "class Other: pass\n", "cannot import name 'BoxOffice'", ""),
        (
            "typescript",
            "export class BoxOffice {}\nboom();\n",
            "ReferenceError: boom is not defined",
            "mine.ts, line 2: boom();",
        ),
        (
            "typescript",
            "export class BoxOffice {\n  sell(n) {\n    return deep(20);\n  }\n}\n"
            "function deep(n) {\n  if (n === 0) throw new Error('far down');\n"
            "  return deep(n - 1);\n}\n",
            "Error: far down",
            "mine.ts, line 7: if (n === 0)",
        ),
        ("typescript", "export class {\n", "SyntaxError", "mine.ts, line 1: export class {"),
        ("typescript", "export class Other {}\n", "does not provide an export named", ""),
    ],
)
def test_a_program_that_crashes_shows_its_own_error_first_and_then_where(
    course, language, program, error, where
):
    learn(course, "start", "01", "--language", language)
    mine(course, "01-dedup", language).write_text(program)
    said = learn(course, "check", code=1)
    first, _, rest = said.partition("Look at: ")
    assert first.startswith("Your program ended with an error:\n\n    ")
    assert error in first.splitlines()[2]
    assert where in rest.split("\n")[0]


@pytest.mark.parametrize(
    ("language", "program"),
    [
        ("python", "import sys\nsys.exit(0)\n"),
        ("typescript", "export class BoxOffice {}\nprocess.exit(0);\n"),
    ],
)
def test_a_program_that_leaves_before_its_check_is_over_has_solved_nothing(
    course, language, program
):
    learn(course, "start", "01", "--language", language)
    mine(course, "01-dedup", language).write_text(program)
    said = learn(course, "check", code=1)
    assert said.startswith("Your program ended by itself before it was checked to the end.")
    assert "[ ] 01-dedup" in learn(course, "list")


@pytest.mark.parametrize(
    ("program", "ending"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "SIGSEGV"),
        ("import os\nos._exit(3)\n", "exit code 3"),
    ],
)
def test_a_program_that_dies_without_a_word_is_told_how(course, program, ending):
    learn(course, "start", "01", "--language", "python")
    mine(course, "01-dedup", "python").write_text(program)
    said = learn(course, "check", code=1)
    assert said.startswith(f"Your program ended with an error:\n\n    {ending}")


def test_a_language_that_is_not_here_is_said_so(course):
    learn(course, "start", "01", "--language", "typescript")
    done = subprocess.run(
        [sys.executable, course / "learn", "check"],
        **{"capture_output": True, "text": True, "timeout": 60},
        env={**os.environ, "PATH": "/nowhere"},
    )
    assert done.returncode == 1
    assert "node cannot be run" in done.stdout and "./learn doctor" in done.stdout


# --- the other commands ---------------------------------------------------------------------------


@pytest.mark.parametrize("language", SUFFIX)
def test_watch_checks_whenever_a_file_is_saved_and_ends_when_it_is_right(
    course, language, tmp_path
):
    learn(course, "start", "01", "--language", language)
    said = tmp_path / "said"
    with said.open("w") as output:
        watch = subprocess.Popen(
            [sys.executable, course / "learn", "watch"], stdout=output, env=environment()
        )
    try:
        wait_until(lambda: "Not yet: " in said.read_text(), "the first check")
        broken = {"python": "boom()\n", "typescript": "export class BoxOffice {}\nboom();\n"}
        mine(course, "01-dedup", language).write_text(broken[language])
        wait_until(lambda: "boom" in said.read_text(), "a check of what was saved")
        copy_solution(course, "01-dedup", language)
        assert watch.wait(timeout=30) == 0
    finally:
        watch.kill()
    assert "Right: 01-dedup is solved." in said.read_text()
    assert "[x] 01-dedup" in learn(course, "list")


def test_watch_is_ended_by_ctrl_c(course, tmp_path):
    learn(course, "start", "02", "--language", "python")
    said = tmp_path / "said"
    with said.open("w") as output:
        watch = subprocess.Popen(
            [sys.executable, course / "learn", "watch"], stdout=output, stderr=output
        )
    wait_until(lambda: "Not yet: " in said.read_text(), "the first check")
    watch.send_signal(signal.SIGINT)
    assert watch.wait(timeout=30) == 0
    assert "Traceback" not in said.read_text()


def test_hints_come_one_by_one_and_then_the_solution(course):
    learn(course, "start", "02")
    said = [learn(course, "hint") for _ in range(4)]
    assert [text.split(":")[0] for text in said[:3]] == [f"Hint {n} of 3" for n in (1, 2, 3)]
    assert "solution.py" in said[3]


def test_reset_keeps_what_was_written(course):
    learn(course, "start", "02")
    mine(course, "02-lease", "python").write_text("# my work\n")
    learn(course, "reset", "02")
    kept = [path.read_text() for path in course.glob("exercises/mine/02-lease/*/mine.py")]
    assert "# my work\n" in kept and len(kept) == 2


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["check"], 2, "./learn list shows them"),
        (["start", "nothing"], 2, "there is no exercise nothing; ./learn list shows them"),
        (["start", "violation"], 2, "which violation? There are 05-violation-dedup and 06-vio"),
        (["check", "01"], 1, "is not begun"),
        (["start"], 2, "which one?"),
        (["start", "01", "--language", "rust"], 2, "invalid choice: 'rust'"),
        (["start", "01", "02"], 2, "one name at a time; 02 is one too many"),
        (["begin", "01"], 2, "there is no command begin; there are accept, check, doctor,"),
        ([], 2, "a command is missing; there are accept, check, doctor,"),
        (["language", "rust"], 2, "there is no language rust; there are python and typescript"),
        (["accept"], 2, "which system? There is ./learn accept queue"),
        (["accept", "mine"], 2, "there is no system mine; there is ./learn accept queue"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(course, words, code, complaint):
    said = learn(course, *words, code=code)
    assert complaint in said and len(said.splitlines()) == 1


def test_the_name_behind_the_number_is_enough(course):
    """dedup is also in 05-violation-dedup."""
    assert "01-dedup" in learn(course, "start", "dedup")


# --- the language


def test_the_language_is_remembered_and_said(course):
    said = learn(course, "start", "01")
    assert "In Python; ./learn language typescript changes that." in said
    assert "Yours is TypeScript" in learn(course, "language", "typescript")
    assert "Yours is TypeScript" in learn(course, "language")
    assert "In TypeScript" in learn(course, "start", "02")
    assert mine(course, "02-lease", "typescript").exists()


def test_the_book_is_told_of_the_language(course):
    learn(course, "start", "01")  # there is no book yet: nothing to tell
    choice = course / "book/assets/choice.js"
    choice.parent.mkdir(parents=True)
    learn(course, "start", "02", "--language", "typescript")
    text = choice.read_text()
    assert text.startswith("window.quartetChoice = {") and text.endswith("};\n")
    told = json.loads(text.removeprefix("window.quartetChoice = ").removesuffix(";\n"))
    assert told["language"] == "typescript" and told["at"] > 1e9
    learn(course, "start", "03", "--language", "typescript")
    assert choice.read_text() == text  # chosen then, not now


@pytest.mark.parametrize("text", ["{", "[]", "{}", "3"])
def test_a_progress_file_that_is_broken_is_begun_anew(course, text):
    learn(course, "start", "01")
    (course / "exercises/mine/progress.json").write_text(text)
    assert "0 of" in learn(course, "progress")
    learn(course, "hint", "01")
    assert json.loads((course / "exercises/mine/progress.json").read_text())["hints"]


def test_who_begins_again_goes_on_with_what_was_begun(course):
    """And `check` without a name means it, not what was begun in between."""
    learn(course, "start", "02", "--language", "python")
    mine(course, "02-lease", "python").write_text("# my work\n")
    learn(course, "start", "01", "--language", "python")
    copy_solution(course, "01-dedup", "python")
    said = learn(course, "start", "02", "--language", "python")
    assert "It is as you left it; ./learn reset 02-lease begins again." in said
    assert mine(course, "02-lease", "python").read_text() == "# my work\n"
    assert "01-dedup" not in learn(course, "check", code=1)


def test_a_learner_may_have_both_languages_and_checks_the_one_begun_last(course):
    learn(course, "start", "01", "--language", "python")
    copy_solution(course, "01-dedup", "python")
    learn(course, "start", "01", "--language", "typescript")
    assert "Not yet" in learn(course, "check", code=1)
    learn(course, "start", "02", "--language", "python")
    assert "Right" in learn(course, "check", "01")


# --- the learner's own queue ----------------------------------------------------------------------


@pytest.mark.parametrize("language", SUFFIX)
def test_your_queue_begins_as_step_1_with_what_is_given(course, language):
    learn(course, "start", "your-queue", "--language", language)
    home = course / "exercises/mine/queue"
    suffix = SUFFIX[language]
    names = sorted(path.name for path in (home / "mine").iterdir() if path.suffix == f".{suffix}")
    assert f"queue.{suffix}" in names and f"log.{suffix}" not in names
    assert not list(home.glob("step*"))
    assert (home / f"server.{suffix}").exists() and (home / f"wire.{suffix}").exists()
    assert '"mine"' in (home / "Dockerfile").read_text()
    kept = learn(course, "reset", "your-queue")
    assert "is kept in" in kept and (home / "mine" / f"queue.{suffix}").exists()


@pytest.mark.parametrize("language", SUFFIX)
def test_your_store_begins_as_step_1_and_its_server_runs_what_is_in_mine(course, language):
    learn(course, "start", "your-store", "--language", language)
    home = course / "exercises/mine/store"
    suffix = SUFFIX[language]
    names = sorted(path.name for path in (home / "mine").glob(f"*.{suffix}"))
    given = [f"{name}.{suffix}" for name in ("log", "slots", "store")]
    assert [name for name in names if "__init__" not in name] == given
    assert not list(home.glob("step*")) and '"mine"' in (home / "Dockerfile").read_text()
    copy_solution(course, "20-your-store", language)
    program = NODE if language == "typescript" else sys.executable
    done = subprocess.run(
        [program, f"server.{suffix}"], cwd=home, capture_output=True, text=True, timeout=60
    )
    assert "mine [NUMBER OF THE NODE]" in done.stderr


@pytest.mark.parametrize("system", ["queue", "store"])
def test_accept_says_so_when_there_is_nothing_of_yours(course, system):
    said = learn(course, "accept", system, code=1)
    assert f"exercises/mine holds no {system} of yours yet: ./learn start your-{system}" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("language", SUFFIX)
def test_accept_hands_your_store_to_its_own_acceptance_test(course, language):
    learn(course, "start", "your-store", "--language", language)
    test = course.parent / "test/compose/store_acceptance.py"
    test.parent.mkdir(parents=True)
    test.write_text("import sys; print('judged', sys.argv[1:])")
    said = learn(course, "accept", "store", code=1)
    assert said.startswith("Not yet: ") and "judged" not in said
    copy_solution(course, "20-your-store", language)
    assert "judged ['mine']" in learn(course, "accept", "store")


@pytest.mark.parametrize("language", SUFFIX)
def test_accept_hands_your_queue_to_the_acceptance_test_once_it_is_finished(course, language):
    learn(course, "start", "your-queue", "--language", language)
    test = course.parent / "test/compose/acceptance.py"
    test.parent.mkdir(parents=True)
    test.write_text("import sys; print('judged', sys.argv[1:]); sys.exit(int(sys.argv[1] == 'c'))")
    said = learn(course, "accept", "queue", code=1)
    assert said.startswith("Not yet: ") and "judged" not in said
    assert said.endswith(
        "yours is not finished: ./learn check 10-your-queue must be content first\n"
    )
    copy_solution(course, "10-your-queue", language)
    other = {"python": "typescript", "typescript": "python"}[language]
    learn(course, "start", "01", "--language", other)
    assert "judged ['mine']" in learn(course, "accept", "queue")
    assert "judged ['c']" in learn(course, "accept", "queue", "c", code=1)


def test_accept_takes_a_queue_in_any_language_as_it_is(course):
    test = course.parent / "test/compose/acceptance.py"
    test.parent.mkdir(parents=True)
    test.write_text("import sys; print('judged', sys.argv[1:])")
    home = course / "exercises/mine/queue"
    home.mkdir(parents=True)
    (home / "Dockerfile").write_text("FROM scratch\n")
    assert "judged ['mine']" in learn(course, "accept", "queue")


# --- doctor ---------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path):
    """A folder with a node and a docker of our own; sets what they say."""
    place = tmp_path / "bin"
    place.mkdir()

    def program(name, script):
        (place / name).write_text(f"#!/bin/sh\n{script}\n")
        (place / name).chmod(0o755)
        return place

    def has(node="echo v24.1.0", compose="echo v2.31.0-desktop.2", engine="exit 0", build="exit 0"):
        program("node", node)
        cases = f'"compose version"*) {compose} ;; "info"*) {engine} ;; "compose "*) {build} ;;'
        program("docker", f'echo "$IMPL $PWD: $*" >>{place}/calls\ncase "$*" in {cases} esac')
        return place

    return has


@pytest.fixture
def free_ports(course):
    """Lets doctor look at ports that nobody has, whatever else runs here."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    doctor = course / "tools/doctor.py"
    text = doctor.read_text()
    ports = "PORTS = (11300, 11301, 11302, 9000, 9001, 9002)"
    assert ports in text
    doctor.write_text(text.replace(ports, f"PORTS = ({port},)"))
    return port


def test_doctor_is_content_with_a_machine_that_has_everything(course, free_ports, machine):
    said = learn(course, "doctor", first=machine())
    assert said.splitlines()[-1] == "Ready."
    assert [line[:4] for line in said.splitlines()[:-1]] == ["ok  "] * 6


@pytest.mark.parametrize(
    ("lacks", "line"),
    [
        ({"compose": "exit 1"}, "  no Docker Compose is not here"),
        ({"compose": "echo 2.20.3"}, "  no Docker Compose 2.20.3: 2.24 or newer is needed"),
        ({"engine": "exit 1"}, "  no a Docker engine answers: start Docker"),
    ],
)
def test_doctor_says_what_is_missing_and_what_to_do(course, free_ports, machine, lacks, line):
    said = learn(course, "doctor", first=machine(**lacks), code=1)
    assert line in said
    assert said.splitlines()[-1] == "Not ready: see what says no."


@pytest.mark.parametrize("node", ["echo v20.9.0", "exit 1"])
def test_doctor_lets_a_machine_be_without_node(course, free_ports, machine, node):
    said = learn(course, "doctor", first=machine(node=node))
    assert "  -- Node.js" in said and "24 or newer" in said
    assert said.splitlines()[-1] == "Ready for Python, not for TypeScript: see what says --."


def test_doctor_sees_a_port_in_use_and_a_full_disk(course, free_ports, machine):
    doctor = course / "tools/doctor.py"
    doctor.write_text(doctor.read_text().replace("GB_MIN = 3", "GB_MIN = 10**9"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_ports))
        other.listen()
        said = learn(course, "doctor", first=machine(), code=1)
    assert f"  no in use: port {free_ports}" in said
    assert "GB of disk free: 1000000000 GB are needed" in said


def test_doctor_pull_builds_all_images(course, free_ports, machine):
    place = machine()
    assert "Ready." in learn(course, "doctor", "--pull", first=place)
    calls = (place / "calls").read_text().splitlines()
    shop, concepts = course / "examples/01-queue", course / "examples/concepts"
    store = course / "examples/02-store"
    assert [call for call in calls if "quiet" in call] == [
        *(f"{name} {shop}: compose build --quiet" for name in ("c", "python", "typescript")),
        *(f"{name} {store}: compose build --quiet" for name in ("python", "typescript")),
        f"c {concepts}: compose --profile run pull --quiet --policy missing",
    ]


def test_what_doctor_does_not_build_it_fetches():
    """Services of the concept programs have no image of ours: `build` would do nothing for them."""
    text = (COURSE / "examples/concepts/compose.yaml").read_text()
    assert "build:" not in text and text.count("image: ") == 2


def test_doctor_pull_tells_what_failed(course, free_ports, machine):
    said = learn(course, "doctor", "--pull", first=machine(build="exit 1"), code=1)
    assert "  no that failed: the shop, IMPL=python" in said
    assert said.splitlines()[-1] == "Not ready: see what says no."


@pytest.mark.parametrize("name", ["learn", "tools/doctor.py"])
def test_the_tool_parses_where_only_an_old_python_is(name):
    ast.parse((COURSE / name).read_text(), feature_version=(3, 8))
