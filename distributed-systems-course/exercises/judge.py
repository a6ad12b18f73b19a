"""Is there one order of these calls in which each takes effect at one moment of its time? Given.

    python judge.py FILE        lines as specs/history.md says; agrees with `quartet check kv FILE`

Linearizability (Herlihy and Wing, 1990), key by key. It goes through the history once and keeps
every state that may be: what the key holds, and which of the calls under way have taken effect.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any

State = tuple[str, frozenset[int]]  # what the key holds, as JSON; calls that have taken effect
Line = dict[str, Any]
IMPOSSIBLE = ""  # no state: the call cannot have taken effect here
STATES_MAX = 200_000
KINDS = {
    "get": "get",
    "read": "get",
    "put": "put",
    "write": "put",
    "cas": "cas",
    "delete": "delete",
}


class Call:
    """A call, with what it heard in the end: None while nobody knows."""

    def __init__(self, number: int, line: Line) -> None:
        self.number, self.line, self.kind = number, line, KINDS[line["f"]]
        self.key = json.dumps(line.get("key"))
        self.done = True
        self.heard: str | None = None

    def effect(self, held: str) -> str:
        """What the key holds after it; IMPOSSIBLE where it would have heard something else."""
        value: Any = self.line.get("value")
        if self.kind == "get":
            return held if self.heard == held else IMPOSSIBLE
        if self.kind == "put":
            return json.dumps(value)
        if self.kind == "cas":
            expected, new = value
            return json.dumps(new) if json.dumps(expected) == held else IMPOSSIBLE
        there = "false" if held == "null" else "true"
        return "null" if self.heard in (None, "null", there) else IMPOSSIBLE


def pair(history: list[Line]) -> list[tuple[bool, Call]]:
    """(whether it ends, which call). Raises ValueError where a line does not fit those before."""
    under_way: dict[int, Call | None] = {}  # by process; None: nothing, or its process is over
    found: list[tuple[bool, Call]] = []
    for number, line in enumerate(history, start=1):
        process, kind = line.get("process"), line.get("type")
        if process == "nemesis":
            continue
        if not isinstance(process, int) or line.get("f") not in KINDS:
            raise ValueError(f"line {number}: it needs a process, and an f of {', '.join(KINDS)}")
        call = under_way.get(process)
        if kind == "invoke":
            if call is not None:
                raise ValueError(f"line {number}: process {process} has a call under way")
            under_way[process] = call = Call(number, line)
            if call.kind == "cas" and not (
                isinstance(line.get("value"), list) and len(line["value"]) == 2
            ):
                raise ValueError(f"line {number}: the value of a cas is [EXPECTED, NEW]")
            found.append((False, call))
            continue
        if kind not in ("ok", "fail", "info") or call is None or call.line["f"] != line["f"]:
            raise ValueError(f"line {number}: nothing that it could end is under way")
        if kind == "info":
            continue  # its process is over, and it may take effect at any time
        under_way[process] = None
        if kind == "fail" and "found" in line:
            expected = call.line["value"][0]  # had it found that, it would not have failed
            call.kind, call.heard = "get", json.dumps(line["found"])
            call.heard = IMPOSSIBLE if call.heard == json.dumps(expected) else call.heard
        elif kind == "fail":
            call.done = False
        else:
            call.heard = json.dumps(line.get("value"))
        found.append((True, call))
    return found


def reach(states: set[State], calls: list[Call]) -> set[State]:
    """What may be once any of these calls have taken effect, in any order."""
    found, new = set(states), list(states)
    while new:
        held, done = new.pop()
        for call in calls:
            after = IMPOSSIBLE if call.number in done else call.effect(held)
            state = (after, done | {call.number})
            if after != IMPOSSIBLE and state not in found:
                found.add(state)
                new.append(state)
        if len(found) > STATES_MAX:
            raise OverflowError("too many calls are under way at once: nobody knows")
    return found


def judge(history: list[Line]) -> str | None:
    """None: it is linearizable. Else which call fits nowhere."""
    keys: dict[str, tuple[set[State], list[Call]]] = {}
    for ends, call in pair(history):
        states, calls = keys.get(call.key, ({("null", frozenset[int]())}, []))
        if not ends:
            keys[call.key] = states, [*calls, call]
            continue
        others = [other for other in calls if other is not call]
        if call.done:
            reached = reach(states, [one for one in calls if one.done])
            states = {(held, done - {call.number}) for held, done in reached if call.number in done}
        keys[call.key] = states, others
        if not states:
            heard = f" heard {call.heard}" if call.kind == "get" else ""
            return f"key {call.key}, line {call.number}: this {call.line['f']}{heard} fits nowhere"
    return None


def read(lines: Iterable[str]) -> list[Line]:
    history = []
    for number, line in enumerate(lines, start=1):
        try:
            history += [json.loads(line)] if line.strip() else []
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number}: {error.msg}") from error
    return history


def main(path: str) -> int:
    """0: it holds, 1: it is violated, 3: unknown, 2: the file is wrong."""
    try:
        with sys.stdin if path == "-" else open(path, encoding="utf-8") as file:
            history = read(file)
        wrong = judge(history)
    except OverflowError as unknown:
        print(unknown)
        return 3
    except (OSError, ValueError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    print(wrong or f"linearizable: {len(history)} lines")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python judge.py FILE")
    sys.exit(main(sys.argv[1]))
