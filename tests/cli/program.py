# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of the build, and what came of running them."""

import json
import os
import subprocess


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
