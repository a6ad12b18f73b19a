"""The wire: bytes to commands, replies to bytes. Given, not taught.

beanstalkd's protocol: a command is a line that ends in CRLF; `put` and the jobs that come back
bring a body behind it. Bodies are kept as Latin-1 text, which holds any bytes and fits into JSON.
"""

from typing import Any

LINE_MAX = 224  # bytes, with the CRLF
TUBE_MAX = 200
JOB_MAX = 65535
NUMBER_MAX = 2**32 - 1
TUBE_LETTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-+/;.$_()")

# What a command's words are: n a number, t a tube.
SHAPES = {
    "put": "nnnn",
    "reserve": "",
    "reserve-with-timeout": "n",
    "delete": "n",
    "release": "nnn",
    "bury": "nn",
    "touch": "n",
    "kick": "n",
    "use": "t",
    "watch": "t",
    "ignore": "t",
    "stats-job": "n",
    "stats-tube": "t",
    "quit": "",
}


class BadCommand(Exception):
    """The reply that says what is wrong. The connection goes on."""


class Decoder:
    """The bytes of one connection, in pieces of any size."""

    def __init__(self) -> None:
        self.input = bytearray()
        self.waiting_put: list[Any] | None = None  # its body has not come yet
        self.to_skip = 0  # bytes of a body that nobody wants
        self.skipping_line = False

    def feed(self, data: bytes) -> None:
        self.input += data

    def next(self) -> tuple[str, list[Any]] | None:
        """The next command, or None until more bytes come. Raises BadCommand."""
        if not self.skip():
            return None
        if self.waiting_put is not None:
            return self.finish_put()
        line = self.take_line()
        if line is None:
            return None
        name, *words = line.split(" ")
        if name not in SHAPES:
            raise BadCommand("UNKNOWN_COMMAND")
        arguments = parse(SHAPES[name], words)
        if name != "put":
            return name, arguments
        size = arguments.pop()
        if size > JOB_MAX:
            self.to_skip = size + 2
            raise BadCommand("JOB_TOO_BIG")
        self.waiting_put = [*arguments, size]
        return self.finish_put()

    def skip(self) -> bool:
        """True once nothing more is to be skipped."""
        count = min(self.to_skip, len(self.input))
        del self.input[:count]
        self.to_skip -= count
        return self.to_skip == 0

    def take_line(self) -> str | None:
        end = self.input.find(b"\r\n")
        if end < 0 and len(self.input) < LINE_MAX:
            return None
        if end < 0 or end + 2 > LINE_MAX or self.skipping_line:
            keep = end + 2 if end >= 0 else len(self.input) - 1  # its last byte may be a CR
            del self.input[:keep]
            self.skipping_line = end < 0
            if end < 0:
                return None
            raise BadCommand("BAD_FORMAT")
        line = self.input[:end].decode("latin-1")
        del self.input[: end + 2]
        return line

    def finish_put(self) -> tuple[str, list[Any]] | None:
        assert self.waiting_put is not None
        *arguments, size = self.waiting_put
        if len(self.input) < size + 2:
            return None
        self.waiting_put = None
        body, end = self.input[:size].decode("latin-1"), self.input[size : size + 2]
        del self.input[: size + 2]
        if end != b"\r\n":
            raise BadCommand("EXPECTED_CRLF")
        return "put", [*arguments, body]


def parse(shape: str, words: list[str]) -> list[Any]:
    if len(words) != len(shape):
        raise BadCommand("BAD_FORMAT")
    return [
        number(word) if kind == "n" else tube(word) for kind, word in zip(shape, words, strict=True)
    ]


def number(word: str) -> int:
    if not (word.isascii() and word.isdecimal()) or int(word) > NUMBER_MAX:
        raise BadCommand("BAD_FORMAT")
    return int(word)


def tube(word: str) -> str:
    good = 0 < len(word) <= TUBE_MAX and set(word) <= TUBE_LETTERS and not word.startswith("-")
    if not good:
        raise BadCommand("BAD_FORMAT")
    return word


def line(text: str) -> bytes:
    return text.encode() + b"\r\n"


def with_body(text: str, body: str) -> bytes:
    """A reply whose last word is the size of what follows it."""
    return line(f"{text} {len(body)}") + body.encode("latin-1") + b"\r\n"


def table(rows: dict[str, Any]) -> bytes:
    """Statistics, as YAML."""
    return with_body("OK", "---\n" + "".join(f"{key}: {value}\n" for key, value in rows.items()))
