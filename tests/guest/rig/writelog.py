# SPDX-License-Identifier: LGPL-2.1-or-later
"""All writes of a disk in order, as QEMU's blklogwrites notes them (the format of dm-log-writes)."""

import struct
from pathlib import Path

from .errors import RigError

MAGIC, VERSION = 0x6a736677736872, 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


class WriteLog:
    def __init__(self, path):
        self.path = Path(path)

    def _super(self, f):
        f.seek(0)
        magic, version, count, sector = struct.unpack("<QQQI", f.read(28))
        if magic != MAGIC or version != VERSION:
            raise RigError(f"{self.path} is no log of writes")
        return count, sector

    def length(self):
        """Entries up to the last flush: the head is brought up to date with each."""
        with open(self.path, "rb") as f:
            return self._super(f)[0]

    def _entries(self):
        """(number, flags, offset on the disk, bytes or None)"""
        with open(self.path, "rb") as f:
            count, size = self._super(f)
            place = size
            for number in range(count):
                f.seek(place)
                sector, sectors, flags, _ = struct.unpack("<QQQQ", f.read(32))
                place += size
                data = None
                if sectors and not flags & DISCARD:
                    f.seek(place)
                    data = f.read(sectors * size)
                    place += sectors * size
                yield number, flags, sector * size, data

    def states(self, image, start=0):
        """Bring image, the disk as it was at first, to each flush in turn; yields its number."""
        waiting = []
        with open(image, "r+b") as disk:
            for number, flags, offset, data in self._entries():
                if data and not flags & FUA:
                    waiting.append((offset, data))
                if flags & FLUSH:
                    # What came with or after the flush is not covered by it.
                    keep = waiting[-1:] if data and not flags & FUA else []
                    for o, d in waiting[:len(waiting) - len(keep)]:
                        disk.seek(o)
                        disk.write(d)
                    waiting = keep
                if data and flags & FUA:
                    disk.seek(offset)
                    disk.write(data)
                if flags & FLUSH:
                    disk.flush()
                    if number >= start:
                        yield number

    def last_state(self, image):
        for _ in self.states(image):
            pass
