"""./shop as a reader uses it: on a real engine, at the usual ports, from a copy of the course.

What each command tells docker is test/course/test_shop.py's; here is what comes of it.
"""

import os
import re
import subprocess

import learner
import pytest
from stack import BUILD_TIMEOUT_S, EXAMPLE, engine_missing, wait_for

missing = engine_missing()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)
CLIENTS = ("producer", "worker-python", "worker-typescript-1", "worker-typescript-2")


class Shop:
    def __init__(self, course):
        self.folder = course / "examples/01-queue"
        self.env = {k: v for k, v in os.environ.items() if k not in ("IMPL", "STEP")}

    def __call__(self, *words, code=0):
        """What it printed; `+ ` lines go to stderr, and so does what Compose tells."""
        done = subprocess.run(
            [self.folder / "shop", *words],
            cwd="/",  # any folder will do
            env=self.env,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
        )
        assert code in (None, done.returncode), done.stdout + done.stderr
        return done.stdout + (done.stderr if code else "")

    def states(self):
        """Service -> what status says of it."""
        done = subprocess.run(
            [self.folder / "shop", "status"],
            **{"env": self.env, "capture_output": True, "text": True, "timeout": 60},
        )
        return dict(re.findall(r"^  (\S+) +(.+)$", done.stdout, re.MULTILINE))

    def hears(self, one, other):
        """Whether this node can reach that one, by the name that nodes have for each other."""
        container = f"queue-c-queue-{one}-1"
        shell = f"exec 3<>/dev/tcp/peer-{other}/7000"
        done = subprocess.run(
            ["docker", "exec", container, "timeout", "2", "bash", "-c", shell],
            capture_output=True,
            timeout=30,
        )
        return done.returncode == 0


def ports_are_taken():
    done = subprocess.run(
        [EXAMPLE / "shop", "status"],
        **{"capture_output": True, "text": True, "timeout": 60},
    )
    return "No shop is up" not in done.stdout or "is taken" in done.stdout


