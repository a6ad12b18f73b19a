from mine import conclude

SILENT = ("sell", "timeout")


def check(heard: list[tuple[str, str]], wanted: str, why: str) -> None:
    found = conclude(list(heard))
    assert found == wanted, f"after {heard}: {wanted!r}, not {found!r}; {why}"


check([("sell", "sold")], "sold", "the office said so")
check([("sell", "taken")], "not sold", "the only request was refused")
check([SILENT], "unknown", "a timeout is not an answer")
check([SILENT, ("state", "timeout")], "unknown", "and two are none either")
check([SILENT, ("state", "sold to you")], "sold", "what is sold stays sold")
check([SILENT, ("state", "free")], "unknown", "the request may still arrive, after the question")
check([SILENT, ("sell", "sold")], "sold", "the second request was answered")
check([SILENT, ("cancel", "cancelled")], "not sold", "no request of this order can sell any more")
check([SILENT, ("cancel", "too late")], "sold", "it was sold before it could be called off")
check([SILENT, ("cancel", "timeout")], "unknown", "the cancellation may be lost")
check(
    [SILENT, ("cancel", "timeout"), ("cancel", "cancelled")], "not sold", "the second one was not"
)
check([SILENT, ("sell", "taken")], "unknown", "perhaps the first request took it")
check([SILENT, ("state", "free"), ("state", "sold to you")], "sold", "it arrived in between")
