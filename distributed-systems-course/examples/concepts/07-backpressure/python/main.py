"""More tasks than the workers can do: what should give way? Run it with a seed: python main.py 7

For ten minutes some 15 customers a second want a ticket, then some 4. The workers print 10 a
second.
"""

import sys
from collections import deque
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

RUSH_S = 600
RUSH = 15  # customers a second
CALM = 4
PRINTED_PER_S = 10
LIMIT = 100  # tasks in the queue, where there is a limit


def run(draw: Draw, name: str, limit: int | None, at_the_door: str) -> None:
    door: deque[int] = deque()  # when each customer came that is not let in yet
    queue: deque[tuple[int, int]] = deque()  # (when the customer came, when the task was put)
    refused = most = door_most = slowest_s = slowest_inside_s = second = 0
    while second < RUSH_S or queue or door:
        expected = RUSH if second < RUSH_S else CALM
        door.extend([second] * int(draw() * 2 * expected + 0.5))
        room = len(door) if limit is None else max(0, limit - len(queue))
        for _ in range(min(len(door), room)):
            queue.append((door.popleft(), second))
        if at_the_door == "refuse":
            refused += len(door)
            door.clear()
        most, door_most = max(most, len(queue)), max(door_most, len(door))
        for _ in range(min(PRINTED_PER_S, len(queue))):
            came, put = queue.popleft()
            slowest_s = max(slowest_s, second - came)
            slowest_inside_s = max(slowest_inside_s, second - put)
        second += 1
    inside = f"{most:13} {slowest_inside_s:8} s"
    print(f"{name:22} {inside} {door_most:16} {slowest_s:9} s {refused:9}")


def main(seed: int) -> None:
    print("                        most in the   slowest      most at     slowest")
    print("what gives way                queue    in it      the door   customer   refused")
    run(chance(seed), "nothing (no limit)", None, "wait")
    run(chance(seed), "the customer (refused)", LIMIT, "refuse")
    run(chance(seed), "the producer (waits)", LIMIT, "wait")


play(main)
