# SPDX-License-Identifier: LGPL-2.1-or-later
"""Captured roots as one reviewable text file each; format.md describes it."""

import os
import re
import stat
from dataclasses import dataclass

HEADER = "# vfioadm captured root 1"


@dataclass
class Entry:
    """kind: f file, w file that cannot be read, l link, c and b device nodes, d empty directory."""
    kind: str
    data: bytes = b""
    target: str = ""
    device: tuple = (0, 0)


class Archive:
    """A tree by path, without leading slashes."""

    def __init__(self):
        self.entries = {}
        self.comment = ""

    def file(self, path, data):
        self.entries[path] = Entry("f", data if isinstance(data, bytes) else data.encode())

    def write_only(self, path):
        self.entries[path] = Entry("w")

    def link(self, path, target):
        self.entries[path] = Entry("l", target=target)

    def directory(self, path):
        self.entries.setdefault(path, Entry("d"))

    def device(self, path, kind, major, minor):
        self.entries[path] = Entry(kind, device=(major, minor))

    def text(self, path):
        return self.entries[path].data.decode()


# ---- text ----------------------------------------------------------------------------------------

def _escape(text, also=""):
    out = []
    for c in text:
        if c == "\\":
            out.append("\\\\")
        elif c == "\n":
            out.append("\\n")
        elif c == "\t":
            out.append("\\t")
        elif ord(c) < 32 or ord(c) == 127 or c in also:
            out.append(f"\\x{ord(c):02x}")
        else:
            out.append(c)
    return "".join(out)


def _hex(data):
    """Runs of zero bytes are what config space is mostly made of."""
    out = []
    for m in re.finditer(rb"\0{4,}|(?:(?!\0{4,}).)+", data, re.S):
        out.append(f"z{len(m[0])}" if m[0].startswith(b"\0\0\0\0") else m[0].hex())
    return " ".join(out)


def _file_lines(name, data):
    try:
        text = data.decode()
        printable = all(c in "\n\t" or ord(c) >= 32 and ord(c) != 127 for c in text)
    except UnicodeDecodeError:
        printable = False
    if not printable:
        return [f"x {name} {_hex(data)}"]
    lines = text.split("\n")
    if text.endswith("\n") and len(lines) > 2:
        return [f"t {name}"] + ["\t" + line for line in lines[:-1]]
    if text.endswith("\n"):
        return [f"f {name} {_escape(text[:-1])}".rstrip(" ")]
    return [f"F {name} {_escape(text)}".rstrip(" ")]


def _lines(name, entry):
    name = _escape(name, " ")
    if entry.kind == "f":
        return _file_lines(name, entry.data)
    if entry.kind == "w":
        return [f"w {name}"]
    if entry.kind == "l":
        return [f"l {name} {_escape(entry.target)}"]
    return [f"{entry.kind} {name} {entry.device[0]}:{entry.device[1]}"]


def dumps(archive):
    by_dir = {}
    for path, entry in archive.entries.items():
        if entry.kind == "d":
            by_dir.setdefault(path, [])
        else:
            directory, _, name = path.rpartition("/")
            by_dir.setdefault(directory, []).append((name, entry))
    # A directory that has others in it needs no line of its own.
    parents = {d.rpartition("/")[0] for d in by_dir}
    out = [HEADER] + [f"# {line}" for line in archive.comment.splitlines()]
    for directory in sorted(by_dir):
        if not by_dir[directory] and directory in parents:
            continue
        out.append(f"d {_escape(directory, ' ') or '.'}")
        for name, entry in sorted(by_dir[directory], key=lambda x: x[0]):
            out += _lines(name, entry)
    return "\n".join(out) + "\n"


_ESCAPES = re.compile(rb"\\(?:([\\nt])|x([0-9a-f]{2}))")


def _unescape(text):
    def one(m):
        if m[2]:
            return bytes([int(m[2], 16)])
        return {b"n": b"\n", b"t": b"\t", b"\\": b"\\"}[m[1]]
    return _ESCAPES.sub(one, text.encode())


def _unhex(text):
    return b"".join(bytes(int(w[1:])) if w[0] == "z" else bytes.fromhex(w) for w in text.split())


def loads(text):
    archive, directory, block = Archive(), "", None
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("\t"):
            if block is None:
                raise ValueError(f"line {number}: text that belongs to no file")
            archive.entries[block].data += line[1:].encode() + b"\n"
            continue
        block = None
        if not line or line[0] == "#":
            continue
        kind, _, rest = line.partition(" ")
        name, _, value = rest.partition(" ")
        name = _unescape(name).decode()
        path = f"{directory}/{name}" if directory else name
        if kind == "d":
            directory = "" if name == "." else name
            if directory:
                archive.directory(directory)
        elif kind == "f":
            archive.file(path, _unescape(value) + b"\n")
        elif kind == "F":
            archive.file(path, _unescape(value))
        elif kind == "t":
            archive.file(path, b"")
            block = path
        elif kind == "x":
            archive.file(path, _unhex(value))
        elif kind == "w":
            archive.write_only(path)
        elif kind == "l":
            archive.link(path, _unescape(value).decode())
        elif kind in "cb":
            major, minor = value.split(":")
            archive.device(path, kind, int(major), int(minor))
        else:
            raise ValueError(f"line {number}: not a line of a captured root: {line[:60]}")
    return archive


# ---- directories ---------------------------------------------------------------------------------

def unpack(archive, root):
    """Below root, for --sysroot. Device nodes become what an unprivileged user can make: nothing."""
    for path, entry in archive.entries.items():
        full = os.path.join(root, path)
        os.makedirs(full if entry.kind == "d" else os.path.dirname(full), exist_ok=True)
        if entry.kind == "f":
            with open(full, "wb") as f:
                f.write(entry.data)
        elif entry.kind == "w":
            with open(full, "wb"):
                pass
            os.chmod(full, 0o200)
        elif entry.kind == "l":
            os.symlink(entry.target, full)
        elif entry.kind in "cb" and os.geteuid() == 0:
            node = stat.S_IFCHR if entry.kind == "c" else stat.S_IFBLK
            os.mknod(full, node | 0o600, os.makedev(*entry.device))
