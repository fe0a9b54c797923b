# SPDX-License-Identifier: LGPL-2.1-or-later
"""The little of ELF that the rig needs: what a program is linked with, what a module wants."""

import lzma
import os
import struct
import subprocess
from pathlib import Path

from .errors import RigError

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB = 1, 5


class Elf:
    """Interpreter and needed libraries of a 64-bit ELF file of either byte order."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        if data[:4] != b"\x7fELF" or data[4] != 2:
            raise RigError(f"{path} is not a 64-bit ELF file")
        e = "<" if data[5] == 1 else ">"
        self.machine, = struct.unpack_from(e + "H", data, 18)
        phoff, = struct.unpack_from(e + "Q", data, 32)
        phentsize, phnum = struct.unpack_from(e + "HH", data, 54)
        self.interp, self.needed = None, []
        loads, dynamic = [], None
        for i in range(phnum):
            kind, _, off, vaddr, _, filesz = struct.unpack_from(e + "IIQQQQ", data,
                                                                phoff + i * phentsize)
            if kind == PT_LOAD:
                loads.append((vaddr, off, filesz))
            elif kind == PT_DYNAMIC:
                dynamic = (off, filesz)
            elif kind == PT_INTERP:
                self.interp = data[off:off + filesz].rstrip(b"\0").decode()
        if dynamic:
            self._read_dynamic(data, e, dynamic, loads)

    def _read_dynamic(self, data, e, dynamic, loads):
        off, size = dynamic
        entries = [struct.unpack_from(e + "QQ", data, off + i) for i in range(0, size, 16)]
        strtab = next((v for t, v in entries if t == DT_STRTAB), None)
        base = next((o + strtab - a for a, o, n in loads if a <= strtab < a + n), None)
        if base is None:
            raise RigError("ELF string table outside the file")
        for tag, value in entries:
            if tag == 0:
                break
            if tag == DT_NEEDED:
                end = data.index(b"\0", base + value)
                self.needed.append(data[base + value:end].decode())


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


class Libraries:
    """Finds libraries by name: in given directories, then in the arch's root (/ or a sysroot)."""

    def __init__(self, triplet, root="/", extra=()):
        self.dirs = [Path(d) for d in extra]
        for d in (f"usr/lib/{triplet}", f"lib/{triplet}", "usr/lib", "lib", "usr/lib64", "lib64",
                  f"usr/lib/{triplet}/systemd"):
            self.dirs.append(Path(root) / d)
        self.root = Path(root)

    def find(self, name):
        if name.startswith("/"):
            return self.root / name.lstrip("/")
        for d in self.dirs:
            if (d / name).exists():
                return d / name
        raise RigError(f"library {name} not found in {', '.join(map(str, self.dirs))}")

    def closure(self, programs):
        """{soname: path} of every library the programs need, and the set of interpreters."""
        libs, interps, todo = {}, set(), [Path(p) for p in programs]
        while todo:
            elf = Elf(todo.pop())
            if elf.interp:
                interps.add(elf.interp)
            for name in elf.needed:
                if name not in libs:
                    libs[name] = self.find(name)
                    todo.append(libs[name])
        # The loader is named as a library too; it belongs at the place PT_INTERP says.
        for interp in interps:
            libs.pop(os.path.basename(interp), None)
        return libs, interps


def read_module(path):
    """A kernel module's bytes, uncompressed: decompressing under emulation is slow."""
    path = str(path)
    if path.endswith(".xz"):
        with lzma.open(path) as f:
            return f.read()
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout
    if path.endswith(".gz"):
        return subprocess.run(["gzip", "-dc", path], check=True, capture_output=True).stdout
    with open(path, "rb") as f:
        return f.read()


def module_wants(data):
    """Names of the modules that this one depends on, softly or not."""
    wants = []
    # .modinfo is a run of NUL-separated key=value strings; no need to find the section.
    for item in data.split(b"\0"):
        if item.startswith(b"depends="):
            wants += [d for d in item[8:].decode().split(",") if d]
        elif item.startswith(b"softdep=pre:"):
            words = item[12:].decode().split()
            wants += [w for w in words if not w.endswith(":")]
    return wants
