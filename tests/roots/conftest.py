# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program that the tests of captured roots run; VFIOADM_CLI_BUILD names the build directory."""

import importlib.util
import os
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]


def _program_class():
    # By path: directories of tests have modules of the same names.
    spec = importlib.util.spec_from_file_location("roots_program", TOP / "tests/cli/program.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Program


Program = _program_class()


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true",
                     help="captured roots: write what the program says now as the golden outputs")


@pytest.fixture(scope="session")
def program():
    named = os.environ.get("VFIOADM_CLI_BUILD")
    for build in [Path(named)] if named else [TOP / "build-test-gcc", TOP / "build"]:
        if (build / "cli/vfioadm").exists():
            return Program(build.resolve() / "cli/vfioadm", "--helper",
                           str(build.resolve() / "src/vfioadm-helper"))
    raise pytest.UsageError("no build with cli/vfioadm: name one in VFIOADM_CLI_BUILD")
