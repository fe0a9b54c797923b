# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files of an ext4 image, without mounting it."""

import os
import re
import stat
import subprocess
import tempfile
from pathlib import Path

from .errors import RigError

ENV = dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin", LC_ALL="C.UTF-8",
           DEBUGFS_PAGER="__none__")


class Filesystem:
    def __init__(self, image):
        self.image = Path(image)

    def replay(self):
        """Bring the journal's content in, as mounting does; nothing to do after a clean end."""
        p = subprocess.run(["e2fsck", "-y", "-E", "journal_only", str(self.image)],
                           capture_output=True, text=True, errors="replace", env=ENV, timeout=120)
        if p.returncode & ~1:
            raise RigError(f"the journal of {self.image} is not good:\n{p.stdout}{p.stderr}")

    def check(self):
        """What e2fsck finds wrong, or ""."""
        p = subprocess.run(["e2fsck", "-f", "-n", str(self.image)], capture_output=True, text=True,
                           errors="replace", env=ENV, timeout=120)
        return "" if p.returncode == 0 else p.stdout + p.stderr

    def _debugfs(self, *requests, write=False):
        p = subprocess.run(["debugfs", *(["-w"] if write else []), "-f", "-", str(self.image)],
                           input="\n".join(requests) + "\n", capture_output=True, text=True,
                           errors="replace", env=ENV, timeout=120)
        # It always succeeds, and says what went wrong after its version.
        errors = [l for l in p.stderr.splitlines() if not re.match(r"debugfs \d|Allocated inode", l)]
        if p.returncode or errors:
            text = "\n".join(errors)
            if "not found" in text:
                raise FileNotFoundError(text)
            raise RigError(f"debugfs: {text or p.returncode}")
        return p.stdout

    @staticmethod
    def _quote(path):
        if '"' in path or "\n" in path or not path.startswith("/"):
            raise RigError(f"no path for debugfs: {path!r}")
        return f'"{path}"'

    def dump(self, path, target):
        """Copy a regular file out."""
        self._debugfs(f"dump {self._quote(path)} {self._quote(str(target))}")

    def dump_all(self, target):
        """Copy everything out, links and owners too."""
        self._debugfs(f"rdump / {self._quote(str(target))}")

    def rename(self, old, new):
        """A regular file; what was there under the new name is lost."""
        remove = [f"rm {self._quote(new)}"] if self.exists(new) else []
        self._debugfs(*remove, f"ln {self._quote(old)} {self._quote(new)}",
                      f"unlink {self._quote(old)}", write=True)

    def read(self, path):
        with tempfile.TemporaryDirectory() as d:
            self.dump(path, Path(d) / "file")
            return (Path(d) / "file").read_bytes()

    def exists(self, path):
        try:
            self._debugfs(f"stat {self._quote(path)}")
        except FileNotFoundError:
            return False
        return True

    def names(self, path):
        """What is in a directory."""
        rows = [l.split("/") for l in self._debugfs(f"ls -p {self._quote(path)}").splitlines()]
        return sorted(r[5] for r in rows if len(r) > 5 and r[5] not in (".", ".."))

    def write(self, path, data, mode=0o644):
        """A regular file, over what was there; its directory is made if it is missing."""
        data = data.encode() if isinstance(data, str) else data
        parents = [p for p in reversed(Path(path).parents) if str(p) != "/"]
        make = [f"mkdir {self._quote(str(p))}" for p in parents if not self.exists(str(p))]
        remove = [f"rm {self._quote(path)}"] if self.exists(path) else []
        with tempfile.TemporaryDirectory() as d:
            source = Path(d) / "file"
            source.write_bytes(data)
            self._debugfs(*make, *remove, f"write {self._quote(str(source))} {self._quote(path)}",
                          f"sif {self._quote(path)} mode 0{stat.S_IFREG | mode:o}", write=True)

    def remove(self, path):
        self._debugfs(f"rm {self._quote(path)}", write=True)
