"""./break: the docker commands it runs are the ones it prints, and they are the right ones. Whether
they break and mend anything is what test/compose sees: it breaks everything with it."""

import os
import subprocess

import pytest
from minis import MINIS

BREAK = MINIS.parent / "break"
WORKER = "queue-c-worker-python-1"
SHOP = "queue-c_shop"


@pytest.fixture
def docker(tmp_path):
    """A docker that knows one container, in the state that is given, and writes down the rest."""

    def become(status="running", paused="false", running="true", network="in"):
        (tmp_path / "docker").write_text(
            "#!/bin/sh\n"
            'case "$*" in\n'
            f'"inspect"*"{WORKER}" | "inspect"*"queue-python-worker-python-1") case "$*" in\n'
            f"  *State.Status*) echo {status} ;; *State.Paused*) echo {paused} ;;\n"
            f"  *State.Running*) echo {running} ;; *) echo '{network}' ;; esac ;;\n"
            "inspect*) exit 1 ;;\n"
            f'*) echo "$*" >>{tmp_path}/calls ;;\n'
            "esac\n"
        )
        (tmp_path / "docker").chmod(0o755)
        return tmp_path

    return become


def break_(place, *words, code=0, **env):
    path = f"{place}{os.pathsep}/usr/bin:/bin"
    done = subprocess.run(
        [BREAK, *words], env={"PATH": path, **env}, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == code, done.stdout + done.stderr
    calls = place / "calls"
    ran = calls.read_text().splitlines() if calls.exists() else []
    printed = [line[2:] for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert printed == [f"docker {call}" for call in ran]  # it prints what it runs, all of it
    return ran, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("how", "command"),
    [
        ("kill", f"kill --signal KILL {WORKER}"),
        ("pause", f"pause {WORKER}"),
        ("cut", f"network disconnect {SHOP} {WORKER}"),
    ],
)
def test_each_way_of_breaking_is_one_command(docker, how, command):
    assert break_(docker(), how, "worker-python")[0] == [command]


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        ({"paused": "true"}, [f"unpause {WORKER}"]),
        ({"running": "false"}, [f"start {WORKER}"]),
        ({"network": ""}, [f"network connect --alias worker-python {SHOP} {WORKER}"]),
        (
            {"running": "false", "network": ""},
            [
                f"start {WORKER}",
                f"network connect --alias worker-python {SHOP} {WORKER}",
            ],
        ),
    ],
)
def test_heal_undoes_what_was_done(docker, state, commands):
    assert break_(docker(**state), "heal", "worker-python")[0] == commands


def test_heal_says_so_where_nothing_is_broken(docker):
    ran, said = break_(docker(), "heal", "worker-python")
    assert ran == [] and "nothing to heal" in said


def test_the_implementation_chooses_the_project(docker):
    ran, _ = break_(docker(), "kill", "worker-python", IMPL="python")
    assert ran == ["kill --signal KILL queue-python-worker-python-1"]


def test_a_name_that_is_not_there_is_one_clear_line(docker):
    ran, said = break_(docker(), "kill", "worker-7", code=1)
    assert ran == []
    assert (
        said == "./break: there is no queue-c-worker-7-1 here; docker compose ps lists what runs\n"
    )


@pytest.mark.parametrize("words", [(), ("kill",), ("kill", "a", "b"), ("melt", "worker-python")])
def test_anything_else_gets_the_usage(docker, words):
    ran, said = break_(docker(), *words, code=2)
    assert ran == []
    assert [line.split()[1] for line in said.splitlines()] == ["kill", "pause", "cut", "heal"]
