# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small hosts on which a tool goes wrong, with the right answers; cases/README.md says how one is added."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
DIRECTORY = HERE / "cases"
sys.path.insert(0, str(HERE))
import archive  # noqa: E402
import hints  # noqa: E402


@dataclass(frozen=True)
class Case:
    """root: cases/ROOT.root. status: the exit status that is right. says, never: regular expressions that the
    output, standard error included, must and must not match. change: what differs from the root, by path: text
    of a file, ("link", TARGET), ("dir",), or None for what is not there. why: the reason of the right answer."""
    root: str
    command: str
    why: str
    status: int = 0
    says: tuple = ()
    never: tuple = ()
    change: dict = field(default_factory=dict)

    @property
    def name(self):
        return f"{self.root}{'+' + self.why if self.change else ''}: {self.command}"


def _subject(path):
    scope = {"Case": Case}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), scope)
    return scope["CASES"]


CASES = [c for path in sorted(DIRECTORY.glob("*.py")) for c in _subject(path)]


def _apply(root, change):
    for path, what in change.items():
        full = root / path
        if full.is_symlink() or full.is_file():
            full.unlink()
        elif full.is_dir():
            shutil.rmtree(full)
        if what is None:
            continue
        full.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, str):
            full.write_text(what, encoding="utf-8")
        elif isinstance(what, bytes):
            full.write_bytes(what)
        elif what[0] == "link":
            os.symlink(what[1], full)
        else:
            full.mkdir()


@pytest.fixture
def unpacked(tmp_path):
    def get(case):
        root = tmp_path / "root"
        text = (DIRECTORY / f"{case.root}.root").read_text(encoding="utf-8")
        archive.unpack(archive.loads(text), root)
        _apply(root, case.change)
        return root
    return get


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_case(program, unpacked, case):
    root = unpacked(case)
    argv = [str(program.path), *program.args, "--sysroot", str(root), *shlex.split(case.command)]
    r = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                       env=program.env, check=False)
    output = (r.stdout + r.stderr).replace(str(root), "ROOT")
    said = f"$ vfioadm {case.command}\n{output}--- status {r.returncode}\n({case.why})"
    assert r.returncode == case.status, said
    for pattern in case.says:
        assert re.search(pattern, output), f"missing: {pattern}\n{said}"
    for pattern in case.never:
        assert not re.search(pattern, output), f"must not be there: {pattern}\n{said}"
    found = hints.problems(hints.Runner(program, root), case.command, output)
    assert not found, "\n\n".join(found)


# Users that are no disks list looks for less closely.
REFUSED = [c for c in _subject(DIRECTORY / "storage.py") if c.status == 3 and re.fullmatch(r"check [0-9a-f:.]+", c.command)
           # A kernel with an ext4 always has that list.
           and "where the kernel's list of journals is not there" not in c.why]


@pytest.mark.parametrize("case", REFUSED, ids=[c.name for c in REFUSED])
def test_list_agrees(program, unpacked, case):
    """A disk that check refuses is not called assignable by list."""
    argv = [str(program.path), *program.args, "--sysroot", str(unpacked(case)), "list", "--all", "--json"]
    r = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=program.env,
                       check=True)
    verdicts = {f["address"]: f.get("verdict") for f in json.loads(r.stdout)["functions"]}
    assert verdicts[case.command.split()[1]] != "assignable", case.why


def test_every_root_is_used():
    """A host without an expected answer tests nothing."""
    assert {p.stem for p in DIRECTORY.glob("*.root")} == {c.root for c in CASES}
