# SPDX-License-Identifier: LGPL-2.1-or-later
"""scripts/guest-shell: what `make shell` gives a person, and a pipe."""

import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from rig import kernels

SHELL = Path(__file__).resolve().parents[2] / "scripts" / "guest-shell"
pytestmark = pytest.mark.no_payload


@pytest.fixture
def usable(kernel):
    reason = kernels.available(kernel)
    if reason:
        pytest.skip(reason)
    return kernel


@pytest.mark.kernels("debian-6.12", "s390x-6.12")
def test_piped_commands(usable):
    p = subprocess.run([SHELL, "--no-payload", "--kernel", usable],
                       input="uname -m\necho error >&2\nexit 5\n", capture_output=True, text=True,
                       timeout=120)
    assert (p.stdout.strip(), p.stderr.splitlines()[-1], p.returncode) == \
        (kernels.KERNELS[usable].arch, "error", 5)


class Terminal:
    def __init__(self, *argv):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(argv[0], list(map(str, argv)))

    def read(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def expect(self, text, timeout=60):
        end = time.monotonic() + timeout
        while text not in self.seen and time.monotonic() < end and self.read(0.2):
            pass
        assert text in self.seen, self.seen.decode(errors="replace")
        self.seen = self.seen[self.seen.index(text) + len(text):]

    def type(self, text):
        os.write(self.fd, text)

    def status(self, timeout=30):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            self.read(0.1)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        pytest.fail("guest-shell did not end\n" + self.seen.decode(errors="replace"))


@pytest.mark.kernels("debian-6.12", "s390x-6.12")
def test_prompt(usable):
    """Banner, prompt, size, job control, and the way out."""
    t = Terminal(SHELL, "--no-payload", "--kernel", usable)
    t.expect(b"two identical NICs")
    t.expect(b"poweroff")
    t.expect(b"guest:~ #")
    t.type(b"stty size; echo $((6*7)) $TERM; sleep 500\r")
    t.expect(b"24 80\r")
    t.expect(b"42 xterm-256color\r")
    time.sleep(1)
    t.type(b"\x03")
    t.expect(b"guest:~ #")
    t.type(b"echo $?\r")
    t.expect(b"130\r")
    t.type(b"poweroff\r")
    assert t.status() == 0


@pytest.mark.kernels("debian-6.12")
def test_escape_ends_the_guest(usable):
    t = Terminal(SHELL, "--no-payload", "--kernel", usable, "--lineup", "small")
    t.expect(b"guest:~ #")
    t.type(b"\x01x")
    assert t.status() == 0
