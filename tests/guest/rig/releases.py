# SPDX-License-Identifier: LGPL-2.1-or-later
"""Newer Debian releases, each with its own kernel and initramfs tools, as machines.

machineroot.system("trixie", "dracut") and Machine("sid", "dracut") take a release's name where others take a
kernel's. One layer, by mmdebstrap alone: what is configured in it is configured by its own programs.

    machine-RELEASE-TOOL     system, tool, kernel; no initramfs yet
"""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import cache, kernels
from .apt import PrivateApt
from .errors import RigError


@dataclass(frozen=True)
class Release:
    tools: dict       # {tool: packages}
    hooks: str        # of mmdebstrap: /bin and its like are links from the beginning
    versions: dict    # {tool: what its version must not be older than}


HOOKS = "/usr/share/mmdebstrap/hooks/merged-usr"
RELEASES = {
    "trixie": Release({"initramfs-tools": ("initramfs-tools",), "dracut": ("dracut",)}, HOOKS,
                      {"initramfs-tools": "0.148", "dracut": "106"}),
    "sid": Release({"dracut": ("dracut",)}, HOOKS, {"dracut": "112"}),
}
EACH = [(name, tool) for name, release in RELEASES.items() for tool in release.tools]
KERNEL = "linux-image-amd64"
# An unstable suite's index on a mirror that stands still has expired; its signature is verified all the same.
OPTIONS = ('APT::Sandbox::User "root"', 'Acquire::Check-Valid-Until "false"', 'APT::Install-Recommends "false"')


def is_release(name):
    return name in RELEASES


def _mmdebstrap(name, tool, tar, top):
    from . import machineroot
    apt = PrivateApt("amd64")
    apt.update()
    release = RELEASES[name]
    packages = (*machineroot.PACKAGES, *release.tools[tool], KERNEL)
    cmd = ["mmdebstrap", "--mode=root", "--variant=essential", "--skip=chroot/mount,check/signed-by",
           f"--hook-dir={release.hooks}", "--include=" + ",".join(packages)]
    cmd += [f"--aptopt={o}" for o in OPTIONS] + [f"--dpkgopt={o}" for o in machineroot.DPKG_OPTIONS]
    machineroot._run([*cmd, name, tar, apt.one_line(name)], 900, "mmdebstrap",
                     env=dict(os.environ, TMPDIR=str(top), INITRD="No"))


def _check_version(tree, name, tool):
    from . import machineroot
    wanted = RELEASES[name].versions[tool]
    found = machineroot.inside(tree, "dpkg-query", "-W", "-f", "${Version}", tool).strip()
    try:
        machineroot.inside(tree, "dpkg", "--compare-versions", found, "ge", wanted)
    except RigError:
        raise RigError(f"{name} has {tool} {found}, older than {wanted}") from None
    return found


def system(name, tool):
    """As machineroot.system()."""
    from . import machineroot
    if tool not in RELEASES[name].tools:
        raise RigError(f"no machine with {name} and {tool}")

    def make(dest):
        machineroot._check_needs()
        cache.say(f"machine: making {name} with {tool}")
        with machineroot.scratch("root") as top:
            tar, tree = Path(top) / "root.tar", Path(top) / "tree"
            _mmdebstrap(name, tool, tar, top)
            tree.mkdir()
            machineroot._run(["tar", "--numeric-owner", "-xp", "-C", tree, "-f", tar], 300, "unpacking")
            for waste in ("var/cache", "var/lib/apt/lists", "dev"):
                shutil.rmtree(tree / waste, ignore_errors=True)
                (tree / waste).mkdir(parents=True)
            version = _check_version(tree, name, tool)
            machineroot._write(tree, {n: t for n, t in machineroot.FILES.items() if "system/" not in n})
            machineroot.inside(tree, "systemd-sysusers")
            machineroot._take_kernel(tree, dest, f"{name} with {tool} {version}")
            machineroot._pack(tree, dest / "root.tar.zst")
    key = kernels.hash_of((machineroot.PACKAGES, machineroot.DPKG_OPTIONS, machineroot.FILES, OPTIONS,
                           repr(RELEASES[name]), tool, 1))
    return cache.artefact(f"machine-{name}-{tool}", make, key)


@contextlib.contextmanager
def tree(name, tool, installed):
    """All files of such a system with vfioadm as its package would install it, for machineroot.inside(). No image is
    there yet."""
    from . import machineroot
    below = system(name, tool)
    with machineroot.scratch("root") as top:
        found = Path(top) / "tree"
        machineroot._unpack(below / "root.tar.zst", found)
        machineroot._run(["sh", "-c", 'tar -C "$1" -cf - . | tar --no-same-owner --keep-directory-symlink -C "$2" -xpf -',
                          "sh", installed, found], 60, "copying the build")
        machineroot.inside(found, "ldconfig")
        yield found, (below / "release").read_text().strip()
