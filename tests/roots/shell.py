# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a host through a shell, which is all that a small guest has: one script, one stream.

The stream has one line per fact:

    R release            of the kernel
    D path               directory
    L ls -l line         link
    E path               a file that is there (empty, not readable, or with F lines behind it)
    F path:line          a line of a file, as grep prints it
    Z path:field         a field of a file of NUL-terminated ones
    N ls -l line         device node
    B path hex           binary
"""

import re

from what import (ATTRIBUTES, BINARY, FILES, LOCKED, PRESENT, SKIP_DIRECTORIES, TREES, WRITE_ONLY)

_SCRIPT = r"""
export LC_ALL=C
t=${TMPDIR:-/tmp}/capture.$$
show() { sed 's/^/E /' $t; xargs grep -asH '' < $t /dev/null | sed 's/^/F /'; }
echo "R $(uname -r)"
trees=
for d in @TREES@; do
  # find would not follow a link; what it leads to is elsewhere in the list.
  [ -d "$d" ] && [ ! -h "$d" ] && trees="$trees $d"
done
each() { find $trees @SKIP@ "$@" -print; }
each -type d | sed 's/^/D /'
each -type l > $t
for d in @GLOBS@; do [ -h "$d" ] && echo "$d"; done >> $t
[ -s $t ] && xargs ls -ld < $t | sed 's/^.* \(\/[^ ]* -> \)/L \1/'
each -type f \( @WRITE_ONLY@ \) | sed 's/^/E /'
{ each -type f \( @NAMES@ \)
  each -type f -path '*/parameters/*'
  for f in @FILES@; do [ -e "$f" ] && echo "$f"; done
} > $t; show
for f in @PRESENT@; do [ -e "$f" ] && echo "E $f"; done
echo "E /proc/cpuinfo"; head -n 30 /proc/cpuinfo | sed 's,^,F /proc/cpuinfo:,'
m=/lib/modules/$(uname -r)
for f in modules.dep modules.builtin modules.softdep; do
  [ -e "$m/$f" ] && echo "$m/$f"
done > $t; [ -s $t ] && show
if [ -e "$m/modules.alias" ]; then
  echo "E $m/modules.alias"; grep 'pci:' "$m/modules.alias" | sed "s,^,F $m/modules.alias:,"
fi
if [ -e "$m/modules.builtin.modinfo" ]; then
  echo "E $m/modules.builtin.modinfo"
  tr '\0' '\n' < "$m/modules.builtin.modinfo" | grep 'alias=.*pci:' |
    sed "s,^,Z $m/modules.builtin.modinfo:,"
fi
find /dev/vfio /dev/iommu -type c -print 2>/dev/null > $t
[ -s $t ] && xargs ls -ld < $t | sed 's/^/N /'
each -type f \( @BINARY@ \) | while read -r f; do
  echo "B $f $(od -An -v -tx1 "$f" 2>/dev/null | tr -d ' \n')"
done
rm -f $t
"""


def _names(names):
    return " -o ".join(f"-name {n}" for n in sorted(names))


def script(locked):
    """For sh as busybox has it. locked: also what takes the device lock (in guests only)."""
    replace = {
        "TREES": " ".join("/" + t for t in TREES),
        "GLOBS": "/sys/class/*/* /sys/bus/*/devices/* /sys/block/*",
        "SKIP": " ".join(f"-name {n} -type d -prune -o" for n in sorted(SKIP_DIRECTORIES)),
        "NAMES": _names(ATTRIBUTES | (LOCKED if locked else set())),
        "WRITE_ONLY": _names(WRITE_ONLY),
        "BINARY": _names(BINARY),
        "FILES": " ".join("/" + f for f in FILES),
        "PRESENT": " ".join("/" + f for f in PRESENT),
    }
    text = _SCRIPT
    for key, value in replace.items():
        text = text.replace(f"@{key}@", value)
    return text


class Facts:
    """The stream, sorted by kind; paths without leading slash."""

    def __init__(self):
        self.release = ""
        self.directories = set()
        self.links = {}
        self.files = {}   # path: list of lines
        self.binary = {}
        self.nodes = {}
        self.fields = {}  # path: list of NUL-terminated fields

    def _split(self, text):
        """Paths have colons: the file is the one that was announced."""
        at = text.find(":")
        while at >= 0:
            if text[1:at] in self.files:
                return text[1:at], text[at + 1:]
            at = text.find(":", at + 1)
        raise ValueError(f"a line of no file: {text[:80]}")

    def add(self, line):
        kind, _, rest = line.partition(" ")
        if kind == "R":
            self.release = rest
        elif kind == "D":
            self.directories.add(rest[1:])
        elif kind == "L":
            path, _, target = rest.partition(" -> ")
            self.links[path[1:]] = target
        elif kind == "E":
            self.files.setdefault(rest[1:], [])
        elif kind == "F":
            path, text = self._split(rest)
            self.files[path].append(text)
        elif kind == "Z":
            path, text = self._split(rest)
            self.fields.setdefault(path, []).append(text)
        elif kind == "B":
            path, _, data = rest.partition(" ")
            self.binary[path[1:]] = bytes.fromhex(data)
        elif kind == "N":
            m = re.search(r"(\d+), +(\d+) .* /(\S+)$", rest)
            if m:
                self.nodes[m[3]] = (int(m[1]), int(m[2]))


def parse(stream):
    facts = Facts()
    for line in stream.split("\n"):
        if len(line) > 2 and line[1] == " ":
            facts.add(line)
    if not facts.release:
        raise ValueError("the stream has no beginning: did the script run?")
    return facts
