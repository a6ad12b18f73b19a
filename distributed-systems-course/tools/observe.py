#!/usr/bin/env python3
"""Runs one of the concept programs as it is and writes down the messages in it, for spacetime.py.

    observe.py PROGRAM SEED EVENTS

These programs hold shop, office and network in one process, and there is no wire to listen at.
Python's profiler sees their functions called and returning instead; the programs know nothing of
it.
"""

import contextlib
import io
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

SHOP, OFFICE = "shop", "office"
Event = dict[str, Any]


def sold(what: str) -> dict[str, dict[str, str]]:
    """What the office has sold by now, for the picture of it."""
    return {OFFICE: {"sold": what}}


def count(seats: int) -> str:
    return "1 seat" if seats == 1 else f"{seats} seats"


def timeouts(events: list[Event]) -> Callable[[FrameType, str, Any], None]:
    """01-timeout: each kind of story that call() had, the first time that it had it."""
    told: set[str] = set()

    def message(at: float, sender: str, text: str, lost: bool = False, got: float = 0) -> None:
        to = OFFICE if sender == SHOP else SHOP
        events.append(
            {"at": at, "got": got or at, "from": sender, "to": to, "text": text, "lost": lost}
        )

    def profile(frame: FrameType, what: str, value: Any) -> None:
        if what != "return" or frame.f_code.co_name != "call" or value is None:
            return
        seen, happened = value
        kind = "slow" if "but it took" in happened else happened
        if seen != "timeout" or kind in told:
            return
        told.add(kind)
        began = 1000 * len(told)  # ms; between the stories no time is counted
        limit = frame.f_globals["TIMEOUT_MS"]
        took = frame.f_locals.get("took_ms", 0)
        seat = f"seat {frame.f_locals['seat']}"
        events.append({"at": began, "part": f"{seat}: {happened}", "state": sold("")})
        message(began, SHOP, "sell", lost="request was lost" in happened)
        if "crashed" in happened:
            events.append({"at": began, "who": OFFICE, "text": "crashes", "ends": True})
        if "sold" in happened:
            events.append({"at": began, "who": OFFICE, "text": "sold", "state": sold(seat)})
        if "reply was lost" in happened:
            message(began, OFFICE, "sold", lost=True)
        if kind == "slow":
            message(began, OFFICE, "sold", got=began + took)
        events.append({"at": began + limit, "who": SHOP, "text": "timeout"})

    return profile


def delivery(events: list[Event]) -> Callable[[FrameType, str, Any], None]:
    """02-delivery: every try of every order, in the three ways."""
    heard: dict[str, Any] = {"sell": False, "known": False, "sold": 0}

    def profile(frame: FrameType, what: str, value: Any) -> None:
        name, known = frame.f_code.co_name, frame.f_locals
        if name == "run" and what == "call":
            events.append({"part": known["name"], "state": sold("")})
            heard["sold"] = 0
        elif name == "send" and what == "call":
            heard.update(sell=False, known=False)
        elif name == "sell" and what == "call":
            office = known["self"]
            heard.update(sell=True, known=office.remember and known["key"] in office.done)
        elif name == "send" and what == "return":
            text = f"{known['key']}: seat {known['seat']}"
            events.append({"from": SHOP, "to": OFFICE, "text": text, "lost": not heard["sell"]})
            if heard["sell"]:
                note = "knows the key, sells nothing" if heard["known"] else "sells the seat"
                heard["sold"] += not heard["known"]
                state = sold(count(heard["sold"]))
                events.append({"who": OFFICE, "text": note, "state": state})
                events.append({"from": OFFICE, "to": SHOP, "text": "sold", "lost": not value})
            if not value:
                events.append({"who": SHOP, "text": "timeout"})

    return profile


def halls(events: list[Event]) -> Callable[[FrameType, str, Any], None]:
    """10-cut: the evenings on which the cable is cut, customer by customer."""
    seen = {"cut": False}  # whether this evening is one of them

    def name_of(hall: Any) -> str:
        return "hall one" if hall.copies == 2 else "hall two"

    def both(how: str) -> dict[str, dict[str, str]]:
        return {"hall one": {"is": how}, "hall two": {"is": how}}

    def profile(frame: FrameType, what: str, value: Any) -> None:
        name, known = frame.f_code.co_name, frame.f_locals
        if name == "evening" and what == "call":
            seen["cut"] = known["cable_is_cut"]
            if seen["cut"]:
                part = f"a hall sells when it reaches {known['needs']} of 3 copies"
                events.append({"part": part, "state": both("up")})
        elif not seen["cut"] or what not in ("call", "return"):
            return
        elif name == "cut" and what == "return":
            events.append({"who": "hall one", "text": "the cable is cut", "state": both("cut")})
        elif name == "mend" and what == "call" and not known["one"].reaches:
            events.append({"who": "hall one", "text": "the cable is mended", "state": both("up")})
        elif name == "sell":
            hall = name_of(known["self"])
            asks = hall.replace("hall", "customers of")
            if what == "call":
                text = f"{known['customer']}: seat {known['seat']}"
                events.append({"from": asks, "to": hall, "text": text})
            else:
                events.append({"from": hall, "to": asks, "text": value})
        elif name == "tell" and what == "call":
            text = f"seat {known['seat']} is sold"
            sender, to = name_of(known["self"]), name_of(known["hall"])
            events.append({"from": sender, "to": to, "text": text})

    return profile


OBSERVERS = {"01-timeout": timeouts, "02-delivery": delivery, "10-cut": halls}


def main() -> None:
    program, seed, place = sys.argv[1:]
    events: list[Event] = []
    observer = OBSERVERS[Path(program).parents[1].name](events)
    sys.argv = [program, seed]
    with contextlib.redirect_stdout(io.StringIO()):
        sys.setprofile(observer)
        try:
            runpy.run_path(program)
        finally:
            sys.setprofile(None)
    Path(place).write_text("".join(json.dumps(event) + "\n" for event in events))


if __name__ == "__main__":
    main()
