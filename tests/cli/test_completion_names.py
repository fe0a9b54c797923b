# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Names that others have chosen are data for the completions: a container names its network interface, and who makes a
--sysroot names everything in it. The tabulator is pressed in real shells, and what it has put on the command line is
run, with a "vfioadm" that notes its arguments.
"""

import os
import shutil
import time

import pytest

import tree
from shell import Shell
from test_completion import COMPLETIONS, ENV

# Each begins with letters of its own, to be completed by them. Those of the first list can be network interfaces.
NAMES = {
    "substitution": "aa$(touch${IFS}$MARK)", "backquotes": "bb`touch${IFS}$MARK`", "glob": "cc*", "class": "dd[a-z]?",
    "braces": "ee{1,2}", "semicolon": "ff;touch${IFS}$MARK;", "quotes": "gg'\"h", "quote": "hh'", "pipe": "ii|tee&",
    "backslash": "jj\\", "redirection": "kk>$MARK", "variable": "ll$HOME", "history": "mm!!", "comment": "nn#x",
    "parentheses": "oo(.)", "arithmetic": "pp$((1-2))", "process": "qq<(touch${IFS}$MARK)", "percent": "rr%s%n",
    "blank": "ss t", "blanks": "tt  u $(touch $MARK)", "umlaut": "üü$(touch${IFS}$MARK)",
}
# What no shell can put on a command line by its first letters, or none should.
OTHERS = ["-n", "--zzz", "--force=$(touch $MARK)", "vv\nww$(touch $MARK)", "\nxx", "yy\tzz", "\x1b]0;x\x07", "~root",
          "=ls", "$(touch $MARK)", "`touch $MARK`", "*", ";touch $MARK"]


def attributes(path, name):
    (path / name).mkdir(parents=True)
    for leaf, text in (("class", "0x020000"), ("vendor", "0x8086"), ("device", "0x10c9")):
        (path / name / leaf).write_text(text + "\n")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Interfaces, functions, VFIO drivers, declarations and what is read of functions."""
    top = tree.make(tmp_path_factory.mktemp("names"))
    pci = top / "sys/bus/pci"
    (top / "etc/vfioadm.d").mkdir(parents=True)
    for name in [*NAMES.values(), *OTHERS]:
        (pci / "devices/0000:02:00.0/net" / name).mkdir()
        attributes(pci / "devices", "0" + name)
        (pci / "drivers" / f"{name}vfio").mkdir()
        (top / "etc/vfioadm.d" / f"{name}.conf").write_text("x")
    for i, text in enumerate(("0x$(touch $MARK)", "0x*", "0x1;touch $MARK", "--help", "0x'", "")):
        attributes(pci / "devices", f"zz{i}")
        (pci / f"devices/zz{i}/vendor").write_text(text)
    return top


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("shell")


def environment(place):
    return dict(ENV, MARK=str(place / "mark"), NOTED=str(place / "noted"), HOME=str(place), TERM="xterm",
                XDG_CONFIG_HOME=str(place), XDG_DATA_HOME=str(place), PATH=f"{place}/bin:/usr/bin:/bin")


def start_bash(env):
    library = "/usr/share/bash-completion/bash_completion"
    if not os.path.exists(library):
        pytest.skip("bash-completion is not installed")
    return Shell(["bash", "--norc", "--noprofile", "-i"],
                 ['bind "set show-all-if-ambiguous on"', 'bind "set page-completions off"', "set +H",
                  'bind "set enable-bracketed-paste off"', f"source {library}", f"source {COMPLETIONS}/vfioadm.bash"],
                 env)


def start_zsh(env):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    return Shell(["zsh", "-f", "-i"], [f"fpath=({COMPLETIONS} $fpath)", "autoload -Uz compinit", "compinit -u -D",
                                       "unsetopt zle_bracketed_paste banghist"], env)


def start_fish(env):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    return Shell(["fish", "--no-config", "-i"],
                 [f"source {COMPLETIONS}/vfioadm.fish", "set -g fish_autosuggestion_enabled 0"], env)


