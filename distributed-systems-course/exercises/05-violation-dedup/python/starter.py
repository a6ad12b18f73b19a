"""A worker that prints tickets. `ledger` survives a crash, and so does what has been printed."""

from collections.abc import Callable


def work(key: str, ledger: set[str], print_ticket: Callable[[str], None]) -> None:
    """Prints the ticket of this order, unless it has been printed."""
    if key in ledger:
        return
    ledger.add(key)
    print_ticket(key)
