# SPDX-License-Identifier: LGPL-2.1-or-later
"""An interactive shell on a terminal of its own, to press the tabulator in."""

import os
import pty
import re
import select
import signal
import time


class Shell:
    def __init__(self, argv, prepare, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(argv[0], argv, env)
            finally:
                os._exit(127)
        self.text = ""
        for line in prepare:
            self.send(line + "\n")
        # Written so that the echo of the command is not what is waited for.
        self.send("echo rea''dy\n")
        self.wait("ready")

    def send(self, text):
        os.write(self.fd, text.encode())

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"the shell has ended:\n{self.text}") from None

    def plain(self):
        """What was printed, without what moves the cursor or changes colours."""
        return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)|[\x07\r]", "", self.text)

    def wait(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.plain()):
            assert time.monotonic() < end, f"no {pattern!r} in:\n{self.plain()}"
            self.read(0.2)

    def complete(self, line, pattern):
        """Types the line and one tabulator; pattern must appear behind it."""
        self.text = ""
        self.send(line + "\t")
        self.wait(pattern)
        self.send("\x15")

    def listing(self, line, *patterns):
        """Types the line and two tabulators: what is listed must match."""
        self.text = ""
        self.send(line + "\t\t")
        for pattern in patterns:
            self.wait(pattern)
        self.send("\x15")

    def close(self):
        os.close(self.fd)
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
