"""Style that a program can check, so that no reviewer has to.

Each rule is a function from (name, text) to the lines that break it, and has a canary that it must
catch. Exceptions stand in allow.txt with their reasons.
"""

import re
from pathlib import Path

import pytest

from rooms import ROOT, c_files, read, tracked_files

LINE_LENGTH_MAX = 100
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60

# In two pieces, so that this file does not break its own rules.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b")
REGISTRIES = [
    left + right
    for left, right in [
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("npmjs", ".org"),
        ("npmjs", ".com"),
        ("crates", ".io/api"),
        ("proxy.golang", ".org"),
        ("deb.debian", ".org"),
        ("archive.ubuntu", ".com"),
        ("docker", ".io/"),
        ("ghcr", ".io"),
    ]
]

def too_long_lines(name, text):
    return [
        (f"{name}:{number}", "-", f"{len(line)} columns")
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > LINE_LENGTH_MAX
    ]


def tabs(name, text):
    return [
        (f"{name}:{number}", "-", "a tab")
        for number, line in enumerate(text.splitlines(), 1)
        if "\t" in line
    ]


def too_long_files(name, text):
    lines = text.count("\n")
    return [(name, "-", f"{lines} lines")] if lines > FILE_LINES_MAX else []


def functions(text):
    """(name, first line, lines) of each function: a body opens after a `)` and closes at column 0."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines):
        if line.startswith("}"):
            if start is not None:
                head = " ".join(lines[start : start + 6])
                called = re.search(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head))
                yield (called.group(1) if called else "?"), start + 1, number - start + 1
            start = None
        elif start is None and re.match(r"[A-Za-z_]", line):
            head = ""
            for ahead in lines[number : number + 12]:  # the head may run over several lines
                head += ahead + " "
                if ";" in ahead or "{" in ahead:
                    break
            before_brace = head.split("{")[0].rstrip()
            if "{" in head and before_brace.endswith(")") and "=" not in before_brace:
                start = number


def too_long_functions(name, text):
    return [
        (f"{name}:{line}", function, f"{function} has {count} lines")
        for function, line, count in functions(text)
        if count > FUNCTION_LINES_MAX
    ]


def without_opening_comment(name, text):
    return [] if text.lstrip().startswith(("/*", "//")) else [(name, "-", "opens without a comment")]


def unfinished(name, text):
    return [
        (f"{name}:{number}", "-", line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if UNFINISHED.search(line)
    ]


def registry_hosts(name, text):
    return [(name, "-", f"names {host}") for host in REGISTRIES if host in text]


def text_files():
    for name in tracked_files():
        try:
            yield name, read(name)
        except UnicodeDecodeError:
            continue


def everything_in_c():
    return [(name, read(name)) for name in c_files("src", "test", "bench")]


# rule -> (check, what it looks at, a canary that it must catch)
RULES = {
    "line-length": (too_long_lines, everything_in_c, "/* */\nint x; // " + "x" * 100),
    "tab": (tabs, everything_in_c, "/* */\n\tint x;\n"),
    "file-length": (too_long_files, everything_in_c, "\n" * 501),
    "function-length": (
        too_long_functions,
        everything_in_c,
        "static int\ncanary(int a,\n    int b)\n{\n" + "    a += b;\n" * 60 + "}\n",
    ),
    "opening-comment": (without_opening_comment, everything_in_c, "#include <stdint.h>\n"),
    "unfinished": (unfinished, text_files, "/* TO" "DO: later */\n"),
    "registry-host": (registry_hosts, text_files, "fetch https://py" "pi.org/simple\n"),
}


def allowed():
    """{(rule, path, name): reason}"""
    exceptions = {}
    for line in Path(__file__).with_name("allow.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            rule, path, name, reason = line.split(None, 3)
            assert rule in RULES and (ROOT / path).exists(), f"allow.txt: {line}"
            exceptions[(rule, path, name)] = reason
    return exceptions


def found_by(rule):
    check, look_at, _ = RULES[rule]
    return [line for name, text in look_at() for line in check(name, text)]


@pytest.mark.parametrize("rule", RULES)
def test_rule_holds(rule):
    exceptions = allowed()
    bad = [
        f"{place}: {what}"
        for place, name, what in found_by(rule)
        if (rule, place.split(":")[0], name) not in exceptions
    ]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("rule", RULES)
def test_canary_is_caught(rule):
    check, _, canary = RULES[rule]
    assert check("src/base/canary.c", canary)


def test_every_exception_is_still_needed():
    found = {
        (rule, place.split(":")[0], name) for rule in RULES for place, name, _ in found_by(rule)
    }
    stale = set(allowed()) - found
    assert not stale, f"no longer needed in allow.txt: {sorted(stale)}"


def test_function_lengths_are_measured():
    text = (
        "/* */\n"
        "struct x {\n    int a;\n};\n"
        "static const int table[] = {\n    1,\n};\n"
        "static int one(int a) {\n    return a;\n}\n"
        "__attribute__((noreturn)) void two(int a,\n         int b)\n{\n    one(a);\n    one(b);\n}\n"
        "int declared(int a);\n"
        "enum y {\n    Y\n};\n"
    )
    assert [(name, lines) for name, _, lines in functions(text)] == [("one", 3), ("two", 6)]
