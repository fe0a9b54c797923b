# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian packages of a foreign architecture to build against, and meson's cross file for them."""

import os
import shutil
import tempfile
from pathlib import Path

from . import cache, kernels
from .apt import PrivateApt, unpack

SOURCE = Path(__file__).resolve().parents[3]
PACKAGES = ("libc6-dev", "linux-libc-dev", "libsmartcols-dev", "libsystemd-dev",
            "libkmod-dev", "libmount-dev", "libmnl-dev", "libinih-dev", "libcmocka-dev")
# The -dev packages want these for things that a cross build does with the host's own programs.
WASTE = ("usr/share", "usr/bin", "usr/sbin", "etc", "var", "usr/lib/s390x-linux-gnu/perl-base",
         "usr/lib/s390x-linux-gnu/gconv")


def fetch(arch):
    """Directory of the sysroot."""
    def make(dest):
        for link in ("bin", "sbin", "lib", "lib64"):
            (dest / "usr" / link).mkdir(parents=True)
            (dest / link).symlink_to("usr/" + link)
        apt = PrivateApt(kernels.DEB_ARCH[arch])
        cache.say(f"sysroot for {arch}: fetching {len(PACKAGES)} packages and their dependencies")
        with tempfile.TemporaryDirectory(dir=dest.parent) as debs:
            unpack(apt.closure(PACKAGES, debs), dest)
        keep = dest / "usr/share/pkgconfig"
        kept = {p.name: p.read_bytes() for p in keep.glob("*.pc")} if keep.is_dir() else {}
        for waste in WASTE:
            shutil.rmtree(dest / waste, ignore_errors=True)
        keep.mkdir(parents=True)
        for name, data in kept.items():
            (keep / name).write_bytes(data)
    return cache.artefact(f"sysroot-{arch}", make, kernels.hash_of((PACKAGES, WASTE)))


def cross_file(arch):
    """Path of the cross file; written again each time, for it names the clone."""
    text = (SOURCE / "data/cross" / f"{arch}.ini.in").read_text()
    text = text.replace("@SYSROOT@", str(fetch(arch))).replace("@SOURCE@", str(SOURCE))
    # One file per clone: two clones on one machine must not fight over it.
    path = cache.root() / "cross" / kernels.hash_of(str(SOURCE)) / f"{arch}.ini"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        tmp = path.with_suffix(".new")
        tmp.write_text(text)
        os.rename(tmp, path)
    return path
