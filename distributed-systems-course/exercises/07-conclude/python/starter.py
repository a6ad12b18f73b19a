"""What a customer may be told after some answers and some silence."""


def conclude(heard: list[tuple[str, str]]) -> str:
    """Answers "sold", "not sold" or "unknown" for the pairs (question, answer) that were heard."""
    _, answer = heard[-1]
    return "sold" if answer in ("sold", "sold to you") else "not sold"
