"""What the pages claim, where it rests on numbers or on luck: with each number a fifth smaller and
a fifth larger, for a hundred seeds, in both languages. And what a page proposes to change is
changed here, and run, in both.

The programs are copied, their text is changed as a reader would change it, and one process runs
all seeds.
"""

import contextlib
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from minis import DEADLINE_S, MINIS, NODE, PROGRAMS, SUFFIX, Mini

CONCEPTS = MINIS.parents[1] / "concepts"
SHOP = MINIS.parent
RUN = {"python": sys.executable, "typescript": NODE}
SEEDS = "1..100"
COUNT = 100


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


def changed(text, edits):
    """A number by its name, or one text for another; what is not there is no change."""
    for old, new in edits:
        if re.fullmatch(r"[A-Z_]+", old):
            text, count = re.subn(
                rf"(?m)^((?:const )?{old}(?:: \w+)? = )[\d.]+", rf"\g<1>{new}", text
            )
        else:
            text, count = text.replace(old, new), text.count(old)
        assert count == 1, (old, count)
    return text


def run(place, topic, language, edits=(), seeds=SEEDS):
    """What the program says for each seed."""
    place.mkdir(parents=True)
    shutil.copy(CONCEPTS / "package.json", place)
    shutil.copy(CONCEPTS / f"luck.{SUFFIX[language]}", place)
    home = place / topic / language
    shutil.copytree(CONCEPTS / topic / language, home)
    program = home / f"main.{SUFFIX[language]}"
    program.write_text(changed(program.read_text(), edits))
    done = subprocess.run(
        [RUN[language], program, "--seeds", seeds], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return re.split(r"(?m)^seed \d+\n", done.stdout)[1:]


def numbers(text):
    return [int(word) for word in re.findall(r"-?\d+", text)]


# --- what the programs show -----------------------------------------------------------------------

STORIES = ("the request was lost", "the office crashed", "the reply was lost", "but it took")


def timeouts(runs):
    """Four stories behind one timeout; whether a seat is sold cannot be seen from the shop."""
    for said in runs:
        rows = said.splitlines()[1:-2]
        assert len(rows) == 12
        assert all(("timeout" in row) == any(story in row for story in STORIES) for row in rows)
    for story in STORIES:
        assert sum(story in said for said in runs) > COUNT / 3, story
        assert any(story in said.splitlines()[1] for said in runs), f"seat 1, never: {story}"
    assert any(re.match(" +1  sold", said.splitlines()[1]) for said in runs)
    sold_and_not = sum(all(numbers(said.splitlines()[-2])[1:]) for said in runs)
    assert sold_and_not > 0.9 * COUNT


def promises(runs):
    """At most once loses, at least once repeats, and neither does both; a key ends it."""
    lost = twice = 0
    for said in runs:
        most, least, keyed = (numbers(row) for row in said.splitlines())
        assert most[2] == 0 and least[1] == 0 and keyed[1:] == [0, 0]
        lost += most[1] > 0
        twice += least[2] > 0
    assert min(lost, twice) > 0.95 * COUNT


def generals(runs):
    """More messengers make a lone attack rarer, and any attack, too; never impossible."""
    for said in runs:
        rows = [numbers(row) for row in said.splitlines()[1:-1]]
        both, alone = [row[1] for row in rows], [row[3] for row in rows]
        assert all(alone) and alone[0] > alone[3] > alone[7] and both[0] > both[3] > both[7]


def crowd(runs):
    """Only chance pulls a crowd apart."""
    for said in runs:
        at_once, doubling, jitter = said.splitlines()[1::2]
        workers = numbers(at_once)[-1]
        assert "still not served" in at_once and at_once.endswith(f"{workers} still not served")
        assert doubling.endswith(f"{workers} still not served")  # not one of them
        assert "all served after" in jitter and numbers(jitter)[-1] < 100


def leases(runs):
    """A longer lease: less done twice, and the tasks of the dead lie longer; touch helps with work
    that is long, and not with a worker that stands still."""
    for said in runs:
        rows = [numbers(row) for row in said.splitlines()[1:]]
        _, twice, with_touch, waited = (list(column) for column in zip(*rows, strict=True))
        assert twice == sorted(twice, reverse=True) and waited == sorted(waited) and waited[0] > 0
        assert all(touched <= plain for touched, plain in zip(with_touch, twice, strict=True))
        assert 0 < with_touch[0] < twice[0]  # for a short lease, not zero


def fences(runs):
    """To ask before one writes makes it rarer; only the number of the lease ends it."""
    for said in runs:
        writes, asks, fenced = (numbers(row) for row in said.splitlines()[1:])
        assert writes[0] > asks[0] > 0 and fenced[0] == 0
        assert writes[1] == asks[1] == 0 and fenced[1] == writes[0]


def orders_of_steps(runs):
    for said in runs:
        first, second, third = (numbers(row) for row in said.splitlines()[2:])
        assert first[0] > 0 and first[1] > 0
        assert second[0] == 0 and second[1] > 0  # what killing the program does not show
        assert third == [0, 0]


def pressure(runs):
    """With a limit who gets in is served soon; from the door it takes as long as without one."""
    for said in runs:
        unlimited, refusing, waiting = (numbers(row) for row in said.splitlines()[2:])
        inside = refusing[1]
        assert unlimited[1] == unlimited[3] > 5 * inside and unlimited[2] == unlimited[4] == 0
        assert refusing[3] == inside and refusing[2] == 0 and refusing[4] > 0
        assert waiting[1] == inside and waiting[3] == unlimited[3] and waiting[4] == 0
        assert waiting[0] == refusing[0] and waiting[2] > 0


PROGRAM_CLAIMS = {
    "01-timeout": (timeouts, {"TIMEOUT_MS": 100, "LOSS": 0.2, "CRASH": 0.2}, ()),
    "02-delivery": (promises, {"LOSS": 0.3, "SEATS": 20, "TRIES_MAX": 50}, ()),
    "03-two-generals": (generals, {"CAUGHT": 0.25}, [("BATTLES", 1000)]),  # in a tenth of the time
    "04-backoff": (
        crowd,
        {"WORKERS": 100, "SERVED_PER_S": 20, "REFUSAL_COST": 0.5, "CAP_S": 32, "SECONDS_MAX": 200},
        (),
    ),
    "05-lease": (leases, {"TASKS": 1000, "LONG": 0.1, "DIES": 0.02, "STANDS_STILL": 0.03}, ()),
    "05-fencing": (fences, {"LEASES": 1000, "LEASE_S": 10, "STANDS_STILL": 0.1}, ()),
    "06-persist": (orders_of_steps, {"JOBS": 1000}, ()),
    "07-backpressure": (
        pressure,
        {"RUSH_S": 600, "RUSH": 15, "CALM": 4, "PRINTED_PER_S": 10, "LIMIT": 100},
        (),
    ),
}


def test_each_program_has_its_claim():
    assert sorted(PROGRAM_CLAIMS) == sorted(path.name for path in CONCEPTS.glob("[0-9]*"))


@pytest.mark.parametrize("topic", PROGRAM_CLAIMS)
def test_a_claim_holds_for_each_seed_and_with_each_number_a_fifth_off(topic, language, tmp_path):
    claim, given, always = PROGRAM_CLAIMS[topic]
    variations = [()]
    for name, number in given.items():
        for factor in (0.8, 1.2):
            varied = type(number)(round(number * factor, 4))
            variations.append(((name, varied),))
    with ThreadPoolExecutor(2) as pool:
        work = [
            pool.submit(run, tmp_path / str(i), topic, language, [*always, *edits])
            for i, edits in enumerate(variations)
        ]
        for edits, done in zip(variations, work, strict=True):
            runs = done.result()
            assert len(runs) == COUNT
            try:
                claim(runs)
            except AssertionError as error:
                raise AssertionError(f"{topic} with {edits}: {error}") from error


@pytest.mark.parametrize("topic", PROGRAM_CLAIMS)
def test_both_languages_have_the_same_luck(topic, tmp_path):
    edits = PROGRAM_CLAIMS[topic][2]
    python, typescript = (run(tmp_path / one, topic, one, edits, "0..29") for one in PROGRAMS)
    assert python == typescript


ONE_SEAT = {
    "python": """
office = BoxOffice(remember=True)
print(*(office.sell(*order) for order in (("a", "anna", 12), ("b", "ben", 12), ("a", "anna", 12))))
print(*office.sold.values())
play(lambda seed: None)
""",
    "typescript": """
const office = new BoxOffice(true);
const [a, b] = [["a", "anna", 12], ["b", "ben", 12]] as const;
console.log(office.sell(...a), office.sell(...b), office.sell(...a));
console.log(...office.sold.values());
play(() => {});
""",
}


def test_the_box_office_gives_a_seat_to_one_customer_only(language, tmp_path):
    head = "play(main)\n" if language == "python" else "play(main);\n"
    place = tmp_path / "copy"
    run(place, "02-delivery", language, [("\n" + head, ONE_SEAT[language])], "1..1")
    program = place / "02-delivery" / language / f"main.{SUFFIX[language]}"
    done = subprocess.run([RUN[language], program, "1"], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["sold taken sold", "1"]


# --- what the pages propose to change -------------------------------------------------------------

TRY_AGAIN = {
    "python": [
        ("    seats: set[int] = set()", "    seats: dict[int, int] = {}"),
        ("seats.add(seat)", "seats[seat] = seats.get(seat, 0) + 1"),
        (
            "        seen, happened = call(draw, seats, seat)\n",
            "        seen, happened = call(draw, seats, seat)\n"
            '        if seen == "timeout":\n'
            "            seen, happened = call(draw, seats, seat)\n",
        ),
        (
            "\n\n\nplay(main)",
            '\n    print(sum(n > 1 for n in seats.values()), "sold twice")\n\n\nplay(main)',
        ),
    ],
    "typescript": [
        ("new Set<number>()", "new Map<number, number>()"),
        ("seats.add(seat)", "seats.set(seat, (seats.get(seat) ?? 0) + 1)"),
        (
            "const [seen, happened] = call(draw, seats, seat);",
            "let [seen, happened] = call(draw, seats, seat);"
            ' if (seen === "timeout") [seen, happened] = call(draw, seats, seat);',
        ),
        (
            "}\n\nplay(main)",
            '  console.log([...seats.values()].filter((n) => n > 1).length, "sold twice");\n}\n\n'
            "play(main)",
        ),
    ],
}


def test_trying_again_sells_twice_and_patience_cures_only_the_slow_office(language, tmp_path):
    hasty = run(tmp_path / "hasty", "01-timeout", language, TRY_AGAIN[language])
    patient_edits = [*TRY_AGAIN[language], ("TIMEOUT_MS", 1000)]
    patient = run(tmp_path / "patient", "01-timeout", language, patient_edits)
    for runs in (hasty, patient):
        assert sum(numbers(said)[-1] > 0 for said in runs) > COUNT / 2  # sold twice
    for story in STORIES:
        cured = story == "but it took"
        assert any(story in said for said in hasty)
        assert any(story in said for said in patient) != cured


KEY_OF_A_TRY = {
    "python": [
        ("for _ in range(TRIES_MAX)", "for n in range(TRIES_MAX)"),
        (
            'if send(draw, office, f"order-{seat}", seat)',
            'if send(draw, office, f"order-{seat}-{n}", seat)',
        ),
    ],
    "typescript": [
        (
            "if (send(draw, office, `order-${seat}`, seat))",
            "if (send(draw, office, `order-${seat}-${i}`, seat))",
        ),
    ],
}
FORGETS = {
    "python": [
        (
            "def __init__(self, remember: bool) -> None:",
            "def __init__(self, remember, draw) -> None:",
        ),
        ("self.remember = remember", "self.remember, self.draw = remember, draw"),
        (
            "        self.sold[seat] += 1\n",
            "        self.sold[seat] += 1\n"
            "        if self.draw() < 0.2:\n            self.done.clear()\n",
        ),
        ("BoxOffice(remember)", "BoxOffice(remember, draw)"),
    ],
    "typescript": [
        (
            "constructor(remember: boolean) {",
            "draw: Draw; constructor(remember: boolean, draw: Draw) {",
        ),
        ("this.remember = remember;", "this.remember = remember; this.draw = draw;"),
        (
            "this.sold.set(seat, (this.sold.get(seat) ?? 0) + 1);",
            "this.sold.set(seat, (this.sold.get(seat) ?? 0) + 1);"
            " if (this.draw() < 0.2) this.done.clear();",
        ),
        ("new BoxOffice(remember)", "new BoxOffice(remember, draw)"),
    ],
}


def test_a_key_for_each_try_is_no_key_and_a_key_forgotten_is_none_either(language, tmp_path):
    tries = run(tmp_path / "tries", "02-delivery", language, KEY_OF_A_TRY[language])
    twice = [sum(numbers(said.splitlines()[i])[2] for said in tries) for i in (1, 2)]
    assert 0.8 < twice[1] / twice[0] < 1.25  # as bad as without a key
    forgets = run(tmp_path / "forgets", "02-delivery", language, FORGETS[language])
    again = sum(numbers(said.splitlines()[2])[2] > 0 for said in forgets)
    assert again > COUNT / 2  # the page says: with some seeds


def test_where_saying_no_is_cheap_waiting_only_costs_time(language, tmp_path):
    for said in run(tmp_path / "cheap", "04-backoff", language, [("REFUSAL_COST", 0.1)]):
        ends = said.splitlines()[1::2]
        assert all("all served after" in end for end in ends)
        at_once, doubling, jitter = (numbers(end)[-1] for end in ends)
        assert at_once < jitter < doubling


def test_a_longer_lease_hides_what_only_the_number_ends(language, tmp_path):
    runs = run(tmp_path / "long", "05-fencing", language, [("LEASE_S", 110)])
    rows = [[numbers(row)[0] for row in said.splitlines()[1:]] for said in runs]
    unfenced = [writes for writes, _, _ in rows]
    assert COUNT / 2 < unfenced.count(0) < COUNT  # a test that runs it once finds nothing
    assert all(fenced == 0 for _, _, fenced in rows)


def test_the_count_of_leases_that_is_asked_for_may_be_that_of_another(language, tmp_path):
    queue = Mini(language, "step4", tmp_path).start()
    shop, anna, ben = queue.client(), queue.client(), queue.client()
    shop.put("the price list", ttr=1)
    assert anna.reserve() == (1, "the price list")
    assert ben.reserve(DEADLINE_S) == (1, "the price list")  # when her lease is over
    assert anna.stats_job(1)["reserves"] == 2
    queue.kill()


def mini_with(language, place, edits):
    """The small queue, with its server changed."""
    ignore = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(MINIS / language, place / language, ignore=ignore)
    server = place / language / f"server.{SUFFIX[language]}"
    server.write_text(changed(server.read_text(), edits))
    return Mini(language, "step3", place / "data", home=place)


SYNC = {"python": "                self.log.sync()\n", "typescript": "        this.log.sync();\n"}
NO_SYNC = {"python": "                pass\n", "typescript": ""}
ANSWERED = {
    "python": (
        "                session.output.clear()\n",
        "                session.output.clear()\n"
        "        if self.log is not None:\n            self.log.sync()\n",
    ),
    "typescript": (
        '      session.output = "";\n    }\n',
        '      session.output = "";\n    }\n    this.log?.sync();\n',
    ),
}


@pytest.mark.parametrize("when", ["never", "behind the answer"])
def test_a_log_that_lies_is_not_found_out_by_kill_9(when, language, tmp_path):
    edits = [(SYNC[language], NO_SYNC[language])]
    edits += [ANSWERED[language]] if when == "behind the answer" else []
    queue = mini_with(language, tmp_path, edits).start()
    assert queue.client().put("seat 11") == 1
    queue.kill().start()
    assert queue.client().reserve() == (1, "seat 11")
    queue.kill()


SLOW_WORKER = {
    "python": """
import sys, time
from client import Client
worker = Client(int(sys.argv[1]))
job, _ = worker.reserve()
print("has it", flush=True)
for _ in range(5):
    time.sleep(0.3)
    if "touch" in sys.argv:
        worker.ask(f"touch {job}")
print(worker.ask(f"delete {job}"))
""",
    "typescript": """
import { Client } from "./client.ts";
const worker = new Client(Number(process.argv[2]));
const [job] = (await worker.reserve())!;
console.log("has it");
for (let i = 0; i < 5; i++) {
  await new Promise((done) => setTimeout(done, 300));
  if (process.argv.includes("touch")) await worker.ask(`touch ${job}`);
}
console.log(await worker.ask(`delete ${job}`));
worker.die();
""",
}


@pytest.mark.parametrize(("touches", "hears"), [(False, "NOT_FOUND"), (True, "DELETED")])
def test_a_slow_worker_keeps_its_job_only_by_touching_it(touches, hears, language, tmp_path):
    """On the page it has ten seconds and takes fifteen; here, one and one and a half."""
    suffix = SUFFIX[language]
    shutil.copy(SHOP / f"client.{suffix}", tmp_path)
    (tmp_path / f"slow.{suffix}").write_text(SLOW_WORKER[language])
    (tmp_path / "package.json").write_text('{ "type": "module" }')
    queue = Mini(language, "step2", tmp_path / "data").start()
    shop, other = queue.client(), queue.client()
    shop.put("ticket", ttr=1)
    command = [RUN[language], f"slow.{suffix}", str(queue.port), *(["touch"] if touches else [])]
    slow = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert slow.stdout.readline() == "has it\n"
        other.say("reserve")
        if not touches:
            assert other.hear()[0] == "RESERVED 1 6"
        while slow.poll() is None and not touches:  # the second worker keeps it
            assert other.ask("touch 1") == "TOUCHED"
            with contextlib.suppress(subprocess.TimeoutExpired):
                slow.wait(0.1)
        assert slow.communicate(timeout=DEADLINE_S)[0] == f"{hears}\n"
    finally:
        slow.kill()
        slow.communicate()
        queue.kill()


# --- on the disk when it returns ------------------------------------------------------------------

WATCHED_LEDGER = {
    "python": """
import os, sys
import ledger
real_fsync, real_link = os.fsync, os.link
def fsync(handle):
    print("sync", os.path.basename(os.readlink(f"/proc/self/fd/{handle}"))[:7])
    real_fsync(handle)
def link(old, new):
    print("link"); real_link(old, new)
os.fsync, os.link = fsync, link
book = ledger.Ledger(sys.argv[1])
for said in (lambda: book.has("k"), lambda: book.record("k", {}), lambda: book.has("k"),
             lambda: book.record("k", {})):
    print(str(said()).lower())
""",
    "typescript": """
import fs from "node:fs";
import { basename } from "node:path";
import { Ledger } from "./ledger.ts";
const { fsyncSync, linkSync } = fs;
const name = (handle) => basename(fs.readlinkSync(`/proc/self/fd/${handle}`)).slice(0, 7);
fs.fsyncSync = (handle) => { console.log("sync", name(handle)); fsyncSync(handle); };
fs.linkSync = (old, now) => { console.log("link"); linkSync(old, now); };
const book = new Ledger(process.argv[2]);
for (const said of [() => book.has("k"), () => book.record("k", {}), () => book.has("k"),
                    () => book.record("k", {})]) console.log(String(said()));
""",
}


def test_a_ticket_is_on_the_disk_with_its_name_before_its_job_is_deleted(language, tmp_path):
    home, suffix = tmp_path / "clients", SUFFIX[language]
    shutil.copytree(
        SHOP / "clients" / language, home, ignore=shutil.ignore_patterns("node_modules")
    )
    (home / f"watched.{suffix}").write_text(WATCHED_LEDGER[language])
    done = subprocess.run(
        [RUN[language], f"watched.{suffix}", tmp_path / "results"],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    made = ["sync .draft-", "link", "sync tickets", "true"]
    found = ["sync tickets", "true"]  # who made it may have died before it synced the folder
    twice = ["sync .draft-", "link", "sync tickets", "false"]
    assert done.stdout.splitlines() == ["sync results", "false", *made, *found, *twice]
