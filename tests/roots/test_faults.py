# SPDX-License-Identifier: LGPL-2.1-or-later
"""Single faults while a captured host is looked at: what is in use never looks free because of one.

Each call that looks at a file fails in turn, with each of several errors, for list, check, assign, enable and config
check (tests/faults). A sample of them, spread over all hosts; with VFIOADM_TEST_LONG all of them, which takes half an
hour.
"""

import os
import subprocess
import zlib
from pathlib import Path

import archive
import pytest

HERE = Path(__file__).resolve().parent
ROOTS = sorted([*HERE.glob("*.root"), *HERE.glob("cases/*.root")])
LONG = bool(os.environ.get("VFIOADM_TEST_LONG"))
EVERY = 1 if LONG else 1511
# Of hosts with much in use the sample is larger.
CLOSER = {"in-use": 211, "zfs-root-mirror": 211, "multipath": 211, "b450-group": 211, "vgpu-vf": 211}


@pytest.mark.parametrize("path", ROOTS, ids=[p.stem for p in ROOTS])
def test_faults(program, tmp_path, path):
    sweep = Path(program.path).parents[1] / "tests/faults/look-sweep"
    if not sweep.exists():
        pytest.skip(f"{sweep} was not built")
    root = tmp_path / path.stem
    archive.unpack(archive.loads(path.read_text(encoding="utf-8")), root)
    every = EVERY if LONG else CLOSER.get(path.stem, EVERY)
    # Which of them, differs from host to host.
    first = zlib.crc32(path.stem.encode()) % every
    done = subprocess.run([sweep, "--every", str(every), "--first", str(first), root], stdin=subprocess.DEVNULL,
                          text=True, capture_output=True, timeout=3600, env=program.env)
    assert done.returncode == 0, done.stdout + done.stderr
