# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest boots from: a cached base per kernel, and a payload that is appended per boot."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import cache, elf, kernels
from .apt import PrivateApt, unpack
from .cpio import Archive
from .errors import RigError

HERE = Path(__file__).resolve().parent
AGENT_SOURCES = ("agent.h", "init.c", "agent.c")

TRIPLET = {"x86_64": "x86_64-linux-gnu", "s390x": "s390x-linux-gnu"}
# Where the channel is slow; elsewhere it would only be one more library to cross-build with.
COMPRESS = ("x86_64",)
COMPILER = {"x86_64": "gcc", "s390x": "s390x-linux-gnu-gcc"}

# Packages whose programs go into every guest; unpacked in the cache, installed nowhere.
TOOL_PACKAGES = ("busybox-static", "kmod", "pciutils", "udev", "libc6", "iproute2",
                 "e2fsprogs", "mdadm", "dmsetup", "lvm2", "cryptsetup-bin", "btrfs-progs", "xfsprogs",
                 "f2fs-tools", "jfsutils", "erofs-utils", "open-iscsi")
# (path in the packages, path in the guest); a package without it is a mistake.
TOOLS = (
    ("bin/busybox", "/usr/bin/busybox"),
    ("bin/kmod", "/usr/bin/kmod"),
    ("usr/bin/lspci", "/usr/bin/lspci"),
    ("usr/bin/setpci", "/usr/bin/setpci"),
    ("sbin/ip", "/usr/sbin/ip"),
    ("sbin/mke2fs", "/usr/sbin/mke2fs"),
    ("sbin/mdadm", "/usr/sbin/mdadm"),
    ("sbin/dmsetup", "/usr/sbin/dmsetup"),
    ("sbin/lvm", "/usr/sbin/lvm"),
    ("sbin/cryptsetup", "/usr/sbin/cryptsetup"),
    ("sbin/mkfs.btrfs", "/usr/sbin/mkfs.btrfs"),
    ("sbin/mkfs.xfs", "/usr/sbin/mkfs.xfs"),
    ("sbin/mkfs.f2fs", "/usr/sbin/mkfs.f2fs"),
    ("sbin/mkfs.jfs", "/usr/sbin/mkfs.jfs"),
    ("bin/mkfs.erofs", "/usr/bin/mkfs.erofs"),
    ("bin/rdma", "/usr/bin/rdma"),
    ("sbin/iscsid", "/usr/sbin/iscsid"),
    ("bin/iscsiadm", "/usr/bin/iscsiadm"),
)
KMOD_LINKS = ("modprobe", "insmod", "rmmod", "lsmod", "modinfo", "depmod")
# busybox has these too, but the real ones come with the packages above.
NO_APPLET = frozenset(KMOD_LINKS) | {"lspci", "setpci", "ip", "init", "mke2fs", "mkfs.ext2"}

PROFILE = """\
case $TERM in
dumb) PS1='guest:\\w # ' ;;
*) PS1='\\[\\033[1m\\]guest:\\w #\\[\\033[0m\\] ' ;;
esac
export PS1
alias ll='ls -l'
[ -t 0 ] && cat /etc/motd
"""


def hash_sources():
    return kernels.hash_of([(HERE / n).read_text() for n in AGENT_SOURCES])


def agent(arch):
    """Path of the guest's static first program."""
    def make(dest):
        compiler = COMPILER[arch]
        if not shutil.which(compiler):
            raise RigError(f"{compiler} is not installed; run scripts/setup")
        cmd = [compiler, "-std=gnu17", "-O2", "-Wall", "-static", "-o", str(dest / "init")]
        cmd += [str(HERE / n) for n in AGENT_SOURCES if n.endswith(".c")]
        if arch in COMPRESS:
            cmd += ["-DWITH_ZLIB", "-lz"]
        p = subprocess.run(cmd, capture_output=True, text=True)
        if p.returncode:
            raise RigError(f"compiling the guest's agent failed:\n{p.stderr}")
        subprocess.run([compiler.replace("gcc", "strip") if arch != "x86_64" else "strip",
                        str(dest / "init")], check=True)
    return cache.artefact(f"agent-{arch}", make, hash_sources()) / "init"


def tools(arch):
    """A tree with the tools' packages and all they depend on."""
    def make(dest):
        apt = PrivateApt(kernels.DEB_ARCH[arch])
        for link, target in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"),
                             ("lib64", "usr/lib64")):
            (dest / target).mkdir(parents=True)
            (dest / link).symlink_to(target)
        with tempfile.TemporaryDirectory(dir=dest.parent) as debs:
            unpack(apt.closure(TOOL_PACKAGES, debs), dest)
        for waste in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/perl",
                      "usr/lib/" + TRIPLET[arch] + "/perl-base", "var"):
            shutil.rmtree(dest / waste, ignore_errors=True)
    return cache.artefact(f"tools-{arch}", make, kernels.hash_of((TOOL_PACKAGES, 2)))


def hwdb(arch):
    """hwdb.bin with the PCI names only: a tenth of the whole. Made with the host's program.

    The format is little-endian on every machine.
    """
    def make(dest):
        source = tools(arch) / "usr/lib/udev/hwdb.d"
        target = dest / "usr/lib/udev/hwdb.d"
        target.mkdir(parents=True)
        # Debian's program looks in /lib/udev.
        (dest / "lib").symlink_to("usr/lib")
        found = sorted(source.glob("20-pci-*.hwdb"))
        if not found:
            raise RigError("udev's package has no PCI hwdb sources")
        for p in found:
            shutil.copyfile(p, target / p.name)
        _systemd_hwdb("update", "--usr", f"--root={dest}")
        shutil.rmtree(target)
        if not (dest / "usr/lib/udev/hwdb.bin").is_file():
            raise RigError("systemd-hwdb made no hwdb.bin")
    return cache.artefact("hwdb", make, "2") / "usr/lib/udev/hwdb.bin"


