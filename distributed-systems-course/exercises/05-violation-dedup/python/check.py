import contextlib

from mine import work


class Crash(Exception):
    pass


class Ledger(set[str]):
    """A ledger whose machine may crash right before a write."""

    crashes = False

    def add(self, key: str) -> None:
        if self.crashes:
            raise Crash
        super().add(key)


def run(*, printer_crashes: bool = False, ledger_crashes: bool = False) -> list[str]:
    """What was printed: one try that crashes, then tries that do not."""
    ledger = Ledger()
    printed: list[str] = []
    calm = False

    def printer(key: str) -> None:
        if printer_crashes and not calm:
            raise Crash
        printed.append(key)

    ledger.crashes = ledger_crashes
    with contextlib.suppress(Crash):
        work("order-1", ledger, printer)
    calm, ledger.crashes = True, False
    for _ in range(2):
        work("order-1", ledger, printer)
    return printed


assert run() == ["order-1"], "without a crash, a ticket is printed once, however often it is asked"
assert run(printer_crashes=True) == ["order-1"], "a crash before printing must not lose the ticket"
assert run(ledger_crashes=True), "a crash before remembering must not lose the ticket"
