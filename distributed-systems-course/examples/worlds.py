"""Runs worlds, one a seed, and says what came of them: world.py, when it is called. Given."""

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FAULTS = ("kill", "slow", "cut")


def trouble(world: Any, faults: list[str]) -> float:
    """One thing goes wrong, and will be mended. How long until the next, in seconds."""
    leading = [id for id, one in world.machines.items() if getattr(one.node, "leader", 0) == id]
    ids = leading if leading and world.draw() < 0.5 else list(world.machines)
    id = ids[int(world.draw() * len(ids))]
    fault = faults[int(world.draw() * len(faults))]
    length = 0.05 + 2 * world.draw()
    if fault == "kill" and world.machines[id].up:
        world.kill(id)
        world.at(world.now + length, lambda: world.start(id))
    elif fault == "slow":
        world.slow(id, length)
    elif fault == "cut" and not world.machines[id].cut:
        world.cut(id)
        world.at(world.now + length, lambda: world.heal(id))
    return float(3 * world.draw() ** 2)


def line_of(event: dict[str, Any]) -> str:
    """For the tools that draw."""
    line = dict(event)
    for name in ("at", "got"):
        if name in line:
            line[name] = round(line[name], 4)
    for name in ("from", "to", "who"):
        if isinstance(line.get(name), int):
            line[name] = f"node {line[name]}"
    if not isinstance(line["text"], str):
        words = [word if isinstance(word, str) else json.dumps(word) for word in line["text"]]
        line["text"] = " ".join(words)
    return json.dumps(line) + "\n"


def load(system: str, step: str) -> tuple[Any, Any]:
    """What drives and judges such a world, and the class of the node of that step."""
    (home,) = HERE.glob(f"[0-9]*-{system}")
    sys.path += [str(home), str(home / "mini/python"), str(HERE.parent / "exercises")]
    return importlib.import_module("rush"), importlib.import_module("nodes").node_of(step)


def main() -> None:
    parser = argparse.ArgumentParser(description="nodes in virtual time, from a seed")
    parser.add_argument("system")
    parser.add_argument("step")
    parser.add_argument("--seeds", default="1..100", help="FIRST..LAST (1..100)")
    parser.add_argument(
        "--faults", default="kill", help="of kill, slow and cut, with commas between"
    )
    parser.add_argument("--mended", action="store_true", help="with the comparison of session 9")
    parser.add_argument("--events", type=Path, help="write what happened in the last world")
    parser.add_argument("--history", type=Path, help="write what its clients called and heard")
    options = parser.parse_args()
    faults = [fault for fault in options.faults.split(",") if fault]
    if wrong := set(faults) - set(FAULTS):
        parser.error(f"there is no fault {sorted(wrong)[0]!r}; there are {', '.join(FAULTS)}")
    rush, node = load(options.system, options.step)
    first, last = map(int, options.seeds.split(".."))
    total: dict[str, int] = {}
    for seed in range(first, last + 1):
        run = rush.Rush(node, seed, options.step, options.mended)
        run.play((lambda world: trouble(world, faults)) if faults else None)
        for name, count in run.result().items():
            total[name] = total.get(name, 0) + count
        if run.wrong:
            print(f"seed {seed}: {run.wrong}")
    if options.events:
        options.events.write_text("".join(line_of(event) for event in run.world.events))
    if options.history:
        options.history.write_text("".join(json.dumps(line) + "\n" for line in run.history))
    print(", ".join(f"{count} {name}" for name, count in total.items()))
