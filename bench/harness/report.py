"""A table of ratios, each against its target, and the machine it was measured on."""

import json
import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass, field

QUIET = 0.05  # others' share of the processors above which figures are not to be quoted


@dataclass
class Result:
    """One line of the table. `ours` and `peer` are parallel: one figure per round each.

    The ratio of a round is ours / peer, and what is judged is the median of the rounds' ratios:
    both sides of a ratio then saw the same minute of the machine."""

    row: str
    case: str
    unit: str
    ours: list = field(default_factory=list)
    peer: list = field(default_factory=list)
    peer_name: str = "beanstalkd"
    at_least: float = None
    at_most: float = None
    note: str = ""

    def ratios(self):
        return [o / p for o, p in zip(self.ours, self.peer) if p]

    def ratio(self):
        ratios = self.ratios()
        return statistics.median(ratios) if ratios else None

    def target(self):
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}" if self.at_most is not None else "-"

    def verdict(self):
        ratio = self.ratio()
        if ratio is None:
            return "not measured"
        if self.at_least is not None and ratio < self.at_least:
            return f"missed by {figure(100 * (1 - ratio / self.at_least))} %"
        if self.at_most is not None and ratio > self.at_most:
            return f"missed by {figure(100 * (ratio / self.at_most - 1))} %"
        return "-" if self.target() == "-" else "met"

    def to_json(self):
        return {
            "row": self.row,
            "case": self.case,
            "unit": self.unit,
            "ours": self.ours,
            "peer": self.peer,
            "peer_name": self.peer_name,
            "ratios": self.ratios(),
            "ratio": self.ratio(),
            "at_least": self.at_least,
            "at_most": self.at_most,
            "verdict": self.verdict(),
            "note": self.note,
        }


def figure(value):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def middle(values):
    return figure(statistics.median(values)) if values else "-"


def ratio_text(result):
    ratio = result.ratio()
    if ratio is None:
        return "-"
    low, high = min(result.ratios()), max(result.ratios())
    text = f"**{ratio:.2f}**"
    return text if len(result.ratios()) == 1 else f"{text} ({low:.2f} to {high:.2f})"


def table(results):
    lines = [
        "| row | case | unit | ours | peer | ratio (spread) | target | verdict |",
        "|---|---|---|--:|--:|--:|--:|---|",
    ]
    for r in results:
        peer = middle(r.peer)
        if r.peer_name != "beanstalkd":
            peer += f" ({r.peer_name})"
        cells = [r.row, r.case, r.unit, middle(r.ours), peer, ratio_text(r)]
        lines.append("| " + " | ".join(cells + [r.target(), r.verdict()]) + " |")
    notes = [f"- {r.row}, {r.case}: {r.note}" for r in results if r.note]
    return "\n".join(lines + ([""] + notes if notes else []))


def first_line(words):
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10)
    except OSError:
        return "absent"
    return ((done.stdout or done.stderr).splitlines() or ["unknown"])[0].strip()


def file_system(path):
    """Type and device of the mount that holds the path."""
    path = os.path.realpath(path)
    best = ("", "unknown", "unknown")
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            device, point, kind = line.split()[:3]
            inside = path == point or path.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best[0]):
                best = (point, kind, device)
    return {"type": best[1], "device": best[2], "mount": best[0]}


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


class Neighbours:
    """How much of the machine's processors went to anybody else, from here to share().

    Everything that a benchmark starts is a child that it waits for, so what the machine was busy
    with, less what this process and its ended children used, is what others took (the kernel's own
    work among it). They may have kept the disk busy too, which this cannot see."""

    def __init__(self):
        self.start, self.busy, self.own = time.monotonic(), self.machine_s(), self.own_s()

    @staticmethod
    def machine_s():
        with open("/proc/stat", encoding="ascii") as stat:
            ticks = [int(word) for word in stat.readline().split()[1:]]
        user, nice, system, _idle, _wait, irq, softirq = ticks[:7]
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def own_s():
        used = os.times()
        return used.user + used.system + used.children_user + used.children_system

    def share(self):
        wall = (time.monotonic() - self.start) * os.cpu_count()
        others = (self.machine_s() - self.busy) - (self.own_s() - self.own)
        return round(max(0.0, others / wall), 3) if wall > 0 else 0.0


def neighbours_text(info):
    shares = ", ".join(f"{row} {100 * share:.0f} %" for row, share in info["others"].items())
    text = f"Processors used by others meanwhile: {shares or 'not measured'}."
    if any(share > QUIET for share in info["others"].values()):
        text += " **The machine was not quiet: measure again before quoting.**"
    return text


def machine(data_root, beanstalkd, quartet):
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(),
        "file_system": file_system(data_root),
        "beanstalkd": first_line([beanstalkd, "-v"]),
        "quartet": first_line([quartet, "--version"]) if quartet else "absent",
        "others": {},
    }


def machine_text(m):
    fs = m["file_system"]
    text = [
        f"{m['time']}: {m['cores']} cores of {m['processor']}, {m['memory_mib']} MiB, "
        f"Linux {m['kernel']}, data on {fs['type']} ({fs['device']}).",
        f"Peer: {m['beanstalkd']} (Debian's; our semantics follow 1.13). Ours: {m['quartet']}.",
        "Servers and load generator share the cores; nothing is pinned. Closed loop: see "
        "bench/README.md.",
    ]
    if fs["type"] in ("tmpfs", "ramfs", "overlay"):
        text.append(f"**Beware**: fsync on {fs['type']} may cost nothing; use --data elsewhere.")
    return "\n".join(text)


def save(path, info, options, results, failures):
    """Whole or not at all: a run that is interrupted leaves the rows it had finished."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    text = json.dumps(
        {
            "machine": info,
            "options": options,
            "results": [r.to_json() for r in results],
            "failures": failures,
        },
        indent=1,
    )
    with open(path + ".part", "w", encoding="utf-8") as out:
        out.write(text + "\n")
    os.replace(path + ".part", path)
