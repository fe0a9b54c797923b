# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the programs are, and how they are run.

VFIOADM_CLI_BUILD names the build directory; else it is the one that tests/run makes.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import tree  # noqa: E402
from program import Program  # noqa: E402

TOP = Path(__file__).resolve().parents[2]


def build_dir():
    named = os.environ.get("VFIOADM_CLI_BUILD")
    for path in [Path(named)] if named else [TOP / "build-test-gcc", TOP / "build"]:
        if (path / "tests/cli/vfioadm-double").exists():
            return path
    raise pytest.UsageError("no build with tests/cli/vfioadm-double: name one in VFIOADM_CLI_BUILD")


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
    assert {"list", "show", "check", "enable", "disable", "assign", "release", "status", "plan", "apply",
            "config", "import", "settle", "help"} <= set(names)
    return {name: double("help", "--options", name).out.split() for name in names}
