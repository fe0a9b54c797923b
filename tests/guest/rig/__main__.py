# SPDX-License-Identifier: LGPL-2.1-or-later
"""What scripts/ asks of the rig: python3 -m rig VERB …"""

import shutil
import sys

from . import cache, initramfs, kernels
from .apt import CODENAME, PrivateApt
from .errors import RigError, Unavailable


def install_backports(*packages):
    PrivateApt(system=True).install(packages, CODENAME + "-backports")


def prepare(arch, *names):
    """Fetch kernels and build what guests boot from, so that the first test does not wait."""
    unknown = set(names) - set(kernels.KERNELS)
    if unknown:
        raise RigError(f"no such kernel: {', '.join(sorted(unknown))}; "
                       f"there are {', '.join(kernels.KERNELS)}")
    if arch == "s390x":
        from . import sysroot
        sysroot.fetch(arch)
        cache.say(f"cross file for meson: {sysroot.cross_file(arch)}")
    for kernel in kernels.KERNELS.values():
        if kernel.arch != arch or (names and kernel.name not in names):
            continue
        try:
            initramfs.base(kernel.name)
        except Unavailable as e:
            cache.say(str(e))
        else:
            cache.say(f"{kernel.name}: {kernels.info(kernel.name)[1]}")


def prepare_machines(*names):
    """All that a machine's disk is made of but the build."""
    from . import machineroot, releases
    for kernel in machineroot.KERNELS:
        for tool in machineroot.TOOLS if not names or kernel in names else ():
            top = machineroot.system(kernel, tool)
            cache.say(f"machine with {tool}: {(top / 'version').read_text().strip()}")
    for release, tool in releases.EACH if not names else ():
        top = machineroot.system(release, tool)
        cache.say(f"machine: {(top / 'version').read_text().strip()}")


def prepare_zmachine(*names):
    """What an s390x machine's disk is made of but the build."""
    from . import zroot
    if names and zroot.KERNEL not in names:
        return
    top = zroot.system()
    cache.say(f"machine for s390x: {(top / 'version').read_text().strip()}")


def prepare_bench():
    from . import debianroot
    cache.say(f"bench system: {debianroot.image()}")


def download(pattern, dest):
    """The newest package matching the pattern, as a file."""
    apt = PrivateApt()
    name, version = apt.newest(pattern)
    cache.say(f"fetching {name} {version}")
    apt.download([f"{name}={version}"], dest)


def cross_file(arch):
    from . import sysroot
    print(sysroot.cross_file(arch))


def sysroot_dir(arch):
    from . import sysroot
    print(sysroot.fetch(arch))


def forget():
    """Drop everything that can be fetched or made again."""
    for path in cache.root().iterdir():
        if path.name != "built-kernels":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def list_kernels():
    for kernel in kernels.KERNELS.values():
        print(f"{kernel.name:14} {kernel.arch:7} {kernels.available(kernel.name) or 'available'}")


VERBS = {f.__name__.replace("_", "-"): f
         for f in (install_backports, prepare, prepare_machines, prepare_zmachine, prepare_bench,
                   download, cross_file, forget, list_kernels)}
VERBS["sysroot"] = sysroot_dir


def main(argv):
    if not argv or argv[0] not in VERBS:
        print(f"usage: python3 -m rig {{{'|'.join(VERBS)}}} …", file=sys.stderr)
        return 2
    try:
        VERBS[argv[0]](*argv[1:])
    except RigError as e:
        print(f"rig: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
