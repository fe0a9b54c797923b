# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host with 10,000 functions is looked at within 40 MB; tests/bench/scale measures more of it."""

import os
import resource
import subprocess
import tempfile
from pathlib import Path

import pytest

FUNCTIONS = 10_000
MOST = 40_000_000


def _make(root):
    """Bare functions, each in a group of its own, every third on VFIO; no /proc, so nobody knows who has one open."""
    devices, groups = root / "sys/bus/pci/devices", root / "sys/kernel/iommu_groups"
    devices.mkdir(parents=True)
    groups.mkdir(parents=True)
    for name in ("vfio-pci", "iavf"):
        (root / "sys/bus/pci/drivers" / name).mkdir(parents=True)
    for i in range(FUNCTIONS):
        path = devices / f"{i >> 16:04x}:{i >> 8 & 0xff:02x}:{i >> 3 & 0x1f:02x}.{i & 7}"
        path.mkdir()
        (path / "modalias").write_text("pci:v00008086d00001889sv00008086sd00000000bc02sc00i00\n", encoding="ascii")
        (path / "revision").write_text("0x00\n", encoding="ascii")
        os.symlink(f"../../../../kernel/iommu_groups/{i}", path / "iommu_group")
        if i % 3 < 2:
            os.symlink(f"../../drivers/{('vfio-pci', 'iavf')[i % 3]}", path / "driver")


@pytest.fixture(scope="module")
def many():
    """In memory: so many files take a disk long."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        _make(Path(directory))
        yield directory


@pytest.mark.parametrize("command", (["list"], ["list", "--json"], ["list", "--users"]))
def test_memory(program, many, command):
    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (MOST, MOST))

    r = subprocess.run([str(program.path), *program.args, "--sysroot", many, *command], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=120, env=program.env, preexec_fn=limit, check=False)
    assert r.returncode == 0, r.stderr
    assert r.stdout.count("1889") >= FUNCTIONS
