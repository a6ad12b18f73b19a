"""The command line: every mistake is one clear line on stderr and exit code 2."""

import socket

import pytest

from harness import free_port, free_ports_in_a_row, run


@pytest.mark.parametrize(
    "words, says",
    [
        ([], "which command"),
        (["store"], 'no command "store"'),
        (["queue", "--nope"], "no option --nope"),
        (["queue", "--node"], "needs a value"),
        (["queue", "--node", "0"], '--node: "0" is not right: expected a whole number from 1'),
        (["queue", "--node", "x"], "expected a whole number"),
        (["queue", "--listen", "11300"], "expected HOST:PORT"),
        (["queue", "--listen", "::1:11300"], "expected HOST:PORT"),
        (["queue", "--admin", "localhost:70000"], "expected HOST:PORT"),
        (["queue", "--fsync", "sometimes"], "expected always or never"),
        (["queue", "--reads", "dirty"], "expected linearizable, lease or local"),
        (["queue", "--peers", "1=a:1,1=b:1"], "each node's id once"),
        (["queue", "--peers", "a:1"], "expected ID=HOST:PORT"),
        (["queue", "--peers", "1=a"], "expected ID=HOST:PORT"),
        (["queue", "--peers", "2=a:1,3=b:1"], "does not name this node"),
        (["queue", "--peers", ",".join(f"{i}=a:{i}" for i in range(1, 11))], "at most 9"),
        (["queue", "--max-job-size", "0"], "--max-job-size"),
        (["queue", "--max-job-size", "999999999999"], "--max-job-size"),
        (["queue", "--heartbeat-ms", "400", "--election-timeout-ms", "500"], "half"),
        (["queue", "--clock-drift-permille", "501"], "a whole number from 1 to 500"),
        (["queue", "--clock-skew-max-ms", "86400001"], "a whole number from 0 to 86400000"),
        (["queue", "--secret-file", "/nonexistent"], "--secret-file: /nonexistent"),
        (["queue", "stray"], '"stray" is one word too many'),
        (["queue", "--verbose=maybe"], "expected 1 or 0"),
        (["up", "zebra"], 'no system "zebra"'),
        (["up", "--nodes", "10"], "--nodes"),
        (["up", "--port", "80"], "--port"),
        (["status", "--admin", "nowhere"], "expected HOST:PORT"),
        (["queue-policy"], "expected show, set or clear"),
        (["queue-policy", "set", "t", "--factor", "0.5"], "--factor"),
        (["queue-policy", "set", "t", "--jitter", "2"], "--jitter"),
        (["queue-policy", "show", "t" * 201], "at most 200"),
        (["log"], "expected show or cut"),
    ],
)
def test_mistake(words, says):
    done = run(*words)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and says in done.stderr, done.stderr


def test_environment_mirrors_the_flags_and_the_flag_wins():
    done = run("queue", env={"QUARTET_FSYNC": "sometimes"})
    assert done.returncode == 2 and "QUARTET_FSYNC" in done.stderr
    done = run("queue", "--fsync", "never", "--node", "x", env={"QUARTET_FSYNC": "sometimes"})
    assert done.returncode == 2 and "--node" in done.stderr
    done = run("queue", "--node", "x", env={"QUARTET_FSYNC": ""})
    assert "--node" in done.stderr  # empty: not set


@pytest.mark.parametrize("command", ["queue", "up", "status", "queue-policy", "log"])
def test_help(command):
    done = run(command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(f"usage: quartet {command}")
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_general_help_names_every_command():
    text = run("--help").stdout
    for command in ["queue", "up", "status", "queue-policy", "log", "sim"]:
        assert f"  {command} " in text
    assert run("--version").stdout.startswith("quartet ")


def test_port_in_use_is_one_clear_line(tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        done = run("queue", "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{free_port()}",
                   "--data", tmp_path / "q")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and f"{port}: another program" in done.stderr
    assert not (tmp_path / "q").exists()  # nothing was touched


def test_up_says_that_a_port_is_in_use(tmp_path):
    first = free_ports_in_a_row([0, 1, 2])
    with socket.create_server(("127.0.0.1", first + 1)):
        done = run("up", "queue", "--port", first, "--data", tmp_path / "up")
    assert done.returncode == 1 and str(first + 1) in done.stderr
    assert done.stderr.count("\n") == 1


def test_status_of_nobody():
    done = run("status", "--admin", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1 and "cannot connect" in done.stderr
