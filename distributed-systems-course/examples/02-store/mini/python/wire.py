"""The wire: bytes to commands, answers to bytes. Given, not taught.

Redis' protocol, version 2: a command is an array of bulk strings, `*2 CRLF $3 CRLF GET CRLF ...`.
Text is kept as Latin-1, which holds any bytes and fits into JSON.
"""

from typing import Any

COMMAND_MAX, WORDS_MAX, DIGITS_MAX = 1 << 20, 1000, 8

# How many words a command has, its name among them; below zero: so many or more.
ARITY = {
    "get": 2,
    "set": -3,
    "del": 2,
    "ping": 1,
    "echo": 2,
    "quit": 1,
    "client": -2,
    "cluster": -2,
    "command": -1,
    "info": -1,
    "readonly": 1,
    "readwrite": 1,
    "asking": 1,
    "consistency": -2,
}


class BadProtocol(Exception):
    """What cannot be read, or is too much: one word about it, and the connection ends."""


class Decoder:
    """The bytes of one connection, in pieces of any size."""

    def __init__(self) -> None:
        self.input = bytearray()

    def feed(self, data: bytes) -> None:
        self.input += data

    def next(self) -> list[str] | None:
        """The next command's words, or None until more bytes come. Raises BadProtocol."""
        head = self.number(0, b"*", WORDS_MAX)
        if head is None:
            return None
        count, at = head
        words = []
        for _ in range(count):
            head = self.number(at, b"$", COMMAND_MAX)
            if head is None:
                return None
            size, start = head
            at = start + size + 2
            if at > COMMAND_MAX:
                raise BadProtocol("too big a command")
            if len(self.input) < at:
                return None
            if self.input[at - 2 : at] != b"\r\n":
                raise BadProtocol("a word that does not end where it says")
            words.append(self.input[start : at - 2].decode("latin-1"))
        del self.input[:at]
        return words

    def number(self, start: int, kind: bytes, most: int) -> tuple[int, int] | None:
        """A line such as $12: the number, and where the line ends; None: it is not all there."""
        if self.input[start : start + 1] not in (b"", kind):
            raise BadProtocol(f"expected '{kind.decode()}'")
        end = self.input.find(b"\r\n", start, start + 1 + DIGITS_MAX + 2)
        digits = self.input[start + 1 : end if end >= 0 else None]
        if end < 0 and len(digits) <= DIGITS_MAX:
            return None
        if end < 0 or not digits.isdigit() or int(digits) > most:
            raise BadProtocol("a length that is none, or too long")
        return int(digits), end + 2


def encode(answer: Any) -> bytes:
    """Text's first letter says what it is; a list is an array, a number itself, None nothing."""
    if answer is None:
        return b"$-1\r\n"
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    if isinstance(answer, list):
        return b"*%d\r\n" % len(answer) + b"".join(encode(one) for one in answer)
    text: bytes = answer.encode("latin-1")
    if text.startswith(b"$"):
        return b"$%d\r\n%s\r\n" % (len(text) - 1, text[1:])
    return text + b"\r\n"


def bulk(text: str) -> str:
    return "$" + text


def error_of(words: list[str]) -> str | None:
    """What is wrong with a command by its mere form."""
    name = words[0].lower()
    if name not in ARITY:
        shown = "".join(letter for letter in words[0][:40] if letter.isprintable())
        return f"-ERR unknown command '{shown}'"
    if len(words) != ARITY[name] and (ARITY[name] > 0 or len(words) < -ARITY[name]):
        return f"-ERR wrong number of arguments for '{name}' command"
    if name == "set" and [word.lower() for word in words[3:]] not in ([], ["nx"]):
        return "-ERR syntax error"
    return None
