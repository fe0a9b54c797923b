# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that an s390x machine is IPLed from: Debian, an initramfs of initramfs-tools, zipl.

A foreign architecture's packages cannot be configured here, so they are only unpacked, and what
their maintainer scripts would have done that matters is done in a guest, which has the disk
attached. Two layers, each an artefact of its own:

    machine-s390x-system     packages, kernel, an initramfs, and zipl has noted where they are
    machine-s390x-disk       with vfioadm as a package would install it
"""

import os
import shutil
from pathlib import Path

from . import cache, initramfs, kernels, machineroot, qemu
from .apt import PrivateApt, unpack

KERNEL = "s390x-6.12"
TOOL = "initramfs-tools"
DISK_SIZE = "640M"

# What "essential" stands for is not said by dependencies.
ESSENTIAL = ("base-files", "base-passwd", "bash", "coreutils", "dash", "debianutils", "diffutils",
             "dpkg", "findutils", "grep", "gzip", "hostname", "init-system-helpers", "libc-bin",
             "login", "mawk", "ncurses-bin", "perl-base", "sed", "sysvinit-utils", "tar",
             "util-linux")
PACKAGES = (*ESSENTIAL, *machineroot.PACKAGES, "initramfs-tools", "passwd", "s390-tools")
WASTE = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/perl",
         "usr/lib/s390x-linux-gnu/perl", "usr/lib/s390x-linux-gnu/gconv", "usr/share/i18n")

MASKED = (*machineroot.MASKED, "serial-getty@ttysclp0.service", "serial-getty@hvc0.service",
          "serial-getty@sclp_line0.service", "systemd-network-generator.service",
          # Not set up as its package would; nothing here talks to it.
          "dbus.service", "dbus.socket")

# Each probe of a driver leaves a line in the kernel log, from the initramfs on.
PARAMETERS = (f'{qemu.APPEND["s390x"]} root=LABEL=root rw log_buf_len=4M '
              'dyndbg="func really_probe +p" systemd.show_status=error')
ZIPL = """\
[defaultboot]
default=debian

