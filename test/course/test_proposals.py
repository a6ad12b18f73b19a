"""What a page proposes to change is changed here, and run, in both languages: "set X to Y, and see"
has to show what the page says. And what a page says of files is looked at.
"""

import contextlib
import re
import shutil
import subprocess

import pytest
from changes import COUNT, RUN, changed, numbers, run
from minis import DEADLINE_S, MINIS, PROGRAMS, SUFFIX, Mini
from test_claims import STORIES

SHOP = MINIS.parent


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


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


# --- a queue that grows ---------------------------------------------------------------------------


def test_one_worker_alone_cannot_do_what_the_producer_sends(language):
    """The page takes two of three workers away, and the queue grows: also with each number a fifth
    off. An order that fails twice before it works is worked at three times."""
    name = f"config.{SUFFIX[language]}"
    text = (SHOP / "clients" / language / name).read_text()

    def setting(key):
        return int(re.search(rf'"{key}", (\d+)\)', text)[1])

    pause_ms, work_ms, fail_every = map(setting, ("PAUSE_MS", "WORK_MS", "FAIL_EVERY"))
    for pause in (0.8, 1, 1.2):
        for work in (0.8, 1, 1.2):
            assert work_ms * work * (1 + 2 / fail_every) > pause_ms * pause
    assert work_ms * 1.2 * (1 + 2 / fail_every) < 3 * pause_ms * 0.8  # and the three of them can


def test_telling_each_other_sooner_makes_it_rare_and_never_impossible(language, tmp_path):
    gone = {}
    for tell_s in (1, 0.1):
        runs = run(tmp_path / str(tell_s), "13-two-leaders", language, [("TELL_S", tell_s)])
        gone[tell_s] = [numbers(said.splitlines()[1])[1] for said in runs]
        assert all(numbers(said.splitlines()[3])[1:] == [0, 0, 0] for said in runs)
    assert 1 < sum(gone[1]) / COUNT < 3 and 0 < gone[1].count(0) < COUNT / 3
    assert COUNT / 2 < gone[0.1].count(0) < COUNT