def _systemd_hwdb(*args):
    """The build machine's own systemd-hwdb, or the one in the unpacked package."""
    program = shutil.which("systemd-hwdb")
    cmd = [program] if program else None
    if not cmd:
        top = tools("x86_64")
        libs = top / "usr/lib" / TRIPLET["x86_64"]
        cmd = [str(libs / "ld-linux-x86-64.so.2"), "--library-path", f"{libs}:{libs}/systemd",
               str(top / "usr/bin/systemd-hwdb")]
    subprocess.run([*cmd, *args], check=True, capture_output=True)


def _applets(arch):
    """busybox's own list; the foreign one is built from the same source with the same options."""
    out = subprocess.run([tools("x86_64") / "usr/bin/busybox", "--list-full"], check=True,
                         capture_output=True, text=True).stdout
    return [a for a in out.split() if os.path.basename(a) not in NO_APPLET]


def add_programs(archive, arch, programs, lib_dirs=(), root=None, present=()):
    """Put programs {path in the guest: path here} in, with the libraries they need.

    present: paths that the guest has anyway.
    """
    triplet = TRIPLET[arch]
    search = elf.Libraries(triplet, root or "/", lib_dirs)
    for target, source in programs.items():
        archive.copy(source, target, 0o755)
    binaries = [p for p in programs.values() if elf.is_elf(p)]
    libs, interps = search.closure(binaries)
    for name, path in libs.items():
        if f"usr/lib/{triplet}/{name}" not in present:
            archive.copy(path, f"/usr/lib/{triplet}/{name}", 0o755)
    for interp in interps if not present else ():
        # /lib and /lib64 are links in the guest; write through them to /usr.
        archive.copy(search.find(interp), "/usr" + interp, 0o755)


def base(name):
    """Path of the cached initramfs of a kernel."""
    kernel = kernels.KERNELS[name]
    kdir = kernels.fetch(name)
    key = kernels.hash_of([(kdir / "version").read_text(), hash_sources(), kernels.MODULES,
                           TOOL_PACKAGES, TOOLS, PROFILE,
                           (HERE / "initramfs.py").read_text(), (HERE / "cpio.py").read_text()])

    def make(dest):
        archive = Archive()
        for d in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "proc", "sys", "dev", "run",
                  "tmp", "root", "mnt", "etc", "usr/local/bin"):
            archive.directory(d)
        for link in ("bin", "sbin", "lib", "lib64"):
            archive.symlink(link, "usr/" + link)
        archive.device("dev/console", 0o600, 5, 1)
        archive.copy(agent(kernel.arch), "/init", 0o755)
        top = tools(kernel.arch)
        add_programs(archive, kernel.arch, {t: top / s for s, t in TOOLS}, root=top)
        for link in KMOD_LINKS:
            archive.symlink(f"/usr/sbin/{link}", "../bin/kmod")
        for applet in _applets(kernel.arch):
            path = applet if applet.startswith("usr/") else "usr/" + applet
            if not archive.has(path):
                archive.symlink(path, "/usr/bin/busybox")
        archive.symlink("/usr/sbin/mkfs.ext4", "mke2fs")
        archive.copy(top / "usr/share/misc/pci.ids", "/usr/share/misc/pci.ids")
        archive.copy(hwdb(kernel.arch), "/usr/lib/udev/hwdb.bin")
        archive.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"
                                    b"nobody:x:65534:65534:nobody:/:/bin/sh\n")
        archive.file("/etc/group", b"root:x:0:\nnogroup:x:65534:\n")
        archive.file("/etc/hostname", b"guest\n")
        archive.file("/etc/profile", PROFILE.encode())
        archive.copy_tree(kdir / "lib/modules", "/usr/lib/modules")
        with open(dest / "initramfs.cpio", "wb") as f:
            archive.write(f)
    return cache.artefact(f"initramfs-{name}", make, key) / "initramfs.cpio"


def payload(arch, programs=(), lib_dirs=(), files=(), root=None):
    """Archive of the programs under test ({guest path: path here}) and extra files.

    files: {guest path: bytes, or a path here}.
    """
    archive = Archive(replaces=True)
    add_programs(archive, arch, dict(programs), lib_dirs, root)
    add_files(archive, files)
    return archive


def add_files(archive, files):
    """{path in the guest: bytes, or a path here}"""
    for target, source in dict(files).items():
        if isinstance(source, bytes):
            archive.file(target, source, 0o755 if source[:2] == b"#!" else 0o644)
        else:
            archive.copy(source, target)


# QEMU puts the initramfs right below the top of low memory, where SeaBIOS keeps what it knows of disks, more than
# QEMU leaves room for when there are many: single bytes of the last files were others in the guest. The kernel passes
# over zeros behind an archive.
FIRMWARE_ROOM = 2 << 20


def assemble(path, base_path, archive):
    """Base and payload one after the other; the kernel unpacks both."""
    with open(path, "wb") as f:
        with open(base_path, "rb") as b:
            shutil.copyfileobj(b, f, 1 << 20)
        tail = tempfile.SpooledTemporaryFile(max_size=64 << 20)
        archive.write(tail)
        tail.seek(0)
        shutil.copyfileobj(tail, f, 1 << 20)
        f.write(bytes(FIRMWARE_ROOM))
