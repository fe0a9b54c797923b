# SPDX-License-Identifier: LGPL-2.1-or-later
"""names.hwdb as the binary that systemd-hwdb makes of such files.

So that the names in golden outputs come from this tree, and not from the machine.
"""

import struct
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "names.hwdb"
HEAD, NODE, CHILD, VALUE = 80, 24, 16, 16


class _Node:
    def __init__(self):
        self.children, self.values, self.at = {}, {}, 0


def _parse(text):
    """A tree of letters: patterns stand at the margin, properties behind a blank."""
    root, here, open_ = _Node(), [], False
    for line in text.splitlines():
        if not line or line.startswith("#"):
            open_ = False
        elif line.startswith(" "):
            key, _, value = line[1:].partition("=")
            for node in here:
                node.values[" " + key] = value
            open_ = False
        else:
            node = root
            for c in line:
                node = node.children.setdefault(c, _Node())
            here = [*here, node] if open_ else [node]
            open_ = True
    return root


def _in_order(node):
    yield node
    for c in sorted(node.children):
        yield from _in_order(node.children[c])


def binary(text=None):
    root = _parse(SOURCE.read_text() if text is None else text)
    nodes = list(_in_order(root))
    at = HEAD
    for node in nodes:
        node.at = at
        at += NODE + CHILD * len(node.children) + VALUE * len(node.values)
    strings, places = bytearray(b"\0"), {}

    def string(s):
        if s not in places:
            places[s] = at + len(strings)
            strings.extend(s.encode() + b"\0")
        return places[s]

    out = bytearray()
    for node in nodes:
        out += struct.pack("<QB7xQ", at, len(node.children), len(node.values))
        for c in sorted(node.children):
            out += struct.pack("<B7xQ", ord(c), node.children[c].at)
        for key in sorted(node.values):
            out += struct.pack("<QQ", string(key), string(node.values[key]))
    head = struct.pack("<8s9Q", b"KSLPHHRH", 252, at + len(strings), HEAD, NODE, CHILD, VALUE, root.at,
                       len(out), len(strings))
    return bytes(head + out + strings)
