# SPDX-License-Identifier: LGPL-2.1-or-later
"""The units as they are installed: what they may do, and what their end leaves alone. That they still do their work is
proven in machines (tests/guest/test_reboots.py, test_boot_trouble.py)."""

import re
import shutil
import subprocess

import pytest

UNITS = ["vfioadm-early.service", "vfioadm-apply.service", "vfioadm-claim@.service", "vfioadm-give-back.service"]
MOST = 5.0


def analyze(*args):
    return subprocess.run(["systemd-analyze", *args], text=True, capture_output=True, timeout=60,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})


@pytest.fixture(scope="module")
def units(build):
    return build / "data/systemd"


def settings(path):
    found = {}
    for line in path.read_text().splitlines():
        if re.match(r"[A-Za-z]+=", line):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def test_all_are_looked_at(units):
    assert sorted(UNITS) == sorted(p.name for p in units.glob("*.service"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
@pytest.mark.parametrize("unit", UNITS)
def test_exposure(units, unit):
    said = analyze("security", "--offline=yes", "--no-pager", str(units / unit))
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
    assert level, said.stderr
    assert float(level[1]) <= MOST, said.stdout
    # What it does not know it would ignore.
    assert "Unknown" not in said.stderr and "Failed to parse" not in said.stderr, said.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_its_end_leaves_helpers_alone(units, unit):
    found = settings(units / unit)
    assert found["KillMode"] == ["process"] and found["OOMPolicy"] == ["continue"]
    # A mount namespace would keep what is unmounted in use, as long as a helper is stuck.
    assert not [key for key in found if re.match("Private(Mounts|Tmp|Devices)|Protect(System|Home|Proc|Kernel|Control)|"
                                                 "(Read|Inacc|Bind|Exec|NoExec|Temporary).*Path|RootDirectory", key)]
