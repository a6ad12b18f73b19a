"""The incident of session 3: a third machine joins a shop that places seats by `number % count`.

Needs three nodes of step 1: ./shop up python --step 1, or typescript.
"""

import sys

from client import ask, wait_until_up
from step2.slots import slot_of as number_of

SEATS = [f"seat:{row}-{number}" for row in "ABCDEFGHIJ" for number in range(1, 31)]


def machine_of(key: str, count: int) -> str:
    return f"store-{1 + number_of(key) % count}:6379"


def main() -> None:
    wait_until_up()
    for key in SEATS:  # every seat is sold, while there are two machines
        ask(machine_of(key, 2), "SET", key, "anna", "NX")
    print(f"{len(SEATS)} seats are sold, on 2 machines. A third one joins.")
    free = [key for key in SEATS if ask(machine_of(key, 3), "GET", key) is None]
    print(f"{len(SEATS) - len(free)} seats look sold, and {len(free)} look free, such as {free[0]}")
    again = ask(machine_of(free[0], 3), "SET", free[0], "ben", "NX")
    print(f"so {free[0]} is sold once more: {again}")
    for number in (1, 2, 3):
        sold = ask(f"store-{number}:6379", "GET", free[0]) or "$nobody"
        print(f"machine {number} has sold it to: {sold[1:]}")


if __name__ == "__main__":
    try:
        main()
    except OSError:
        sys.exit("three nodes are needed: ./shop up python --step 1 starts them")
