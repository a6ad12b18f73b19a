"""Read R of three nodes, write W: who misses what? Run it with a seed: python main.py 7"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

NODES = 3
TRIES = 1000


def some(draw: Draw, count: int) -> list[int]:
    """So many nodes, whichever answer first."""
    nodes = list(range(NODES))
    return [nodes.pop(int(draw() * len(nodes))) for _ in range(count)]


def read(versions: list[int], asked: list[int]) -> int:
    """The newest that any of them has."""
    return max(versions[node] for node in asked)


def write(versions: list[int], nodes: list[int], version: int) -> None:
    for node in nodes:
        versions[node] = max(version, versions[node])


def misses(draw: Draw, r: int, w: int) -> int:
    """Of the reads after a write that is done, how many do not see it."""
    missed = 0
    for _ in range(TRIES):
        versions = [0] * NODES
        write(versions, some(draw, w), 1)
        missed += read(versions, some(draw, r)) == 0
    return missed


def new_then_old(draw: Draw, r: int, w: int, writes_back: bool) -> int:
    """While a write is under way it has come to one node. Two readers, one after the other."""
    found = 0
    for _ in range(TRIES):
        versions = [0] * NODES
        write(versions, some(draw, 1), 1)
        first = read(versions, some(draw, r))
        if writes_back:  # what it is about to say it first brings to W nodes
            write(versions, some(draw, w), first)
        second = read(versions, some(draw, r))
        found += first > second
    return found


def main(seed: int) -> None:
    draw = chance(seed)
    print(f"{TRIES} reads, each after a write that is done: so many miss it")
    print("      " + "".join(f"   R={r}" for r in range(1, NODES + 1)))
    for w in range(1, NODES + 1):
        row = [misses(draw, r, w) for r in range(1, NODES + 1)]
        print(f"   W={w}" + "".join(f"{count:6}" for count in row))
    print(f"\nR=2, W=2: {TRIES} times two reads, one after the other, during a write")
    for name, back in (("as above", False), ("writing back what was read", True)):
        print(f"   {name:28}{new_then_old(draw, 2, 2, back):4} times new, then old")


play(main)
