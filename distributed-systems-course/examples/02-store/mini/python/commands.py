"""What a client's commands do: some are answered here, the rest is asked of the node. Given."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import wire

if TYPE_CHECKING:
    from session import Session

READS = ("local", "session", "linearizable")
WRITES = ("leader", "majority", "all")
KEYED: dict[str, list[Any]] = {  # how many words, what it does, where its first and last key are
    "get": [2, ["+readonly"], 1, 1, 1],
    "set": [-3, ["+write"], 1, 1, 1],
    "del": [2, ["+write"], 1, 1, 1],
}
LEVELED: dict[str, list[Any]] = {"consistency": [-2, [], 3, 3, 1]}
SLOTS = 16384


def handle(session: "Session", words: list[str]) -> None:
    name, server = words[0].lower(), session.server
    error = wire.error_of(words)
    if error is None and name in server.unknown:
        error = f"-ERR unknown command '{words[0]}'"
    if error is not None:
        session.say(error)
    elif name in KEYED:
        session.ask(words, "")
    elif name in HANDLERS:
        HANDLERS[name](session, *words[1:])
    else:
        session.say("+OK")  # client, asking: heard, and nothing else


def on_ping(session: "Session") -> None:
    session.say("+PONG")


def on_echo(session: "Session", text: str) -> None:
    session.say(wire.bulk(text))


def on_quit(session: "Session") -> None:
    session.say("+OK")
    session.close()


def on_readonly(session: "Session") -> None:
    session.local = True
    session.say("+OK")


def on_readwrite(session: "Session") -> None:
    session.local = False
    session.say("+OK")


def on_command(session: "Session", *_: str) -> None:
    there = KEYED if "consistency" in session.server.unknown else KEYED | LEVELED
    session.say([["$" + name, *row] for name, row in there.items()])


def on_info(session: "Session", *_: str) -> None:
    role = "master" if session.server.leads() else "slave"
    lines = ("redis_version:7.0.0", "cluster_enabled:1", "loading:0", f"role:{role}")
    session.say(wire.bulk("".join(f"{line}\r\n" for line in lines)))


def on_cluster(session: "Session", what: str, *words: str) -> None:
    ranges = session.server.ranges()
    if what.lower() == "slots" and not ranges:
        session.say("-CLUSTERDOWN no leader")
    elif what.lower() == "slots":
        session.say([[a, b, *map(session.server.known_as, nodes)] for a, b, nodes in ranges])
    elif what.lower() == "info":
        session.say(wire.bulk(f"cluster_state:{'ok' if ranges else 'fail'}\r\n"))
    elif what.lower() == "keyslot" and len(words) == 1:
        session.say(session.server.slot_of(words[0]))
    elif what.lower() == "myid":
        session.say(wire.bulk(f"{session.server.id:040}"))
    else:
        session.say("-ERR syntax error")


def on_consistency(session: "Session", first: str, *words: str) -> None:
    what, reads = first.lower(), READS if session.server.tokens else READS[:1]
    levels = {"read": reads, "write": WRITES}
    if what in levels and len(words) == 1 and words[0].lower() in levels[what]:
        session.levels[what] = words[0].lower()
        session.say("+OK")
    elif what in levels and not words:
        usual = "linearizable" if session.server.tokens else "leader"
        session.say(wire.bulk(session.levels[what] or usual))
    elif what == "token" and not words and session.server.tokens:
        session.say(wire.bulk("0:{}:{}".format(*session.token)))
    elif what == "after" and session.server.tokens and len(words) == 1 and stamp_of(words[0]):
        session.token = max(session.token, stamp_of(words[0]))
        session.say("+OK")
    else:
        once(session, what, list(words), reads)


def once(session: "Session", level: str, words: list[str], reads: tuple[str, ...]) -> None:
    """A level for one command."""
    name = words[0].lower() if words else ""
    fits = reads if name == "get" else WRITES if name in ("set", "del") else ()
    error = wire.error_of(words) if level in fits else "-ERR syntax error"
    if error is None:
        session.ask(words, level)
    else:
        session.say(error)


HANDLERS: dict[str, Callable[..., None]] = {
    "ping": on_ping,
    "echo": on_echo,
    "quit": on_quit,
    "readonly": on_readonly,
    "readwrite": on_readwrite,
    "command": on_command,
    "info": on_info,
    "cluster": on_cluster,
    "consistency": on_consistency,
}


def stamp_of(token: str) -> list[int]:
    """Of 0:term:version; nothing if it is none."""
    parts = token.split(":")
    good = len(parts) == 3 and all(part.isascii() and part.isdigit() for part in parts)
    return [int(part) for part in parts[1:]] if good else []
