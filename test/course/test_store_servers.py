"""The small stores as processes: what clients and other nodes hear, and what outlives kill -9."""

import json
import os
import resource
import signal
import socket
import subprocess
import time
import urllib.error

import pytest
import redis
from minis import DEADLINE_S, NODE, PROGRAMS
from rooms import STORE
from stores import Client, Cluster, Heard, until

FILE_BYTES_MAX = 4096
SLOT_OF_FOO = 12182  # the third node's, where keys are split


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


@pytest.fixture
def store(tmp_path):
    """store("step3", "python"): its nodes, which run; of several languages, one each."""
    started = []

    def start(step, *languages):
        started.append(Cluster(languages, step, tmp_path).start())
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="module", params=list(PROGRAMS))
def levels(request, tmp_path_factory):
    """A cluster of step 5 with a leader, for tests that leave it as it was."""
    cluster = Cluster([request.param], "step5", tmp_path_factory.mktemp("levels")).start()
    cluster.leader()
    yield cluster
    cluster.stop()


def heard(ask, *words):
    with pytest.raises(Heard) as error:
        ask(*words)
    return str(error.value)


# --- steps ----------------------------------------------------------------------------------------


def test_step1_keeps_what_it_acknowledged_through_kill_9(store, language):
    nodes = store("step1", language)
    client = nodes.client(1)
    assert client.ask("SET", "seat:12", "anna", "NX") == "OK"
    assert client.ask("set", "seat:12", "ben", "nx") is None
    assert client.ask("SET", "other", "\xff\x00\r\n") == "OK"
    assert client.ask("DEL", "gone") == 0
    nodes.kill(1)
    nodes.start(1)
    assert nodes.say(1, "GET", "seat:12") == "anna"
    assert nodes.say(1, "GET", "other") == "\xff\x00\r\n"
    assert nodes.say(1, "DEL", "seat:12") == 1 and nodes.say(1, "GET", "seat:12") is None
    assert heard(nodes.say, 1, "READONLY") == "ERR unknown command 'READONLY'"
    assert heard(nodes.say, 1, "CONSISTENCY", "READ") == "ERR unknown command 'CONSISTENCY'"


def test_step2_redirects_and_a_third_is_silent_when_one_dies(store, language):
    nodes = store("step2", language)
    moved = f"MOVED {SLOT_OF_FOO} 127.0.0.1:{nodes.ports[3]}"
    assert heard(nodes.say, 1, "GET", "foo") == moved
    assert nodes.say(1, "CLUSTER", "KEYSLOT", "{foo}.x") == SLOT_OF_FOO
    rows = nodes.say(2, "CLUSTER", "SLOTS")
    assert [(first, last) for first, last, _ in rows] == [(0, 5460), (5461, 10922), (10923, 16383)]
    client = redis.RedisCluster(host="127.0.0.1", port=nodes.ports[1], protocol=2)
    for seat in range(30):
        assert client.set(f"seat:{seat}", "anna", nx=True)
    assert sum(nodes.status(id)["keys"] > 0 for id in nodes.ids) == 3
    nodes.kill(3)
    assert heard(nodes.say, 1, "GET", "foo") == moved
    kept = [seat for seat in range(30) if nodes.say(1, "CLUSTER", "KEYSLOT", f"seat:{seat}") < 5461]
    assert kept and all(nodes.say(1, "GET", f"seat:{seat}") == "anna" for seat in kept)


def test_step3_copies_to_two_followers_which_answer_local_reads(store, language):
    nodes = store("step3", language)
    assert nodes.leader() == 1
    for level in ("leader", "majority", "all"):
        assert nodes.say(1, "CONSISTENCY", level, "SET", "a", level) == "OK"
    nodes.same()
    assert nodes.say(2, "CONSISTENCY", "local", "GET", "a") == "all"
    assert heard(nodes.say, 2, "GET", "a").startswith("MOVED ")
    assert heard(nodes.say, 2, "CONSISTENCY", "session", "GET", "a") == "ERR syntax error"
    assert nodes.say(1, "CONSISTENCY", "READ") == "leader"
    nodes.kill(3)
    late = heard(nodes.say, 1, "CONSISTENCY", "all", "SET", "a", "late")
    assert late == "NOTALL 2 of 3; the write stands"
    nodes.start(3)
    nodes.same()
    assert nodes.say(3, "CONSISTENCY", "local", "GET", "a") == "late"


