# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the programs are, and how they are run.

VFIOADM_CLI_BUILD names the build directory; else it is the one that tests/run makes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import tree  # noqa: E402

TOP = Path(__file__).resolve().parents[2]


def build_dir():
    named = os.environ.get("VFIOADM_CLI_BUILD")
    for path in [Path(named)] if named else [TOP / "build-test-gcc", TOP / "build"]:
        if (path / "tests/cli/vfioadm-double").exists():
            return path
    raise pytest.UsageError("no build with tests/cli/vfioadm-double: name one in VFIOADM_CLI_BUILD")


class Result:
    def __init__(self, process):
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr

    def json(self):
        return json.loads(self.out)


class Program:
    """A program of the build; calling it runs it."""

    def __init__(self, path, *args):
        self.path, self.args = path, args
        self.env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}

    def argv(self, *args):
        return [str(self.path), *self.args, *args]

    def __call__(self, *args, env=None, **kwargs):
        return Result(subprocess.run(self.argv(*args), stdin=subprocess.DEVNULL, text=True,
                                     capture_output=True, timeout=60,
                                     env=dict(self.env, **(env or {})), **kwargs))


@pytest.fixture(scope="session")
def build():
    return build_dir()


@pytest.fixture(scope="session")
def vfioadm(build):
    """The command as it is."""
    return Program(build / "cli/vfioadm", "--helper", str(build / "src/vfioadm-helper"))


@pytest.fixture(scope="session")
def double(build):
    """The command over the library of double.c, whose operands say what happens."""
    return Program(build / "tests/cli/vfioadm-double")


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """A captured tree: two groups of one, a group of two, a bridge, and vfio-pci."""
    return tree.make(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="session")
def verbs(double):
    names = double("help", "--options").out.split()
    assert {"list", "show", "enable", "disable", "assign", "release", "help"} <= set(names)
    return {name: double("help", "--options", name).out.split() for name in names}