def forget(shop):
    """What an earlier shop left is none of this one's: its jobs would come first."""
    for name in ("c", "python"):
        subprocess.run(
            ["docker", "compose", "-p", f"queue-{name}", "down", "-v", "--timeout", "1"],
            **{"cwd": shop.folder, "env": {**shop.env, "IMPL": name}, "timeout": 120},
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    if ports_are_taken():
        pytest.skip("a shop is up here, or its ports are taken")
    course = tmp_path_factory.mktemp("course")
    learner.copy(course)
    shop = Shop(course)
    # The C node is built from the repository, which is not copied.
    node = shop.folder / "nodes/c.yaml"
    text = node.read_text()
    assert "context: ../../../.." in text
    node.write_text(text.replace("../../../..", str(learner.COURSE.parent)))
    forget(shop)
    try:
        yield shop
    finally:
        forget(shop)


def test_up_starts_it_and_status_tells_who_leads(shop):
    assert "Up: the shop on c." in shop("up")
    wait_for("a leader", lambda: "leads in term" in shop("leader", code=None))
    states = shop.states()
    assert set(states) == {"queue-1", "queue-2", "queue-3", *CLIENTS}
    assert all(state.startswith("running") for state in states.values())
    assert sum("leader in term" in state for state in states.values()) == 1


def test_a_busy_worker_that_is_killed_leaves_its_order_to_another(shop, tmp_path):
    said = shop("kill", "worker", "--busy")
    worker, key = re.search(r"^(\S+) had (\S+) in its hand", said, re.MULTILINE).groups()
    assert shop.states()[worker] == "killed, or ended"

    def story():
        return [line.split()[1:3] for line in shop("story", key).splitlines()[1:]]

    def later():
        lines = story()
        began = max(n for n, line in enumerate(lines) if line == [worker, "started"])
        return [line for line in lines[began + 1 :] if line[1] == "started"]

    wait_for("another worker to begin it", later)
    assert later()[0][0] != worker
    shop("heal", worker)
    assert shop.states()[worker] == "running"
    page = tmp_path / "story.html"
    shop("story", key, "--draw", page)
    assert worker in page.read_text()


def test_journals_are_read_when_the_producer_is_dead(shop):
    shop("kill", "producer", "worker-python")
    assert re.search(r"^ +0 lost$", shop("tally"), re.MULTILINE)
    shop("heal")
    assert "nothing to heal: all run" in shop("heal")


# What pages give to take home.


def test_with_one_worker_left_the_ready_jobs_only_grow(shop):
    def ready():
        said = shop("say", "1", "stats-tube tickets")
        return int(re.search(r"^current-jobs-ready: (\d+)", said, re.MULTILINE)[1])

    shop("kill", "worker-typescript-1", "worker-typescript-2")
    for _ in range(3):
        before = ready()
        wait_for("more jobs that are ready", lambda before=before: ready() > before)
    shop("heal")


def test_the_last_of_three_nodes_hands_out_nothing_and_loses_nothing(shop):
    shop("kill", "1", "2")
    said = shop("tally", "3", code=None)
    assert "are under way; waiting for them" in said and "not finished in 3 s" in said
    shop("heal", "1")
    assert re.search(r"^ +0 lost$", shop("tally"), re.MULTILINE)
    shop("heal")
    wait_for("all to agree", lambda: shop("leader", code=None).count("queue-1, queue-2, queue-3"))


def test_a_policy_is_set_in_a_container(shop):
    command = "docker compose exec -T queue-1 quartet queue-policy"
    set_ = f"{command} set mail --attempts 4 --base-ms 500 --dead-tube mail.dead"
    for words in (set_, f"{command} show mail"):
        done = subprocess.run(
            words.split(), **{"cwd": shop.folder, "env": shop.env, "timeout": 60}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
    assert "mail.dead" in done.stdout


def test_a_node_that_is_cut_off_loses_its_peers_and_keeps_its_clients(shop):
    assert shop.hears(1, 3) and shop.hears(3, 1)
    shop("cut", "3")
    assert not shop.hears(3, 1) and not shop.hears(1, 3)
    assert shop.hears(1, 2)
    assert shop.states()["queue-3"].startswith("running, cut off")
    assert shop("say", "3", "list-tube-used") == "USING default\n"
    shop("heal", "3")
    assert shop.hears(3, 1) and shop.hears(1, 3)


def test_two_nodes_on_an_island_hear_each_other_alone(shop):
    shop("split", "1", "2")
    assert shop.hears(1, 2) and shop.hears(2, 1)
    assert not shop.hears(1, 3) and not shop.hears(3, 2)
    # They are the majority: whoever led before, they have a leader, and the third knows none.
    wait_for(
        "a leader of two", lambda: shop("leader", code=None).endswith("say queue-1, queue-2\n")
    )
    assert "split already" in shop("split", "3", code=1)
    shop("heal")
    assert shop.hears(1, 3) and shop.hears(3, 2)
    wait_for("all to agree", lambda: shop("leader", code=None).count("queue-1, queue-2, queue-3"))
    assert "nothing to heal" in shop("heal")


def test_another_implementation_takes_its_place_and_plain_compose_follows(shop):
    assert "Up: the shop on python, step 3." in shop("up", "python", "--step", "3")
    assert set(shop.states()) == {"queue-1", *CLIENTS}

    def plain_compose():
        return subprocess.run(
            ["docker", "compose", "logs", "queue-1"],
            **{"cwd": shop.folder, "env": shop.env, "capture_output": True, "text": True},
        ).stdout

    wait_for("its first line", lambda: "the queue of step3 listens" in plain_compose())
    wait_for("a job", lambda: '"done"' in shop("logs", "worker-python"))
    assert shop("say", "1", "put 0 0 60 7", "seat 11").startswith("INSERTED ")
    assert "queue-1 is the only node" in shop("leader")


def test_down_takes_it_down(shop):
    shop("down", "--volumes")
    assert "No shop is up. ./shop up starts the shop on python, step 3" in shop("status", code=1)