@pytest.mark.parametrize("step", ["step4", "step5"])
def test_a_leader_that_is_killed_is_followed_by_another_and_nothing_is_lost(store, language, step):
    nodes = store(step, language)
    first = nodes.leader()
    sold = [f"seat:{number}" for number in range(40)]
    client = nodes.client(first)
    for seat in sold:
        assert client.ask("SET", seat, "anna", "NX") == "OK"
    nodes.kill(first)
    others = [id for id in nodes.ids if id != first]
    second = nodes.leader(*others)
    assert second in others
    client = nodes.client(second)
    for seat in sold:
        assert client.ask("SET", seat, "ben", "NX") is None
        assert client.ask("GET", seat) == "anna"
    assert client.ask("SET", "later", "cleo") == "OK"
    nodes.start(first)
    nodes.same()
    nodes.kill(*nodes.ids)
    nodes.start()
    leader = nodes.leader()
    assert nodes.say(leader, "GET", "later") == "cleo"


def test_nodes_of_both_languages_are_one_cluster(store):
    nodes = store("step5", "python", "typescript", "python")
    leader = nodes.leader()
    assert nodes.say(leader, "CONSISTENCY", "all", "SET", "\xe9", "\xff\r\n\u007f") == "OK"
    nodes.same()
    nodes.kill(leader)
    second = nodes.leader(*(id for id in nodes.ids if id != leader))
    assert nodes.say(second, "GET", "\xe9") == "\xff\r\n\u007f"


# --- levels, tokens, cuts -------------------------------------------------------------------------


def test_a_node_that_is_cut_off_answers_local_reads_and_waits_for_the_rest(store, language):
    nodes = store("step5", language)
    leader = nodes.leader()
    nodes.say(leader, "SET", "seat:12", "free")
    nodes.same()
    cut = next(id for id in nodes.ids if id != leader)
    assert nodes.admin(cut, "/cut", "POST") == {"cut": True}
    client = nodes.client(leader)
    assert client.ask("SET", "seat:12", "anna") == "OK"
    token = client.ask("CONSISTENCY", "TOKEN")
    assert token == "0:{}:{}".format(*nodes.status(leader)["stamp"])
    far = nodes.client(cut)
    assert far.ask("CONSISTENCY", "local", "GET", "seat:12") == "free"
    assert far.ask("CONSISTENCY", "AFTER", token) == "OK"
    assert heard(far.ask, "CONSISTENCY", "session", "GET", "seat:12").startswith("TRYAGAIN ")
    assert heard(far.ask, "GET", "seat:12").startswith(("CLUSTERDOWN ", "MOVED "))
    assert nodes.admin(cut, "/heal", "POST") == {"cut": False}
    nodes.same()
    assert far.ask("CONSISTENCY", "session", "GET", "seat:12") == "anna"
    assert far.ask("CONSISTENCY", "local", "GET", "seat:12") == "anna"


def test_levels_of_a_connection(levels):
    client = levels.client(levels.leader())
    assert [client.ask("CONSISTENCY", what) for what in ("READ", "write")] == [
        "linearizable",
        "majority",
    ]
    assert client.ask("CONSISTENCY", "READ", "LOCAL") == "OK"
    assert client.ask("CONSISTENCY", "WRITE", "all") == "OK"
    assert [client.ask("CONSISTENCY", what) for what in ("READ", "WRITE")] == ["local", "all"]
    for words in (
        ("READ", "lease"),
        ("AFTER", "x"),
        ("AFTER",),
        ("local", "SET", "a", "b"),
        ("x",),
    ):
        assert heard(client.ask, "CONSISTENCY", *words).startswith("ERR syntax error"), words
    far = levels.client(next(id for id in levels.ids if id != levels.leader()))
    assert far.ask("READONLY") == "OK"
    assert far.ask("GET", "not there") is None
    assert far.ask("READWRITE") == "OK"
    assert heard(far.ask, "GET", "not there").startswith("MOVED ")


# --- clients that no one here wrote ---------------------------------------------------------------

IOREDIS = """
const { Cluster } = require(process.argv[1]);
const cluster = new Cluster([{ host: "127.0.0.1", port: Number(process.argv[2]) }]);
cluster.on("error", () => {});
(async () => {
  const sell = (name) => cluster.set("seat:77", name, "NX");
  const said = [await sell("anna"), await sell("ben")];
  said.push(await cluster.get("seat:77"), await cluster.del("seat:77"));
  console.log(JSON.stringify(said));
  cluster.disconnect();
})();
"""


