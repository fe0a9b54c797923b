# SPDX-License-Identifier: LGPL-2.1-or-later
"""Started without standard input, output or error, no program of ours has another file there."""

import fcntl
import itertools
import os
import subprocess
import time

import pytest

CLOSED = [c for n in range(4) for c in itertools.combinations((0, 1, 2), n)]
LINES = [["list"], ["list", "--json"], ["list", "--users"], ["show", "0000:02:00.0"], ["show", "0000:99:00.0"],
         ["check", "0000:02:00.0"], ["assign", "--dry-run", "--group", "0000:02:00.0"], ["release", "0000:01:00.0"],
         ["status"], ["apply", "--dry-run"], ["config", "list"], ["settle", "--dry-run"], ["--version"], ["bogus"]]


def run(argv, closed):
    """Status, and what was printed to what was open."""
    p = subprocess.run(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                       preexec_fn=lambda: [os.close(i) for i in closed])
    return p.returncode, p.stdout, p.stderr


def command(build, root):
    return [build / "cli/vfioadm", "--helper", build.resolve() / "src/vfioadm-helper", "--sysroot", root]


@pytest.mark.parametrize("closed", CLOSED[1:], ids=str)
def test_the_same_is_done_and_printed(build, root, closed):
    for line in LINES:
        argv = [*command(build, root), *line]
        status, out, err = run(argv, ())
        assert run(argv, closed) == (status, b"" if 1 in closed else out, b"" if 2 in closed else err), line


@pytest.mark.parametrize("closed", CLOSED[1:], ids=str)
@pytest.mark.parametrize("argv", [["src/vfioadm-early", "--version"], ["src/vfioadm-early", "x"], ["src/vfioadm-helper"],
                                  ["src/vfioadm-helper", "x", "y"]], ids=" ".join)
def test_other_programs(build, argv, closed):
    argv = [build / argv[0], *argv[1:]]
    status, out, err = run(argv, ())
    assert run(argv, closed) == (status, b"" if 1 in closed else out, b"" if 2 in closed else err)


def full_pipe():
    r, w = os.pipe()
    fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
    try:
        while True:
            os.write(w, b"x" * 4096)
    except BlockingIOError:
        pass
    fcntl.fcntl(w, fcntl.F_SETFL, 0)
    return r, w


def files_of(pid):
    return {int(i): os.readlink(f"/proc/{pid}/fd/{i}") for i in os.listdir(f"/proc/{pid}/fd")}


def state(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


# The helper prints to standard error only.
@pytest.mark.parametrize("program, closed", [(p, c) for p in ("vfioadm", "vfioadm-early", "vfioadm-helper")
                                             for c in CLOSED[1:] if ({2} if p == "vfioadm-helper" else {1, 2}) - set(c)],
                         ids=str)
def test_what_is_there_is_dev_null(build, root, program, closed):
    """While it waits for somebody to read what it prints."""
    out = 1 if 1 not in closed else 2
    argv = {"vfioadm": [*command(build, root), "list" if out == 1 else "bogus"],
            "vfioadm-early": [build / "src/vfioadm-early", "--version" if out == 1 else "x"],
            "vfioadm-helper": [build / "src/vfioadm-helper"]}[program]
    if program == "vfioadm-helper":
        out = 2
    r, w = full_pipe()
    try:
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=w if out == 1 else subprocess.DEVNULL,
                             stderr=w if out == 2 else subprocess.DEVNULL,
                             preexec_fn=lambda: [os.close(i) for i in closed])
        end, asleep = time.monotonic() + 10, 0
        while asleep < 3:
            assert p.poll() is None and time.monotonic() < end
            asleep = asleep + 1 if state(p.pid) == "S" else 0
            time.sleep(0.01)
        files = files_of(p.pid)
        assert {files[i] for i in closed} == {"/dev/null"}
        assert files[out].startswith("pipe:")
    finally:
        p.kill()
        p.wait()
        os.close(r)
        os.close(w)
