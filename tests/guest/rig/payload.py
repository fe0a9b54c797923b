# SPDX-License-Identifier: LGPL-2.1-or-later
"""vfioadm as it would be installed, for a guest: taken from a build directory."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import elf
from .errors import RigError, Unavailable

BUILD_VARIABLE = {"x86_64": "VFIOADM_BUILD_DIR", "s390x": "VFIOADM_BUILD_DIR_S390X"}
# Not needed in a guest.
SKIP = ("/share/man/", "/include/", "/pkgconfig/")


@functools.lru_cache(maxsize=None)
def _installed(build):
    """What `meson install` would put on a machine."""
    dest = tempfile.mkdtemp(prefix="vfioadm-install-")
    atexit.register(shutil.rmtree, dest, ignore_errors=True)
    p = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir",
                        dest], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if p.returncode:
        raise RigError(f"meson install from {build} failed:\n{p.stdout}{p.stderr}")
    return Path(dest)


def installed(arch, build=None):
    """Directory with what the build for this architecture installs."""
    variable = BUILD_VARIABLE[arch]
    build = build or os.environ.get(variable)
    if not build:
        raise Unavailable(f"{variable} is not set: no vfioadm for {arch} to test")
    if not (Path(build) / "cli" / "vfioadm").is_file():
        raise Unavailable(f"{build} has no cli/vfioadm")
    return _installed(os.path.abspath(build))


def from_build(arch, build=None):
    """Arguments for Guest(): programs, lib_dirs and files of the build for this architecture."""
    top = installed(arch, build)
    programs, files, lib_dirs = {}, {}, set()
    for path in sorted(p for p in top.rglob("*") if p.is_file()):
        target = "/" + str(path.relative_to(top))
        # Debian 12 names udev's and systemd's directories below /lib, which is a link in the guest.
        if target.startswith("/lib/"):
            target = "/usr" + target
        if any(s in target for s in SKIP):
            continue
        if ".so" in path.name:
            lib_dirs.add(path.parent)
        elif os.access(path, os.X_OK) and elf.is_elf(path):
            programs[target] = path
        else:
            files[target] = path
    if not any(t.endswith("/vfioadm") for t in programs):
        raise RigError(f"{top} has no vfioadm")
    root = "/"
    if arch == "s390x":
        from . import sysroot
        root = sysroot.fetch(arch)
    return {"programs": programs, "lib_dirs": tuple(sorted(lib_dirs)), "files": files,
            "lib_root": root}
