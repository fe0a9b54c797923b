# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes "newc" archives, the kernel's initramfs format; needs no root and no files."""

import os
import stat
from pathlib import Path


class Archive:
    """Files by path inside the guest. Directories above a file come by themselves.

    implicit: paths that an earlier archive of the same initramfs has; directories among them
    are not made again (that would change their mode).
    replaces: files may be there already, from an earlier archive of the same initramfs.
    """

    def __init__(self, implicit=(), replaces=False):
        self._entries = {}
        self._implicit = implicit
        self._replaces = replaces

    def directory(self, path, mode=0o755, owner=(0, 0)):
        self._put(path, stat.S_IFDIR | mode, b"", owner=owner)

    def file(self, path, data, mode=0o644, owner=(0, 0)):
        self._put(path, stat.S_IFREG | mode, data, owner=owner)

    def symlink(self, path, target):
        self._put(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, mode, major, minor):
        self._put(path, stat.S_IFCHR | mode, b"", (major, minor))

    def copy(self, source, path, mode=None):
        """One file of the host; a link is followed."""
        source = Path(source)
        if mode is None:
            mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self.file(path, source.read_bytes(), mode)

    def copy_tree(self, source, path):
        source = Path(source)
        for p in sorted(source.rglob("*")):
            target = f"{path.rstrip('/')}/{p.relative_to(source)}"
            if p.is_symlink():
                self.symlink(target, os.readlink(p))
            elif p.is_dir():
                self.directory(target)
            elif p.is_file():
                self.copy(p, target)

    def has(self, path):
        return path.strip("/") in self._entries

    def paths(self):
        return self._entries.keys()

    def _put(self, path, mode, data, rdev=(0, 0), owner=(0, 0)):
        path = path.strip("/")
        parent = os.path.dirname(path)
        if parent and parent not in self._entries and parent not in self._implicit:
            self.directory(parent)
        self._entries[path] = (mode, data, rdev, owner)

    def write(self, f):
        for ino, (path, (mode, data, rdev, owner)) in enumerate(self._entries.items(), 1):
            # The kernel writes into a file that is there, and skips without a word one that is being
            # executed, such as ld.so under an early modprobe. Something of another type it replaces.
            if self._replaces and stat.S_ISREG(mode):
                self._member(f, ino, path, stat.S_IFLNK | 0o777, b"replaced", (0, 0), (0, 0))
            self._member(f, ino, path, mode, data, rdev, owner)
        self._member(f, 0, "TRAILER!!!", 0, b"", (0, 0), (0, 0))
        f.write(b"\0" * (-f.tell() % 512))

    @staticmethod
    def _member(f, ino, path, mode, data, rdev, owner):
        name = path.encode() + b"\0"
        fields = (ino, mode, *owner, 2 if stat.S_ISDIR(mode) else 1, 0, len(data), 0, 0, *rdev,
                  len(name), 0)
        head = b"070701" + b"".join(b"%08X" % v for v in fields) + name
        f.write(head + b"\0" * (-len(head) % 4))
        f.write(data + b"\0" * (-len(data) % 4))
