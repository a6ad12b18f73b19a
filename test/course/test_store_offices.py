"""The box offices, on small stores that are killed under them: what they wrote is judged."""

import json
import os
import subprocess
import sys

import pytest
from minis import DEADLINE_S, NODE, PROGRAMS
from rooms import EXAMPLES, STORE
from stores import Cluster, until

CLIENTS = STORE / "clients"
JUDGE = EXAMPLES.parent / "exercises"
QUARTET = os.environ.get("QUARTET", str(EXAMPLES.parents[1] / "build/quartet"))
OFFICES = {"python": [sys.executable, "office.py"], "typescript": [NODE, "office.ts"]}


@pytest.fixture(scope="module")
def typescript(tmp_path_factory):
    """The office beside its library: node looks for an imported package where the program lies."""
    place = tmp_path_factory.mktemp("clients")
    for name in ("office.ts", "package.json"):
        (place / name).write_text((CLIENTS / "typescript" / name).read_text())
    (place / "node_modules").symlink_to(os.environ["NODE_PATH"])
    return place


def lines(results):
    found = []
    for path in results.glob("*.jsonl"):
        found += [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(found, key=lambda line: line["time"])


def sold(results):
    return [line for line in lines(results) if (line["type"], line["f"]) == ("ok", "cas")]


def start_offices(nodes, typescript, results):
    homes = {"python": CLIENTS / "python", "typescript": typescript}
    store = ",".join(f"127.0.0.1:{port}" for port in nodes.ports.values())
    offices = []
    for number, (language, command) in enumerate(OFFICES.items(), start=1):
        settings = {"NAME": f"office-{language}", "OFFICE": str(number), "STORE": store}
        settings |= {"RESULTS": str(results), "PAUSE_MS": "20"}
        offices.append(
            subprocess.Popen(
                command,
                cwd=homes[language],
                env=os.environ | settings,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    return offices


def tally(results, *words):
    done = subprocess.run(
        [sys.executable, CLIENTS / "python/tally.py", *words],
        env=os.environ | {"RESULTS": str(results), "PYTHONPATH": str(JUDGE)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stderr
    return done


@pytest.mark.parametrize("language", PROGRAMS)
def test_offices_sell_through_kills_and_what_they_heard_is_judged(language, typescript, tmp_path):
    nodes = Cluster([language], "step5", tmp_path / "data").start()
    results = tmp_path / "results"
    offices = start_offices(nodes, typescript, results)

    def both_sell_more(count):
        names = {line["value"][1].rsplit("-", 1)[0] for line in sold(results)[count:]}
        return len(names) == 2

    try:
        until(lambda: both_sell_more(10), "sales of both")
        for victim in (nodes.leader(), 2):  # whoever leads, and then one more
            before = len(sold(results))
            nodes.kill(victim)
            until(lambda: both_sell_more(before), "sales of both after a kill")  # noqa: B023
            nodes.start(victim)
            nodes.leader()
    finally:
        for office in offices:
            office.terminate()
        said = [office.communicate(timeout=DEADLINE_S)[0] for office in offices]
        nodes.stop()
        print(*said)
    assert all("stopped" in one for one in said), said
    assert [office.returncode for office in offices] == [0, 0], said
    history = tmp_path / "history.jsonl"
    history.write_text(tally(results, "--history").stdout)
    real = subprocess.run([QUARTET, "check", "kv", history], capture_output=True, text=True)
    assert real.returncode == 0, real.stdout + real.stderr
    ours = tally(results)
    assert ours.returncode == 0 and "all as if there were one copy" in ours.stdout
    assert f"{len(sold(results))} seats sold" in ours.stdout


def test_a_tally_sees_what_is_wrong(tmp_path):
    call = {"process": 1, "key": "seat:1:1", "f": "cas"}
    lines = []
    for order in ("a", "b"):  # sold twice
        for type in ("invoke", "ok"):
            lines.append({"type": type, **call, "value": [None, order], "time": len(lines)})
    (tmp_path / "one.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"ty')
    said = tally(tmp_path)
    assert said.returncode == 1 and "NOT as if there were one copy: key" in said.stdout


# --- ./shop ---------------------------------------------------------------------------------------


def shop(*words, **env):
    command = [sys.executable, STORE / "shop", *words]
    env = os.environ | env
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=DEADLINE_S)


AFTER_SILENCE = """
import pathlib, sys
from redis.exceptions import ClusterDownError, RedisClusterException
from office import Office
office = Office("one", 1, "127.0.0.1:1", pathlib.Path(sys.argv[1]), 0)
def fails(error):
    def ask(store):
        raise error
    office.store = object()
    office.call({"f": "cas", "key": "k", "value": [None, "a"]}, ask)
fails(RedisClusterException("Redis Cluster cannot be connected."))
fails(ClusterDownError("no leader"))
"""


def test_an_office_does_not_know_what_its_library_found_nobody_to_ask_about(tmp_path):
    """redis-py hides the silence of one node behind the error of finding no other."""
    program = [sys.executable, "-c", AFTER_SILENCE, tmp_path]
    done = subprocess.run(program, cwd=CLIENTS / "python", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line["type"] for line in lines(tmp_path)] == ["invoke", "info", "invoke", "fail"]


def test_the_shop_says_whose_stores_there_are():
    done = shop("up", "--help")
    assert done.returncode == 0 and "c, python, typescript, mine" in done.stdout


def test_say_says_what_a_node_answers_and_follows_nothing(tmp_path):
    nodes = Cluster(["python"], "step2", tmp_path).start()
    program = [sys.executable, STORE / "say.py"]

    def say(id, *words):
        command = [*program, "--port", str(nodes.ports[id]), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
        return done.returncode, done.stdout + done.stderr

    moved = f"(error) MOVED 12182 127.0.0.1:{nodes.ports[3]}\n"
    assert say(1, "GET", "foo") == (0, moved) == say(1, "GET foo")
    assert say(3, "SET", "foo", "two words", "NX") == (0, "OK\n")
    assert say(3, "SET", "foo", "x", "NX") == (0, "(nil)\n")
    assert say(3, "GET", "foo") == (0, "two words\n") and say(3, "DEL", "foo") == (
        0,
        "(integer) 1\n",
    )
    several = say(3, "SET foo one", "GET foo", "DEL foo")  # each in quotes: over one connection
    assert several == (0, "OK\none\n(integer) 1\n")
    assert say(3, "CLUSTER", "SLOTS")[1].startswith("(integer) 0\n(integer) 5460\n127.0.0.1\n")
    nodes.stop()
    code, said = say(1, "PING")
    assert code == 1 and said.startswith("no store listens at port ")
