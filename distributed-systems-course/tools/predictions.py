"""A prediction: the reader commits to an answer before it is shown.

    :::predict WHAT WILL HAPPEN?
    ( ) something that people expect        or, instead of choices:   (write) WHAT TO WRITE
    (x) what does happen; more than one may
    ---
    what happens: words, a transcript, a diagram
    :::

The page's script locks the choice in before it shows the rest. Without it, and on paper, the
choices stand there and the rest is a folded part. Nothing above a prediction may give it away.
"""

import hashlib
import html
import re
from dataclasses import dataclass
from typing import Any

import quiz_rules
from inline import inline

CHOICES_MIN = 3
CHOICE = re.compile(r"\(([ x])\) (.*)$")
WRITE = re.compile(r"\(write\) (.*)$")
FORM = "a prediction needs a question, choices or (write), a line ---, and what happens"


@dataclass
class Prediction:
    ask: str
    choices: list[dict[str, Any]]  # `text`, and `right` on those that happen; or none, and
    write: str  # what is to be written
    lines: list[int]  # of the choices
    rest: int  # where in the block's lines what happens begins

    def identity(self) -> str:
        asked = "\n".join([self.ask, self.write, *(choice["text"] for choice in self.choices)])
        return "p-" + hashlib.sha256(asked.encode()).hexdigest()[:10]

    def words(self) -> str:
        return " ".join([self.ask, self.write, *(choice["text"] for choice in self.choices)])


def read(title: str, lines: list[str], first: int) -> Prediction:
    """`first` is the number of the first of the lines. Raises ValueError (line number, why)."""
    if "---" not in lines or not title or not any(line.strip() for line in lines[1:]):
        raise ValueError(first - 1, FORM)
    made = Prediction(title, [], "", [], lines.index("---") + 1)
    for number, line in enumerate(lines[: made.rest - 1], start=first):
        if choice := CHOICE.match(line):
            right = {"right": True} if choice[1] == "x" else {}
            made.choices.append({"text": choice[2].strip(), **right})
            made.lines.append(number)
        elif written := WRITE.match(line):
            made.write = written[1].strip()
        elif made.choices and line.startswith("    "):
            made.choices[-1]["text"] += " " + line.strip()
        elif line.strip():
            raise ValueError(number, f"{FORM}; this line is none of it")
    if bool(made.choices) == bool(made.write) or not "".join(lines[made.rest :]).strip():
        raise ValueError(first - 1, FORM)
    return made


def unfair(made: Prediction, above: list[str]) -> quiz_rules.Wrong:
    """Lines and what is wrong with them. `above` is what the page has said before, in words."""
    if not made.choices:
        return
    rights = [one for one in zip(made.choices, made.lines, strict=True) if "right" in one[0]]
    if len(made.choices) < CHOICES_MIN or not rights or len(rights) == len(made.choices):
        why = f"a prediction has {CHOICES_MIN} choices or more; (x) marks those that happen"
        yield made.lines[0], why
    for choice, line in rights:
        if run := quiz_rules.repeated(choice["text"], above):
            yield line, f"this prediction is given away above: {run!r}"
    yield from quiz_rules.choices_apart(made.choices, made.lines)


def head(made: Prediction) -> str:
    """As HTML: the question, and where it is answered."""
    id_ = made.identity()
    label = f'<span class="fold-kind">Predict</span> {inline(made.ask)}'
    if made.write:
        answer = f'<p><label>{inline(made.write)}<textarea rows="2"></textarea></label></p>'
    else:
        answer = "".join(
            f'<p class="choice"><input type="radio" name="{id_}" id="{id_}-{i}"'
            f' data-right="{int("right" in choice)}">'
            f'<label for="{id_}-{i}"> {inline(choice["text"])}</label></p>'
            for i, choice in enumerate(made.choices)
        )
    return (
        f'<section class="predict" id="{html.escape(id_)}" data-asked="{id_}">'
        f"<fieldset><legend>{label}</legend>{answer}</fieldset>"
    )
