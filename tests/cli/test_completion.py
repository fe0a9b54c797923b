# SPDX-License-Identifier: LGPL-2.1-or-later
"""The completions in their shells, with the addresses and IDs of a captured tree."""

import shutil
import subprocess
from pathlib import Path

import pytest

from shell import Shell

COMPLETIONS = Path(__file__).resolve().parents[2] / "data/completions"
ENV = {"PATH": "/usr/bin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8", "PS1": "$ ", "HOME": "/nonexistent"}


def start_bash():
    library = "/usr/share/bash-completion/bash_completion"
    if not Path(library).exists():
        pytest.skip("bash-completion is not installed")
    return Shell(["bash", "--norc", "--noprofile", "-i"],
                 ['bind "set show-all-if-ambiguous on"', 'bind "set page-completions off"',
                  f"source {library}", f"source {COMPLETIONS}/vfioadm.bash"], ENV)


def start_zsh():
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    return Shell(["zsh", "-f", "-i"], [f"fpath=({COMPLETIONS} $fpath)", "autoload -Uz compinit",
                                       "compinit -u -D"], ENV)


@pytest.fixture(scope="module", params=[start_bash, start_zsh], ids=["bash", "zsh"])
def shell(request):
    s = request.param()
    yield s
    s.close()


CASES = [
    ("vfioadm sho", "vfioadm show "),
    ("vfioadm --js", "--json "),
    ("vfioadm --al", "vfioadm --all "),
    ("vfioadm list --tree=to", "--tree=topology"),
    ("vfioadm list --columns address,verdict_", "address,verdict_reason"),
    ("vfioadm help rel", "help release"),
    ("vfioadm release --json --pa", "--park "),
    ("vfioadm --sysroot {root} show 0000:01", "show 0000:01:00.0 "),
    ("vfioadm --sysroot={root} assign --group 0000:02:00.0 0000:03", "0000:02:00.0 0000:03:00.0 "),
    ("vfioadm --sysroot {root} show eth", "show eth0 "),
    ("vfioadm --sysroot {root} enable 8086:", "enable 8086:10c9 "),
    ("vfioadm --sysroot {root} disable 1b36:01", "disable 1b36:0100 "),
    ("vfioadm --sysroot {root} assign --driver vf", "--driver vfio-pci "),
    ("vfioadm show pch", "show pchid="),
    ("vfioadm --sysroot {root} check 0000:01", "check 0000:01:00.0 "),
    ("vfioadm check --gr", "check --group "),
    ("vfioadm settle --dr", "settle --dry-run "),
]


@pytest.mark.parametrize("line,expected", CASES, ids=[c[0] for c in CASES])
def test_complete(shell, root, line, expected):
    shell.complete(line.format(root=root), expected)


def test_listing_leaves_bridges_out(shell, root):
    shell.listing(f"vfioadm --sysroot {root} show 0000:0", r"0000:01:00\.0|01:00\.0", r"02:00\.1",
                  r"03:00\.0")
    assert "1c.0" not in shell.plain()


def fish(line):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    r = subprocess.run(["fish", "--no-config", "-c", f"source {COMPLETIONS}/vfioadm.fish; complete -C '{line}'"],
                       capture_output=True, text=True, env=dict(ENV, HOME="/tmp"), timeout=60)
    assert r.stderr == ""
    return [x.split("\t")[0] for x in r.stdout.splitlines()]


@pytest.mark.parametrize("line,expected", CASES, ids=[c[0] for c in CASES])
def test_fish(root, line, expected):
    words = fish(line.format(root=root))
    assert len(words) == 1
    assert words[0] in expected


def test_fish_listing(root):
    words = fish(f"vfioadm --sysroot {root} assign 0")
    assert words == ["0000:01:00.0", "0000:02:00.0", "0000:02:00.1", "0000:03:00.0"]
    assert fish(f"vfioadm --sysroot {root} enable ") == ["1b36:0010", "1b36:0100", "8086:10c9"]


@pytest.mark.parametrize("argv", [["bash", "-n", "vfioadm.bash"], ["zsh", "-n", "_vfioadm"],
                                  ["fish", "-n", "vfioadm.fish"]], ids=lambda a: a[0])
def test_syntax(argv):
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not installed")
    r = subprocess.run(argv, cwd=COMPLETIONS, capture_output=True, text=True, env=dict(ENV, HOME="/tmp"))
    assert (r.returncode, r.stderr) == (0, "")
