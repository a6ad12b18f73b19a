"""What tools/deps does on a machine that lacks things, tried with an apt of our own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDED = "sh env dirname id grep sed sleep tail rm cat mkdir uname cut".split()

# Fails as often as the file `fails` has lines, each with the next of them.
APT = """#!/bin/sh
echo "$@" >>"$HOME/called"
[ -s "$HOME/fails" ] || exit 0
head -n 1 "$HOME/fails" >&2
sed -i 1d "$HOME/fails"
exit 100
"""


# Compiles half of it, and is interrupted.
CARGO = """#!/bin/sh
while [ "$1" != --target-dir ]; do shift; done
mkdir -p "$2"
[ ! -e "$2/half" ] || echo half >>"$HOME/found"
echo >"$2/half"
exit 130
"""


def bare_machine(tmp_path, fails, step="build"):
    """A machine that has a shell, and an apt that fails so."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    for name in {*NEEDED, "head"} - {path.name for path in programs.iterdir()}:
        (programs / name).symlink_to(shutil.which(name))
    for name, text in (("apt-get", APT), ("apt-cache", "#!/bin/sh\nexit 0\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    if os.getuid() != 0:
        (programs / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
        (programs / "sudo").chmod(0o755)
    (tmp_path / "fails").write_text(fails)
    world = {"PATH": str(programs), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    run = subprocess.run(
        [ROOT / "tools/deps", step], env=world, capture_output=True, text=True, timeout=60
    )
    return run, (tmp_path / "called").read_text().splitlines()


def test_waits_while_another_program_installs(tmp_path):
    locks = (
        "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)\n"
        "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another "
        "process using it?\n"
    )
    run, called = bare_machine(tmp_path, locks)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("another program is installing packages") == 1
    assert [call.split()[0] for call in called][:4] == ["update"] * 3 + ["install"]


def test_gives_up_at_once_where_waiting_does_not_help(tmp_path):
    run, called = bare_machine(tmp_path, "E: Unable to locate package meson\n")
    assert run.returncode == 1
    assert "Unable to locate package meson" in run.stderr
    assert [call.split()[0] for call in called] == ["update"]


def test_what_was_compiled_of_mdbook_is_there_for_the_next_try(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("cargo", CARGO), ("rustc", "#!/bin/sh\necho rustc 1.90.0\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (programs / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python3").chmod(0o755)
    for _ in range(2):
        run, _ = bare_machine(tmp_path, "", "book")
        assert run.returncode == 130, run.stderr
    assert (tmp_path / "found").read_text().split() == ["half"]
