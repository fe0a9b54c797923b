# SPDX-License-Identifier: LGPL-2.1-or-later
"""The completions in their shells, with the addresses and IDs of a captured tree."""

import shutil
import subprocess
from pathlib import Path

import pytest

import tree
from shell import Shell

COMPLETIONS = Path(__file__).resolve().parents[2] / "data/completions"
ENV = {"PATH": "/usr/bin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8", "PS1": "$ ", "HOME": "/nonexistent"}


# In etc: one, one that cannot be a name, and one that masks a name of the package; in usr/lib: that, and another.
DECLARED = {"etc/vfioadm.d/nvme-0000-01-00.0.conf": "x", "etc/vfioadm.d/off.conf": "",
            "etc/vfioadm.d/no $(touch name).conf": "x", "etc/vfioadm.d/notes.txt": "x",
            "usr/lib/vfioadm.d/off.conf": "x", "usr/lib/vfioadm.d/type-8086:10d3.conf": "x",
            "run/vfioadm.d/@.conf": "x"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    top = tree.make(tmp_path_factory.mktemp("completion"))
    for name, text in DECLARED.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top


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
    ("vfioadm im", "vfioadm import "),
    ("vfioadm import --pe", "import --persist "),
    ("vfioadm sta", "vfioadm status "),
    ("vfioadm assign --pe", "assign --persist "),
    ("vfioadm disable --pe", "disable --persist "),
    ("vfioadm enable --mo", "enable --modprobe "),
    ("vfioadm --sysroot {root} plan nv", "plan nvme-0000-01-00.0 "),
    ("vfioadm --sysroot {root} apply --dry-run type-8086:", "--dry-run type-8086:10d3 "),
    ("vfioadm --sysroot {root} apply @", "apply @ "),
    ("vfioadm --sysroot {root} apply --only 0000:01", "--only 0000:01:00.0 "),
    ("vfioadm --sysroot {root} plan --only=0000:03", "--only=0000:03:00.0"),
    ("vfioadm apply --bo", "apply --boot "),
    ("vfioadm config li", "config list "),
    ("vfioadm config --ini", "config --initramfs "),
    ("vfioadm config --sysroot {root} ch", " check "),
]


@pytest.mark.parametrize("line,expected", CASES, ids=[c[0] for c in CASES])
def test_complete(shell, root, line, expected):
    shell.complete(line.format(root=root), expected)


def test_files_behind_config_check(shell, root):
    # The end of the line is what a narrow terminal shows.
    shell.complete(f"vfioadm config check {root}/etc/vfioadm.d/nv", r"nvme-0000-01-00\.0\.conf")


def test_listing_leaves_bridges_out(shell, root):
    shell.listing(f"vfioadm --sysroot {root} show 0000:0", r"0000:01:00\.0|01:00\.0", r"02:00\.1",
                  r"03:00\.0")
    assert "1c.0" not in shell.plain()


def test_listing_of_declarations(shell, root):
    shell.listing(f"vfioadm --sysroot {root} apply ", r"nvme-0000-01-00\.0", r"type-8086:10d3", "@")
    assert "off" not in shell.plain() and "touch" not in shell.plain() and "notes" not in shell.plain()


def test_nothing_but_two_words_behind_config(shell):
    shell.listing("vfioadm config ", "check", "list")
    assert "settle" not in shell.plain()


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
    assert fish(f"vfioadm --sysroot {root} plan ") == ["@", "nvme-0000-01-00.0", "type-8086:10d3"]


def test_fish_knows_the_verb_by_its_place(root):
    """Words of later places are verbs as well."""
    assert fish("vfioadm config ") == ["check", "list"]
    assert fish(f"vfioadm config check {root}/etc/vfioadm.d/nv") == [
        f"{root}/etc/vfioadm.d/nvme-0000-01-00.0.conf"]
    assert fish("vfioadm config list ") == [] and fish("vfioadm config list --al") == []
    assert fish("vfioadm help list --al") == [] and fish("vfioadm list --al") == ["--all"]
    assert fish("vfioadm --color never sho") == ["show"]
    assert fish("vfioadm apply list --per") == []


@pytest.mark.parametrize("argv", [["bash", "-n", "vfioadm.bash"], ["zsh", "-n", "_vfioadm"],
                                  ["fish", "-n", "vfioadm.fish"]], ids=lambda a: a[0])
def test_syntax(argv):
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not installed")
    r = subprocess.run(argv, cwd=COMPLETIONS, capture_output=True, text=True, env=dict(ENV, HOME="/tmp"))
    assert (r.returncode, r.stderr) == (0, "")
