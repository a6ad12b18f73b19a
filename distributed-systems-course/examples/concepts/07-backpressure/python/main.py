"""More tasks than the workers can do: what should give way? Run it with a seed: python main.py 7

For ten minutes some 12 customers a second want a ticket, then some 4. The workers print 10 a
second.
"""

import random
import sys
from collections import deque
from collections.abc import Iterator

RUSH_S = 600
RUSH, CALM = 12, 4  # customers a second
PRINTED_PER_S = 10
LIMIT = 100  # tasks in the queue, where there is a limit


def chance(seed: int) -> Iterator[float]:
    """The same random numbers in every language: x -> x * 16807 mod (2^31 - 1)."""
    x = seed
    while True:
        x = x * 16807 % 2147483647
        yield x / 2147483647


def run(draw: Iterator[float], name: str, limit: int | None, at_the_door: str) -> None:
    queue: deque[int] = deque()  # the second in which each task was put
    door = refused = slowest_s = most = door_most = 0
    second = 0
    while second < RUSH_S or queue or door:
        expected = RUSH if second < RUSH_S else CALM
        door += int(next(draw) * 2 * expected + 0.5)
        room = door if limit is None else max(0, limit - len(queue))
        let_in = min(door, room)
        queue.extend([second] * let_in)
        door -= let_in
        if at_the_door == "refuse":
            refused, door = refused + door, 0
        most, door_most = max(most, len(queue)), max(door_most, door)
        for _ in range(min(PRINTED_PER_S, len(queue))):
            slowest_s = max(slowest_s, second - queue.popleft())
        second += 1
    print(f"{name:22} {most:10} {slowest_s:12} s {refused:9} {door_most:19}")


def main() -> None:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1, 1000)
    print("what gives way         most in it   slowest task   refused   most at the door")
    run(chance(seed), "nothing (no limit)", None, "wait")
    run(chance(seed), "the customer (refused)", LIMIT, "refuse")
    run(chance(seed), "the producer (waits)", LIMIT, "wait")


main()