@pytest.fixture(scope="module", params=[start_bash, start_zsh, start_fish], ids=["bash", "zsh", "fish"])
def shell(request, place):
    program = place / "bin/vfioadm"
    program.parent.mkdir(exist_ok=True)
    program.write_text('#!/bin/sh\nfor i; do printf \'%s\\0\' "$i"; done >"$NOTED.new"\nmv "$NOTED.new" "$NOTED"\n')
    program.chmod(0o755)
    s = request.param(environment(place))
    yield s
    s.close()


def settle(shell):
    """Until it has nothing more to print."""
    before = None
    while before != shell.text:
        before = shell.text
        shell.read(0.15)


def run(shell, place, line):
    """What vfioadm was called with, after a tabulator behind the line."""
    noted = place / "noted"
    noted.unlink(missing_ok=True)
    (place / "mark").unlink(missing_ok=True)
    shell.text = ""
    shell.send(line + "\t")
    # What completes reads hundreds of files before it answers.
    shell.read(0.3)
    shell.read(0.1)
    shell.send("\n")
    end = time.monotonic() + 10
    while not noted.exists():
        assert time.monotonic() < end, shell.plain()
        shell.read(0.05)
    assert not (place / "mark").exists(), line
    return noted.read_text().split("\0")[:-1]


WHERE = {"check ": "{name}", "plan --only ": "0{name}", "assign --driver ": "{name}vfio"}


@pytest.mark.parametrize("verb,form", WHERE.items(), ids=WHERE)
def test_a_name_arrives_as_it_is(shell, root, place, verb, form):
    for name in NAMES.values():
        word = form.format(name=name)
        args = run(shell, place, f"vfioadm --sysroot {root} {verb}{word[:3 if form[0] == '0' else 2]}")
        assert args[-1] == word


@pytest.mark.parametrize("verb", ["check ", "release -", "plan --only ", "assign --driver ", "enable ", "plan ",
                                  "config check ", "check ~", "check =", "enable 0x", "enable 8086:"])
def test_listing_runs_nothing(shell, root, place, verb):
    """With all names, also those that begin with what a shell would expand."""
    (place / "mark").unlink(missing_ok=True)
    shell.listing(f"vfioadm --sysroot {root} {verb}")
    # A shell asks before it prints a long list. What is typed before it has seen ^C would be dropped with the line.
    settle(shell)
    shell.send("n\x03")
    settle(shell)
    assert not (place / "mark").exists()
    args = run(shell, place, f"vfioadm --sysroot {root} list --js")
    assert args[-1] == "--json"


@pytest.mark.parametrize("verb", ["check ", "assign --driver ", "plan ", "plan --only "])
def test_no_option_is_made_of_a_name(shell, root, place, verb):
    args = run(shell, place, f"vfioadm --sysroot {root} {verb}--zz")
    assert args[-1] == "--zz" or not args[-1].startswith("-")


def test_files_are_names_too(shell, root, place):
    files = place / "files"
    files.mkdir(exist_ok=True)
    for name in NAMES.values():
        (files / name).write_text("")
    for name in NAMES.values():
        args = run(shell, place, f"vfioadm config check {files}/{name[:2]}")
        assert args[-1] == f"{files}/{name}"


def test_nothing_that_blocks_is_read(shell, place, tmp_path):
    """A FIFO, a device without an end, a file without a line's end."""
    top = tree.make(tmp_path)
    for i, leaf in enumerate(("class", "vendor", "device")):
        at = top / f"sys/bus/pci/devices/0000:7{i}:00.0"
        attributes(at.parent, at.name)
        (at / leaf).unlink()
        os.mkfifo(at / leaf)
        at = top / f"sys/bus/pci/devices/0000:8{i}:00.0"
        attributes(at.parent, at.name)
        (at / leaf).unlink()
        (at / leaf).symlink_to("/dev/zero")
    big = top / "sys/bus/pci/devices/0000:90:00.0"
    attributes(big.parent, big.name)
    with (big / "vendor").open("w") as f:
        f.truncate(1 << 33)
    assert run(shell, place, f"vfioadm --sysroot {top} check 0000:01")[-1] == "0000:01:00.0"
    assert run(shell, place, f"vfioadm --sysroot {top} enable 1b36:01")[-1] == "1b36:0100"