def test_redis_py_and_ioredis_drive_it(levels):
    client = redis.RedisCluster(host="127.0.0.1", port=levels.ports[2], protocol=2)
    assert client.set("seat:5", "anna", nx=True) and client.set("seat:5", "ben", nx=True) is None
    assert client.get("seat:5") == b"anna" and client.delete("seat:5") == 1
    assert client.execute_command("CONSISTENCY local GET", "seat:5") is None
    module = os.path.join(os.environ["NODE_PATH"], "ioredis")
    done = subprocess.run(
        [NODE, "-e", IOREDIS, module, str(levels.ports[3])],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    assert json.loads(done.stdout) == ["OK", None, "anna", 1]


def test_pipelined_commands_are_answered_in_order(levels):
    client = levels.client(levels.leader())
    for number in range(20):
        client.send("SET", "a", str(number))
        client.send("GET", "a")
        client.send("PING")
    for number in range(20):
        assert [client.hear() for _ in range(3)] == ["OK", str(number), "PONG"]


def test_what_clients_ask_first(levels):
    client = levels.client(1)
    assert heard(client.ask, "HELLO", "3") == "ERR unknown command 'HELLO'"
    assert client.ask("CLIENT", "SETINFO", "LIB-NAME", "x") == "OK"
    assert client.ask("ECHO", "word") == "word"
    names = [row[0] for row in client.ask("COMMAND")]
    assert names == ["get", "set", "del", "consistency"]
    assert client.ask("CLUSTER", "INFO") == "cluster_state:ok\r\n"
    assert client.ask("CLUSTER", "MYID") == "1".zfill(40)
    ((first, last, *nodes),) = client.ask("CLUSTER", "SLOTS")
    assert (first, last) == (0, 16383)
    assert nodes[0][1:] == [levels.ports[levels.leader()], str(levels.leader()).zfill(40)]
    role = "master" if levels.leader() == 1 else "slave"
    assert f"loading:0\r\nrole:{role}\r\n" in client.ask("INFO")
    assert client.ask("ASKING") == "OK" and client.ask("QUIT") == "OK"
    assert client.file.read() == b""


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"GET a\r\n", "expected '*'"),
        (b"*1\r\nPING\r\n", "expected '$'"),
        (b"*9999999999\r\n", "a length that is none, or too long"),
        (b"*1001\r\n", "a length that is none, or too long"),
        (b"*-1\r\n", "a length that is none, or too long"),
        (b"*2\r\n$3\r\nGET\r\n$1048577\r\n", "a length that is none, or too long"),
        (b"*2\r\n$3\r\nGET\r\n$1048570\r\n", "too big a command"),
        (b"*1\r\n$4\r\nPINGxx", "a word that does not end where it says"),
        (b"*1\r\n$x\r\n", "a length that is none, or too long"),
    ],
)
def test_a_broken_protocol_is_one_word_and_the_end(levels, said, why):
    before = levels.client(1)
    assert levels.client(1).raw(said).decode() == f"-ERR Protocol error: {why}\r\n"
    assert before.ask("PING") == "PONG"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("NONSENSE",), "ERR unknown command 'NONSENSE'"),
        (("__init__", "a"), "ERR unknown command '__init__'"),
        (("constructor", "a"), "ERR unknown command 'constructor'"),
        (("GET",), "ERR wrong number of arguments for 'get' command"),
        (("DEL", "a", "b"), "ERR wrong number of arguments for 'del' command"),
        (("SET", "a", "b", "XX"), "ERR syntax error"),
        (("CLUSTER", "MEET"), "ERR syntax error"),
    ],
)
def test_a_wrong_command_gets_an_error_and_the_connection_lives(levels, words, why):
    client = levels.client(1)
    assert heard(client.ask, *words) == why
    assert client.ask("PING") == "PONG"


def test_half_a_command_waits_and_hurts_nobody(levels):
    half = levels.client(1)
    half.socket.sendall(b"*2\r\n$4\r\nEC")
    assert levels.client(1).ask("PING") == "PONG"
    half.socket.sendall(b"HO\r\n$2\r\nab\r\n")
    assert half.hear() == "ab"


STRANGERS = [
    b"GET / HTTP/1.1\r\n\r\n",
    b'["store-mini",9]\n',
    b'["store-mini",1]\n',
    b'{"a":1}\n',
    b"[]\n",
    b"\xff\xfe\n",
]


@pytest.mark.parametrize("said", STRANGERS)
def test_a_stranger_at_the_port_of_the_nodes_is_told_so(levels, said):
    answer = Client(levels.peers[1]).raw(said)
    assert answer == b"this is the port of a store's other nodes, and you are none\n"
    assert levels.leader()


NO_MESSAGES = [
    '["BEAT",1]',
    '["ALL?","x"]',
    '["ASK",1,[0]]',
    '["VOTE",1,1]',
    '["constructor",1]',
    '["WRITE",1,1,[0,0],[0,1],"a",7]',
    '["ALL",1,1,[0,0],[["a"]]]',
    '["NO",1e400]',
    '["NO",-1]',
    "[[]]",
    "7",
]


