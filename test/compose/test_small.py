"""What a learner does with Docker besides the shop: the programs of the concepts in both languages,
and a queue of their own in an image."""

import re
import socket
import subprocess
import time

import learner
import pytest
from stack import BUILD_TIMEOUT_S, EXAMPLE, engine_missing

CONCEPTS = EXAMPLE.parent / "concepts"
LANGUAGES = ("python", "typescript")
missing = engine_missing()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)


def run(*words, cwd=CONCEPTS, code=0, **env):
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**learner.os.environ, **env},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.mark.parametrize("topic", sorted(p.parent.name for p in CONCEPTS.glob("*/python")))
def test_a_concept_runs_in_both_languages_without_either_being_installed(topic):
    said = [run("docker", "compose", "run", "--rm", name, topic, "7") for name in LANGUAGES]
    assert said[0] == said[1] and len(said[0].splitlines()) > 2


@pytest.mark.parametrize("words", [(), ("no-such-topic",)])
def test_a_wrong_topic_is_answered_with_those_that_exist(words):
    said = run("docker", "compose", "run", "--rm", "python", *words, code=2)
    assert "usage: docker compose run --rm python NN-topic" in said
    assert re.findall(r"^  (\S+)$", said, re.MULTILINE) == sorted(
        path.parent.name for path in CONCEPTS.glob("*/python")
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_your_own_queue_in_either_language_becomes_a_node(language, tmp_path):
    """test_queue.py gives the Python one to the whole acceptance test."""
    home = learner.solved(tmp_path, language)
    compose = ("docker", "compose", "-p", f"quartet-test-own-{language}-{learner.os.getpid()}")
    files = ("-f", str(EXAMPLE / "compose.yaml"), "-f", str(tmp_path / "ports.yaml"))
    (tmp_path / "ports.yaml").write_text(
        'services: { queue-1: { ports: !override ["127.0.0.1::11300"] } }\n'
    )
    mine = {"IMPL": "mine", "MINE": str(home)}
    try:
        up = ("up", "--build", "--detach", "--wait", "queue-1")
        run(*compose, *files, *up, **mine)
        address = run(*compose, *files, "port", "queue-1", "11300", **mine).strip()
        port = int(address.rpartition(":")[2])
        assert ask(port, "put 0 0 60 4\r\nseat\r\n") == b"INSERTED 1\r\n"
        run(*compose, *files, "kill", "queue-1", **mine)
        run(*compose, *files, *up, **mine)
        address = run(*compose, *files, "port", "queue-1", "11300", **mine).strip()
        port = int(address.rpartition(":")[2])
        assert ask(port, "reserve-with-timeout 5\r\n") == b"RESERVED 1 4\r\n"
    finally:
        run(*compose, *files, "down", "--volumes", "--timeout", "1", **mine)


def ask(port, command):
    deadline = time.monotonic() + 30
    while True:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(command.encode())
            line = client.makefile("rb").readline()
        if line:
            return line
        assert time.monotonic() < deadline, "it never answered"


def test_where_nothing_is_yet_compose_names_the_folder(tmp_path):
    said = run(
        *("docker", "compose", "build", "queue-1"),
        **{"cwd": EXAMPLE, "code": 1, "IMPL": "mine", "MINE": str(tmp_path / "mine/queue")},
    )
    assert "mine/queue" in said and "not found" in said