[debian]
target=/boot
image=/boot/vmlinuz-{release}
ramdisk=/boot/initrd.img-{release}
parameters='{parameters}'
"""
FILES = {**{n: t for n, t in machineroot.FILES.items() if "dracut" not in n},
         # By name, since "most" would be three minutes of looking for modules that are not there.
         "etc/initramfs-tools/conf.d/rig": "MODULES=list\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\nRESUME=none\n",
         "etc/initramfs-tools/modules": "ext4\nvirtio_blk\nnvme\ne1000e\nvirtio_net\n"}

# In the guest, with the disk as its root: what postinst scripts do.
CONFIGURE = r"""
set -e
release=$1
ldconfig
ln -sf mawk /usr/bin/awk
ln -sf which.debianutils /usr/bin/which
systemd-sysusers
systemctl -q enable rig-agent.service
update-initramfs -c -k "$release"
test -s "/boot/initrd.img-$release" -a -s /boot/bootmap
"""
INSTALL = r"""
set -e
tar --no-same-owner --keep-directory-symlink -C / -xpf /installed.tar
""" + machineroot.INSTALL


def _tree(top):
    """What the packages and the kernel bring, and what is the rig's own."""
    tree = top / "tree"
    for link, target in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib")):
        (tree / target).mkdir(parents=True)
        (tree / link).symlink_to(target)
    apt = PrivateApt(kernels.DEB_ARCH["s390x"])
    cache.say("fetching the system that s390x machines boot")
    unpack(apt.closure(PACKAGES, top / "debs"), tree)
    for waste in WASTE:
        path = tree / waste
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for d in ("proc", "sys", "dev", "run", "tmp", "root", "mnt", "boot", "var/log/journal",
              "usr/local/sbin", "var/tmp"):
        (tree / d).mkdir(parents=True, exist_ok=True)
    os.chmod(tree / "tmp", 0o1777)
    for name in ("passwd", "group"):
        shutil.copyfile(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
    kernel = kernels.fetch(KERNEL)
    release = (kernel / "release").read_text().strip()
    shutil.copytree(kernel / "lib/modules", tree / "usr/lib/modules", dirs_exist_ok=True)
    shutil.copyfile(kernel / "image", tree / f"boot/vmlinuz-{release}")
    shutil.copyfile(kernel / "config", tree / f"boot/config-{release}")
    machineroot._write(tree, {**FILES, "etc/zipl.conf": ZIPL.format(release=release,
                                                                   parameters=PARAMETERS)})
    shutil.copyfile(initramfs.hwdb("s390x"), tree / "usr/lib/udev/hwdb.bin")
    for unit in MASKED:
        (tree / "etc/systemd/system" / unit).symlink_to("/dev/null")
    shutil.copyfile(initramfs.agent("s390x"), tree / machineroot.AGENT[1:])
    (tree / machineroot.AGENT[1:]).chmod(0o755)
    return tree


def in_guest(image, script, *arguments, files=None, timeout=900):
    """Run a script in a guest as if the disk were its root. files: {path in the guest: path here}"""
    devices = ["-blockdev", f"driver=file,filename={image},node-name=file,cache.no-flush=on",
               "-blockdev", "driver=raw,file=file,node-name=root",
               "-device", "virtio-blk-ccw,drive=root"]
    files = files or {}
    with qemu.Guest(KERNEL, "s390x-small", devices=devices, files=files, memory="1G") as guest:
        guest.sh("set -e; mount -t ext4 /dev/vda /mnt; for d in proc sys dev; do "
                 "mount --bind /$d /mnt/$d; done; mount -t tmpfs tmpfs /mnt/run")
        for path in files:
            guest.sh(f"cp {path} /mnt{path}")
        guest.run(["chroot", "/mnt", "/usr/bin/env", "-i", "HOME=/root", "LC_ALL=C.UTF-8",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c", script, "sh", *arguments],
                  timeout=timeout).check()
        for path in files:
            guest.sh(f"rm -f /mnt{path}")
        guest.sh("for d in proc sys dev run .; do umount /mnt/$d || exit 1; done", timeout=120)
        guest.shutdown()


def system():
    """Directory with the disk, without vfioadm, and the kernel's release."""
    kernel = kernels.fetch(KERNEL)
    release, version = kernels.info(KERNEL)

    def make(dest):
        machineroot._check_needs()
        with machineroot.scratch("zroot") as top:
            tree = _tree(Path(top))
            disk = Path(top) / "disk"
            # With blocks of 1 KiB the loader's sector is not in one with the superblock, where it
            # would be in the journal and after a power failure be again what it was.
            machineroot._run(["mke2fs", "-q", "-t", "ext4", "-b", "1024", "-L", "root",
                              "-N", "32768", "-J", "size=16",
                              "-E", "lazy_itable_init=0,lazy_journal_init=0", "-d", tree, disk,
                              DISK_SIZE], 300, "mke2fs",
                             env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
            cache.say("making the s390x machine's initramfs, in a guest")
            in_guest(disk, CONFIGURE, release)
            machineroot.copy_sparse(disk, dest / "disk")
        (dest / "release").write_text(release + "\n")
        (dest / "version").write_text(version + "\n")
    key = kernels.hash_of((PACKAGES, WASTE, MASKED, FILES, ZIPL, PARAMETERS, CONFIGURE, DISK_SIZE,
                           cache.key_of(kernel), initramfs.hash_sources(), 2))
    return cache.artefact("machine-s390x-system", make, key)


def disk(target, installed=None):
    """Make a disk at target. installed: a directory with what `meson install` put there."""
    below = system()
    release, version = ((below / n).read_text().strip() for n in ("release", "version"))
    result = machineroot.System(None, release, version, TOOL)
    if not installed:
        machineroot.copy_sparse(below / "disk", target)
        return result

    def make(dest):
        cache.say("machine: making the s390x disk")
        with machineroot.scratch("zroot") as top:
            image, tar = Path(top) / "disk", Path(top) / "installed.tar"
            machineroot.copy_sparse(below / "disk", image)
            machineroot._run(["tar", "-C", installed, "-cf", tar, "."], 60, "packing the build")
            units, programs = machineroot._installable(Path(installed))
            in_guest(image, INSTALL, files={
                "/installed.tar": tar,
                "/installed-units": ("\n".join(units) + "\n").encode(),
                "/installed-programs": ("\n".join(programs) + "\n").encode()})
            machineroot.copy_sparse(image, dest / "disk")
    key = kernels.hash_of((cache.key_of(below), INSTALL, cache.content_sum(installed), 1))
    cache.use("machine-s390x-disk", make, key,
              lambda path: machineroot.copy_sparse(path / "disk", target))
    return result