def test_a_peer_that_says_no_message_is_cut_off_and_its_link_comes_back(levels):
    """It pretends to be node 3, whose own link ends, for nothing may overtake; then it errs."""
    for message in NO_MESSAGES:
        liar = Client(levels.peers[1])
        assert liar.raw(f'["store-mini",3]\n{message}\n'.encode()).startswith(
            (b'["PING"]', b"", b"[")
        )
    leader = levels.leader()
    assert levels.say(leader, "CONSISTENCY", "majority", "SET", "a", "b") == "OK"
    levels.same()


def test_a_client_that_cannot_be_answered_is_closed_and_not_told_a_lie(store, language):
    nodes = store("step5", language)
    leader = nodes.leader()
    nodes.kill(*(id for id in nodes.ids if id != leader))
    client = nodes.client(leader)
    client.send("SET", "a", "b")
    with pytest.raises(EOFError):
        client.hear()
    for words in (("SET", "a", "b"), ("CLUSTER", "SLOTS")):
        assert heard(nodes.say, leader, *words) == "CLUSTERDOWN no leader"


# --- disks, and how it starts and stops -----------------------------------------------------------


def bounded_files():
    """In a new process: a file that grows beyond this is refused, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))


def test_a_node_that_cannot_write_its_log_ends_and_answers_nothing(language, tmp_path):
    nodes = Cluster([language], "step1", tmp_path)
    nodes.start(preexec_fn=bounded_files)
    client = nodes.client(1)
    assert client.ask("SET", "a", "small") == "OK"
    client.send("SET", "a", "x" * FILE_BYTES_MAX)
    with pytest.raises(EOFError):
        client.hear()
    said = nodes.processes[1].communicate(timeout=DEADLINE_S)[0]
    assert nodes.processes[1].returncode == 1 and "the log cannot be written: " in said
    nodes.start()
    assert nodes.say(1, "GET", "a") == "small"
    nodes.stop()


def test_damage_to_the_log_is_refused(language, tmp_path):
    nodes = Cluster([language], "step1", tmp_path).start()
    for value in ("first", "second"):
        nodes.say(1, "SET", "a", value)
    nodes.kill(1)
    log = tmp_path / "1/queue.log"
    log.write_bytes(log.read_bytes().replace(b"first", b"fisrt"))
    with pytest.raises(AssertionError, match="damaged, and good lines follow.*refusing to start"):
        nodes.start(1)


def test_health_and_a_graceful_stop(levels, tmp_path):
    assert levels.admin(1, "/health") == {"status": "ok"}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        levels.admin(1, "/other")
    with socket.create_connection(("127.0.0.1", levels.admins[1]), timeout=DEADLINE_S) as odd:
        odd.sendall(b"\xff\xff\r\n\r\n")
    one = Cluster(levels.languages[:1], "step1", tmp_path).start()
    one.processes[1].terminate()
    assert "stopped" in one.processes[1].communicate(timeout=10)[0]
    assert one.processes[1].returncode == 0


def refusal(language, *words, **env):
    done = subprocess.run(
        [*PROGRAMS[language], *words],
        cwd=STORE / "mini" / language,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 1, done
    lines = (done.stdout + done.stderr).splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_wrong_start_is_one_clear_line(language, tmp_path):
    place = str(tmp_path)
    assert refusal(language, "step9").endswith("step1|step2|step3|step4|step5 [NUMBER OF THE NODE]")
    assert refusal(language, "step2", "x").startswith("usage: ")
    assert refusal(language, "step2", "4", DATA=place) == "there is no node 4; there are 1, 2, 3"
    said = refusal(language, "step1", PORT="70000", DATA=place)
    assert said == "PORT is 70000: give it a number up to 65535"
    said = refusal(language, "step2", NODES="1=here", DATA=place)
    assert said == "NODES has 1=here, which is not NUMBER=HOST:PORT"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refusal(language, "step1", PORT=port, ADMIN="0", DATA=place)
    assert said.startswith("cannot listen: ") and "still up?" in said


def test_a_link_that_falls_silent_is_closed_and_dialed_again(store, language):
    """A node stands still for longer than a link may be silent; the others go on without it."""
    nodes = store("step5", language)
    leader = nodes.leader()
    still = next(id for id in nodes.ids if id != leader)
    nodes.processes[still].send_signal(signal.SIGSTOP)
    said = heard(nodes.say, leader, "CONSISTENCY", "all", "SET", "a", "b")
    assert said == "NOTALL 2 of 3; the write stands"
    started = time.monotonic()
    until(lambda: time.monotonic() - started > 1.2, "a second")
    nodes.processes[still].send_signal(signal.SIGCONT)
    nodes.same()
    assert nodes.say(still, "CONSISTENCY", "local", "GET", "a") == "b"
