"""The command line: every mistake is one clear line on stderr and exit code 2."""

import json
import re
import socket

import pytest

from harness import Node, Wire, eventually, free_port, free_ports_in_a_row, http, run


@pytest.mark.parametrize(
    "words, says",
    [
        ([], "which command"),
        (["zebra"], 'no command "zebra"'),
        (["queue", "--nope"], "no option --nope"),
        (["queue", "--node"], "needs a value"),
        (["queue", "-node", "1"], "there is no option -node (options begin with two dashes)"),
        (["queue", "--node", "0"], '--node: "0" is not right: expected a whole number from 1'),
        (["queue", "--node", "x"], "expected a whole number"),
        (["queue", "--listen", "11300"], "expected HOST:PORT"),
        (["queue", "--listen", "::1:11300"], "expected HOST:PORT"),
        (["queue", "--listen", "a:1,", "--admin", "b:2"], "expected HOST:PORT"),
        (["queue", "--listen", "a:1,b:2", "--listen", "c:3,d:4,e:5"], "at most 4 addresses"),
        (["queue", "--listen", "a:1", "--listen", "b:1,a:1"], "--listen: a:1 stands there twice"),
        (["queue", "--listen", "a:1,127.0.0.1:9000"], "127.0.0.1:9000 is where clients connect"),
        (["queue", "--announce", "a:1,b:2"], "--announce: 2 for 1 of --listen: one each"),
        (["queue", "--announce", "a:0"], "an address that clients can dial"),
        (["queue", "--announce", "0.0.0.0:1"], "an address that clients can dial"),
        (["queue", "--admin", "localhost:70000"], "expected HOST:PORT"),
        (["queue", "--admin-hosts", "a,,b"], "expected NAME,... like"),
        (["queue", "--admin-hosts", "a:80"], "expected NAME,... like"),
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
        (["queue", "--listen", "127.0.0.1:9000"], "127.0.0.1:9000 is where clients connect"),
        (["queue", "--peers", "1=127.0.0.1:9000,2=b:1"], "peers need their own port"),
        (["queue", "--peers", "1=127.0.0.1:11300,2=b:1"], "peers need their own port"),
        (["queue", "stray"], '"stray" is one word too many'),
        (["queue", "--verbose=maybe"], "expected 1 or 0"),
        (["chat", "--endpoints", "chat.example"], "expected URLs with commas between"),
        (["chat", "--endpoints", "http://a,http://b/x"], "expected URLs with commas between"),
        (["chat", "--ping-s", "40"], "--ping-s: 40 is not less than --silence-s 40"),
        (["up"], "which system? Expected queue, store, consensus, chat, or all"),
        (["up", "zebra"], 'no system "zebra": expected queue, store, consensus, chat, or all'),
        (["up", "register"], 'no system "register"'),
        (["up", "queue", "queue"], "queue stands there twice"),
        (["up", "queue", "--nodes", "10"], "--nodes"),
        (["up", "all", "--port", "80"], "--port"),
        (["status", "--admin", "nowhere"], "expected HOST:PORT"),
        (["status", "--tls-cert", "a"], "--tls-cert: goes with --tls-key FILE, and with --tls-ca"),
        (["members", "list", "--tls-key", "a"], "--tls-key: goes with --tls-cert FILE"),
        (["queue-policy", "show", "t", "--tls-cert", "a", "--tls-key", "b"], "with --tls-ca FILE"),
        (["queue-policy"], "expected show, set or clear"),
        (["queue-policy", "set", "t", "--factor", "0.5"], "--factor"),
        (["queue-policy", "set", "t", "--jitter", "2"], "--jitter"),
        (["queue-policy", "show", "t" * 201], "at most 200"),
        (["queue-policy", "set", "t", "--attempts", "1001"], "a whole number from 1 to 1000"),
        (["log"], "expected show or cut"),
        (["members"], "expected list, add"),
        (["sim", "zebra"], "no system called zebra"),
        (["sim", "--nope"], "there is no option --nope"),
        (["sim", "--seed"], "--seed needs a value"),
        (["sim", "--seed", "x"], '--seed: "x" is not right: expected a whole number'),
        (["sim", "--seeds", "5"], "expected A..B"),
        (["sim", "--seeds", "5..1"], "expected A..B"),
        (["sim", "--nodes", "2"], "expected 1, 3 or 5"),
        (["sim", "--faults", "gremlins"], "expected names between commas"),
        (["check", "zebra", "FILE"], 'no model "zebra"'),
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


def test_every_listen_serves_and_is_announced(tmp_path):
    more = free_port()
    node = Node(tmp_path, listen=f"127.0.0.1:{more}").start_and_wait()
    try:
        assert node.status()["announced"] == [f"127.0.0.1:{node.port}", f"127.0.0.1:{more}"]
        with Wire(node.address) as one, Wire(("127.0.0.1", more)) as other:
            assert one.ask("put 0 0 60 1\r\nx\r\n") == b"INSERTED 1\r\n"
            assert other.ask("peek 1\r\n") == b"FOUND 1 1\r\n"
            assert node.status()["clients"] == 2
        assert f"clients also at 127.0.0.1:{more}" in node.output()
        assert node.stop() == 0
    finally:
        node.kill()


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    "listen, options, announced",
    [
        ("127.0.0.1:PORT", {"announce": "queue.example.com:80"}, ["queue.example.com:80"]),
        ("[::1]:PORT", {}, ["[::1]:PORT"]),
        ("localhost:PORT", {"peers": "1=127.0.0.1:PEER"}, ["localhost:PORT"]),
        ("0.0.0.0:PORT", {"peers": "1=localhost:PEER"}, ["localhost:PORT"]),
        ("0.0.0.0:PORT", {}, [""]),
        ("127.0.0.1:0", {}, [""]),
    ],
)
def test_what_is_announced(tmp_path, listen, options, announced):
    """Without --announce: where it listens, if that says anything to others."""
    if "::1" in listen and not has_ipv6():
        pytest.skip("no IPv6 on this machine")
    node = Node(tmp_path)

    def fill(text):
        return text.replace("PORT", str(node.port)).replace("PEER", str(node.peer_port))

    node.options = {name: fill(text) for name, text in options.items()}
    node.env = {"QUARTET_LISTEN": fill(listen)}
    words = node.words()
    words = words[: words.index("--listen")] + words[words.index("--listen") + 2 :]
    node.words = lambda: words
    node.start_and_wait()
    try:
        assert node.status()["announced"] == [fill(text) for text in announced]
    finally:
        node.kill()


TAKES_ANY_TEXT = {"data", "secret-file", "dead-tube", "tls-ca", "tls-cert", "tls-client-ca", "tls-key",
                  "tls-peer-ca"}


@pytest.mark.parametrize(
    "words", [["queue"], ["up"], ["status"], ["members", "list"], ["queue-policy", "show", "t"]]
)
def test_every_option_has_its_mirror(words):
    options = set(re.findall(r"^  --([a-z-]+)", run(words[0], "--help").stdout, re.MULTILINE))
    options -= {"help"} | TAKES_ANY_TEXT
    assert options
    for option in options:
        name = "QUARTET_" + option.upper().replace("-", "_")
        done = run(*words, env={name: "=nonsense="})
        assert done.returncode == 2 and done.stderr.count("\n") == 1, (name, done)
        assert f'{name}: "=nonsense=" is not right' in done.stderr


COMMANDS = ["queue", "queue-policy", "store", "consensus", "chat", "up", "status", "members", "log", "sim",
            "check"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command):
    done = run(command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(f"usage: quartet {command}")
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert run("help", command).stdout == done.stdout


def test_general_help_names_every_command():
    text = run("--help").stdout
    assert re.findall(r"^  ([a-z-]+) ", text, re.MULTILINE) == COMMANDS
    assert run("--version").stdout.startswith("quartet ")


def test_port_in_use_is_one_clear_line(tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        done = run("queue", "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{free_port()}",
                   "--data", tmp_path / "q")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and f"{port}: another program" in done.stderr
    assert not (tmp_path / "q").exists()  # nothing was touched


def without_admin(node):
    words = node.words()
    at = words.index("--admin")
    node.words = lambda: words[:at] + words[at + 2 :]
    return node


def admin_port(node):
    said = re.search(r"admin at http://127.0.0.1:(\d+)", node.output())
    return said and int(said.group(1))


def test_a_taken_admin_port_moves_when_nobody_asked_for_it(tmp_path):
    nodes = [without_admin(Node(tmp_path, number)) for number in (1, 2)]
    try:
        ports = []
        for node in nodes:
            node.start()
            ports.append(eventually(lambda node=node: admin_port(node), "it says where"))
        assert ports[0] != ports[1]
        assert re.search(r"--admin: .*127\.0\.0\.1:9000: another program listens there; it moves to "
                         + str(ports[1]), nodes[1].output())
        for port, node in zip(ports, nodes):
            eventually(lambda port=port: http(port, "/health")[0] == 200, "it is healthy")
            assert json.loads(http(port, "/status")[1])["node"] == node.number
    finally:
        for node in nodes:
            node.kill()


def test_a_taken_admin_port_that_was_asked_for_is_one_clear_line(tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        done = run("queue", "--listen", f"127.0.0.1:{free_port()}", "--data", tmp_path / "q",
                   env={"QUARTET_ADMIN": f"127.0.0.1:{port}"})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and f"{port}: another program" in done.stderr
    assert not (tmp_path / "q").exists()


def test_up_says_that_a_port_is_in_use(tmp_path):
    first = free_ports_in_a_row([0, 1, 2])
    with socket.create_server(("127.0.0.1", first + 1)):
        done = run("up", "queue", "--port", first, "--data", tmp_path / "up")
    assert done.returncode == 2 and str(first + 1) in done.stderr  # it was asked for by name
    assert done.stderr.count("\n") == 1


def test_up_does_not_start_again_what_cannot_start(tmp_path):
    (tmp_path / "file").touch()
    first = free_ports_in_a_row([base + i for base in (0, 10, 20) for i in range(3)])
    done = run("up", "queue", "--port", first, "--data", tmp_path / "file" / "up")
    assert done.returncode == 1 and "could not start" in done.stdout
    # Whichever speaks first; the others are ended, perhaps before they speak.
    said = re.findall(r"file/up/queue-(\d): Not a directory; --data DIR names another", done.stderr)
    assert re.search(r"node (\d) could not start", done.stdout).group(1) in said
    assert len(said) == len(set(said)), done.stderr  # none was started again


def test_status_of_nobody():
    done = run("status", "--admin", f"127.0.0.1:{free_port()}")
    assert done.returncode == 1 and "cannot connect" in done.stderr
