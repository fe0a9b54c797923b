# SPDX-License-Identifier: LGPL-2.1-or-later
"""Artefacts kept outside the clone, each with a list of checksums.

An artefact is a directory NAME beside a file NAME.sums. It is used only when every file in it
has the recorded checksum and none is missing; otherwise it is made again. A maker works in a
scratch directory that is renamed at the end, so an interrupted run leaves nothing half-made
behind under the final name.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

# Raised when the content of an artefact changes without its name changing.
FORMAT = "1"

_verified = set()


def root():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = Path(base) / "vfioadm"
    path.mkdir(parents=True, exist_ok=True)
    return path


def say(text):
    """Progress for people; stderr, so that no program's output is disturbed."""
    print(f"rig: {text}", file=sys.stderr, flush=True)


def file_sum(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            h.update(chunk)
    return h.hexdigest()


def _entries(top):
    for dirpath, dirnames, filenames in os.walk(top):
        for name in sorted(filenames) + [d for d in sorted(dirnames)
                                         if os.path.islink(os.path.join(dirpath, d))]:
            full = os.path.join(dirpath, name)
            rel = os.path.relpath(full, top)
            if os.path.islink(full):
                yield rel, "link:" + os.readlink(full)
            elif os.path.isfile(full):
                yield rel, file_sum(full)


def _sums_text(top, key):
    lines = [f"key {FORMAT} {key}"]
    lines += [f"{s}  {rel}" for rel, s in sorted(_entries(top))]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def locked(name):
    """One process at a time makes a given artefact."""
    path = root() / ("." + name.replace("/", "_") + ".lock")
    with open(path, "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def _valid(path, sums, key):
    try:
        recorded = sums.read_text()
    except OSError:
        return False
    if not path.is_dir():
        return False
    head, _, _ = recorded.partition("\n")
    if head != f"key {FORMAT} {key}":
        return False
    try:
        return _sums_text(path, key) == recorded
    except OSError:
        return False


def artefact(name, maker, key=""):
    """Return the directory of artefact `name`, calling maker(scratch_dir) if it has to be made.

    `key` stands for what the content depends on; another key means another content. An artefact
    is verified once per process: later calls trust it.
    """
    path = root() / name
    if (str(path), key) in _verified and path.is_dir():
        return path
    with locked(name):
        _ready(path, maker, key)
    return path


def _ready(path, maker, key):
    sums = path.with_name(path.name + ".sums")
    if not _valid(path, sums, key):
        if path.exists():
            say(f"{path.name}: cached copy is stale or damaged, making it again")
        _make(path, sums, maker, key)
    _verified.add((str(path), key))


def use(name, maker, key, user):
    """user(path) with an artefact that other processes want with another key: it is held meanwhile."""
    path = root() / name
    sums = path.with_name(path.name + ".sums")
    with locked(name):
        try:
            same = sums.read_text().startswith(f"key {FORMAT} {key}\n")
        except OSError:
            same = False
        if not same or (str(path), key) not in _verified:
            _ready(path, maker, key)
        return user(path)


def _make(path, sums, maker, key):
    path.parent.mkdir(parents=True, exist_ok=True)
    sums.unlink(missing_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        os.chmod(scratch, 0o755)
        maker(scratch)
        text = _sums_text(scratch, key)
        if path.exists():
            shutil.rmtree(path)
        os.rename(scratch, path)
        tmp = sums.with_name(sums.name + ".new")
        tmp.write_text(text)
        os.rename(tmp, sums)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def drop(name):
    """Forget an artefact, so that the next use makes it again."""
    path = root() / name
    with locked(name):
        path.with_name(path.name + ".sums").unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
    for entry in [v for v in _verified if v[0] == str(path)]:
        _verified.discard(entry)


def key_of(path):
    """What a cached artefact depends on and what is in it, in one word."""
    return file_sum(path.with_name(path.name + ".sums"))


def content_sum(top):
    """One sum for all that is below a directory; what may be executed counts."""
    h = hashlib.sha256()
    for rel, text in sorted(_entries(top)):
        h.update(f"{rel} {os.lstat(os.path.join(top, rel)).st_mode:o} {text}\n".encode())
    return h.hexdigest()
