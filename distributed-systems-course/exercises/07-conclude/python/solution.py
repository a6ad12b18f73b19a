"""What a customer may be told after some answers and some silence."""


def conclude(heard: list[tuple[str, str]]) -> str:
    """Answers "sold", "not sold" or "unknown" for the pairs (question, answer) that were heard."""
    on_its_way = False  # a request to sell that may still arrive, or has arrived unheard
    refused = False
    for question, answer in heard:
        if answer in ("sold", "sold to you", "too late"):
            return "sold"
        if answer == "cancelled":
            return "not sold"
        if question == "sell":
            on_its_way = on_its_way or answer == "timeout"
            refused = refused or answer == "taken"
    return "not sold" if refused and not on_its_way else "unknown"
