# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole Debian system as the guest's root: systemd, udev and the tools vfioadm has as peers.

It is unpacked into memory as an initramfs, so that no disk adds to the guest's PCI functions.
"""

import os
import shutil
import subprocess
import tarfile
import tempfile

from . import cache, initramfs, kernels
from .apt import CODENAME, PrivateApt
from .cpio import Archive
from .errors import RigError, Unavailable

# The libraries at the end are what vfioadm is linked with.
PACKAGES = ("systemd", "systemd-sysv", "udev", "dbus", "kmod", "pciutils", "iproute2", "driverctl",
            "libvirt-daemon", "libvirt-daemon-system", "libvirt-clients", "dpdk", "python3",
            "procps", "time",
            "libjson-c5", "libsmartcols1", "libkmod2", "libsystemd0", "libmount1", "libmnl0",
            "libinih1")
MEMORY = "4G"
BOOT_TIMEOUT = 240
AGENT = "/usr/local/sbin/rig-agent"
WASTE = ("usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/info/", "var/cache/",
         "var/lib/apt/", "usr/share/perl/", "usr/share/bash-completion/", "usr/share/fonts/")

UNIT = f"""\
[Unit]
Description=Test agent
After=multi-user.target libvirtd.service

[Service]
ExecStart={AGENT} --service
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8
ExecStartPre=/usr/bin/udevadm settle -t 60
ExecStartPre=/usr/bin/touch /run/vfioadm-test-guest
KillMode=process

[Install]
WantedBy=multi-user.target
"""

# Nothing that wakes up by itself may run while something is measured.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer",
          "e2scrub_all.timer", "systemd-timesyncd.service", "serial-getty@ttyS0.service",
          "getty@tty1.service", "libvirt-guests.service", "systemd-firstboot.service")


def _bootstrap(tar):
    if not shutil.which("mmdebstrap"):
        raise Unavailable("mmdebstrap is not installed; run scripts/setup bench")
    apt = PrivateApt("amd64")
    apt.update()
    line = apt.one_line(CODENAME)
    cache.say(f"making a Debian system with {len(PACKAGES)} packages and what they need")
    mode = "root" if os.geteuid() == 0 else "unshare"
    cmd = ["mmdebstrap", f"--mode={mode}", "--variant=apt", "--include=" + ",".join(PACKAGES),
           "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
           "--aptopt=APT::Sandbox::User \"root\"", CODENAME, str(tar), line]
    try:
        p = subprocess.run(cmd, capture_output=True, text=True, timeout=900,
                           stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise RigError("mmdebstrap did not finish in 900 s") from None
    if p.returncode:
        raise RigError(f"mmdebstrap failed:\n{p.stderr[-3000:]}")


def _convert(tar, archive):
    """A tar's members as an initramfs's; hard links become copies of the file."""
    with tarfile.open(tar) as t:
        for m in t:
            path = m.name.removeprefix("./").strip("/")
            # Devices come from devtmpfs.
            if not path or m.isdev() or any((path + "/").startswith(w) for w in WASTE):
                continue
            owner = (m.uid, m.gid)
            if m.isdir():
                archive.directory(path, m.mode, owner)
            elif m.issym():
                archive.symlink(path, m.linkname)
            elif m.isfile() or m.islnk():
                archive.file(path, t.extractfile(m).read(), m.mode, owner)


def image():
    """Directory with root.cpio and the list of its files."""
    def make(dest):
        with tempfile.TemporaryDirectory(dir=dest.parent) as scratch:
            tar = os.path.join(scratch, "root.tar")
            _bootstrap(tar)
            archive = Archive()
            _convert(tar, archive)
        for d in ("proc", "sys", "dev", "run", "tmp"):
            archive.directory(d, 0o1777 if d == "tmp" else 0o755)
        archive.symlink("init", "usr/lib/systemd/systemd")
        archive.device("dev/console", 0o600, 5, 1)
        archive.file("etc/hostname", b"guest\n")
        archive.file("etc/machine-id", b"0123456789abcdef0123456789abcdef\n")
        archive.file("etc/fstab", b"")
        for unit in MASKED:
            archive.symlink(f"etc/systemd/system/{unit}", "/dev/null")
        with open(dest / "root.cpio", "wb") as f:
            archive.write(f)
        (dest / "files").write_text("\n".join(sorted(archive.paths())) + "\n")
    return cache.artefact("debian-root", make, kernels.hash_of((PACKAGES, WASTE, MASKED, 1)))


def payload(kernel, programs, lib_dirs, files, lib_root):
    """What is appended to the image for one boot: kernel modules, agent, the programs under test."""
    present = set((image() / "files").read_text().splitlines())
    archive = Archive(implicit=present)
    initramfs.add_programs(archive, kernel.arch, dict(programs), lib_dirs, lib_root,
                           present=present)
    archive.copy_tree(kernels.fetch(kernel.name) / "lib/modules", "/usr/lib/modules")
    archive.copy(initramfs.agent(kernel.arch), AGENT, 0o755)
    archive.file("/etc/systemd/system/rig-agent.service", UNIT.encode())
    archive.symlink("/etc/systemd/system/multi-user.target.wants/rig-agent.service",
                    "../rig-agent.service")
    initramfs.add_files(archive, files)
    return archive
