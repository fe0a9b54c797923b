# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hints lead somewhere: on every captured host, for every function, the dry run of what a hint names passes."""

import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import archive  # noqa: E402
import hints  # noqa: E402
import hosts  # noqa: E402

# As many functions of one kind tell no more than some.
FUNCTIONS_MAX = 24
ROOTS = sorted([f"{p.stem}" for p in (HERE / "cases").glob("*.root")] + list(hosts.HOSTS))


def _unpack(name, root):
    case = HERE / "cases" / f"{name}.root"
    if case.exists():
        archive.unpack(archive.loads(case.read_text(encoding="utf-8")), root)
    else:
        hosts.HOSTS[name].unpack(root)


@pytest.mark.parametrize("name", ROOTS)
def test_hints_of_a_root(program, tmp_path, name):
    root = tmp_path / "root"
    _unpack(name, root)
    run = hints.Runner(program, root)
    status, output = run("list --all --json")
    assert status == 0, output
    functions = json.loads(output)["functions"][:FUNCTIONS_MAX]
    found = []
    for command in hints.everything(functions):
        found += hints.problems(run, command, run(command)[1])
    assert not found, "\n\n".join(found)


def test_what_is_found():
    text = ("hint: Take it along: vfioadm assign --group 0000:01:00.0\nRun 'vfioadm plan' first; then vfioadm settle.\n"
            "Assign it (vfioadm assign 0000:00:0e.0), or not\nvfioadm: 1 refused\nsee 'vfioadm assign --persist' for it\n"
            "vfioadm check 0000:01:00.0 tells more\n")
    assert list(hints.named(text)) == [("assign --group 0000:01:00.0", False), ("plan", False), ("settle", True),
                                       ("assign 0000:00:0e.0", False), ("assign --persist", False),
                                       ("check 0000:01:00.0", False)]
