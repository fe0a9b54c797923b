# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that a machine boots from: Debian with a kernel and one of two initramfs tools.

Three layers, each an artefact of its own, so that a new build of vfioadm costs the last one only:

    machine-base             what all machines have, by mmdebstrap
    machine-KERNEL-TOOL      with the kernel's package and the initramfs tool's
    machine-disk-…           with vfioadm as a package would install it, an initramfs made by the
                             tool, as a file system image

Packages are configured in a chroot that sees an empty /sys, a /proc of its own that cannot be
written, and a /dev of its own.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import cache, initramfs, kernels, releases
from .apt import CODENAME, SUITES, PrivateApt
from .errors import RigError, Unavailable

KERNELS = ("debian-6.1", "debian-6.12")

# The dependencies of kernel packages and of both tools are here, so that dpkg can install those.
PACKAGES = ("systemd", "systemd-sysv", "udev", "dbus", "kmod", "pciutils", "iproute2", "procps",
            "e2fsprogs", "util-linux", "zstd", "cpio", "linux-base", "klibc-utils", "busybox",
            "logsave", "kpartx", "less",
            "libjson-c5", "libsmartcols1", "libkmod2", "libsystemd0", "libmount1", "libmnl0",
            "libinih1")
TOOLS = {
    "initramfs-tools": ("initramfs-tools-core", "initramfs-tools"),
    "dracut": ("dracut-core", "dracut"),
}
# Not installed, but there for tests to install: {name in the guest's /usr/share/rig: package}
EXTRA = {"driverctl.deb": "driverctl"}

# Its sum is taken when it is first used; what is not there is not read.
DISK_SIZE = "768M"
# For each further kernel, its initramfs twice.
MORE_SIZE = "384M"
# What unpacking and packing needs at most, with room to spare.
SCRATCH_ROOM = 4 << 30

# "most" of a Debian kernel's modules are for hardware that no machine here has, and copying
# them under emulation would be most of the time of each update-initramfs.
MODULES = """
drivers/acpi/* drivers/ata/*ahci* drivers/ata/libata* drivers/block/* drivers/cdrom/*
drivers/char/* drivers/dca/* drivers/firmware/* drivers/i2c/* drivers/input/* drivers/iommu/*
drivers/md/* drivers/net/ethernet/intel/e1000/* drivers/net/ethernet/intel/e1000e/*
drivers/net/ethernet/intel/igb/* drivers/net/ethernet/intel/igbvf/* drivers/net/net_failover*
drivers/net/virtio_net* drivers/nvme/* drivers/pci/* drivers/pps/* drivers/ptp/*
drivers/scsi/scsi* drivers/scsi/s?_mod* drivers/scsi/virtio_scsi* drivers/uio/*
drivers/usb/core/* drivers/usb/common/* drivers/usb/host/xhci* drivers/usb/storage/*
drivers/vfio/* drivers/virtio/* fs/autofs/* fs/efivarfs/* fs/ext4/* fs/fat/* fs/jbd2/* fs/mbcache*
fs/nls/* net/core/*
""".split()
# Of those udev loads some for the emulated processor.
PRUNED = ("drivers", "fs", "net", "sound", "arch/x86/kvm", "arch/x86/crypto", "arch/x86/events")
DPKG_OPTIONS = ["force-unsafe-io"]
DPKG_OPTIONS += [f"path-exclude=/usr/share/{d}/*" for d in ("man", "doc", "locale", "info")]
DPKG_OPTIONS += [f"path-exclude=/lib/modules/*/kernel/{d}/*" for d in PRUNED]
DPKG_OPTIONS += [f"path-include=/lib/modules/*/kernel/{m}" for m in MODULES]

AGENT = "/usr/local/sbin/rig-agent"
UNIT = f"""\
[Unit]
Description=Test agent
After=multi-user.target

[Service]
ExecStart={AGENT} --service
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8
ExecStartPre=/usr/bin/udevadm settle -t 60
ExecStartPre=/usr/bin/touch /run/vfioadm-test-guest
KillMode=process

[Install]
WantedBy=multi-user.target
"""
# Nothing that wakes up by itself may run while something is measured; and each unit costs a
# quarter of a second under emulation, so those go that nothing here is about.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer",
          "e2scrub_all.timer", "e2scrub_reap.service", "systemd-tmpfiles-clean.timer",
          "serial-getty@ttyS0.service", "getty@tty1.service", "systemd-firstboot.service",
          "systemd-logind.service", "systemd-user-sessions.service", "systemd-pstore.service",
          "systemd-random-seed.service", "systemd-update-utmp.service",
          "systemd-update-utmp-runlevel.service", "systemd-sysusers.service",
          "modprobe@configfs.service", "modprobe@drm.service", "modprobe@efi_pstore.service",
          "modprobe@fuse.service", "dev-hugepages.mount", "dev-mqueue.mount",
          "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-tracing.mount",
          "proc-sys-fs-binfmt_misc.automount")

FILES = {
    "etc/hostname": "guest\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/fstab": "LABEL=root / ext4 defaults 0 0\n",
    # A quick compressor: most of the time would go into it.
    "etc/initramfs-tools/conf.d/rig": "MODULES=most\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\nRESUME=none\n",
    "etc/dracut.conf.d/rig.conf": 'hostonly="no"\nearly_microcode="no"\ncompress="zstd -1 -q -T0"\n'
                                  'do_strip="no"\n',
    # Those who VFIO's nodes are given to.
    "etc/sysusers.d/rig.conf": "u qemu - \"Virtual machines\"\nm qemu kvm\nu other -\n",
    "etc/systemd/system/rig-agent.service": UNIT,
}

# $1 the tree; the rest is run in it. /dev, /proc and the mounts go with the namespace.
INSIDE = r"""
set -e
tree=$1; shift
mount -t proc -o ro proc "$tree/proc"
mount -t tmpfs -o mode=755 tmpfs "$tree/dev"
for n in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
	(umask 0; IFS=:; set -- $n; mknod -m 666 "$tree/dev/$1" c "$2" "$3")
done
ln -s /proc/self/fd "$tree/dev/fd"
mkdir -p "$tree/dev/shm"
exec chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
	DEBIAN_FRONTEND=noninteractive INITRD=No "$@"
"""


def scratch_parent(room=SCRATCH_ROOM):
    """Where large files live for a while: in memory if there is plenty, for disks may be slow."""
    shm = Path("/dev/shm")
    try:
        free = os.statvfs(shm)
        memory = int(re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())[1])
        if min(free.f_bavail * free.f_frsize, memory << 10) > 2 * room and os.access(shm, os.W_OK):
            return str(shm)
    except OSError:
        pass
    return tempfile.gettempdir()


def scratch(what, room=SCRATCH_ROOM):
    """A directory there, which the next one who needs one removes if this process cannot."""
    parent = Path(scratch_parent(room))
    for old in parent.glob("vfioadm-rig-*"):
        pid = old.name.split("-")[2]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(old, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"vfioadm-rig-{os.getpid()}-{what}-", dir=parent,
                                       ignore_cleanup_errors=True)


def _run(cmd, timeout, what, **kwargs):
    try:
        p = subprocess.run(list(map(str, cmd)), capture_output=True, text=True, errors="replace",
                           timeout=timeout, stdin=subprocess.DEVNULL, **kwargs)
    except subprocess.TimeoutExpired:
        raise RigError(f"{what} did not finish in {timeout} s") from None
    if p.returncode:
        raise RigError(f"{what} failed ({p.returncode}):\n{p.stdout[-1500:]}\n{p.stderr[-2500:]}")
    return p.stdout


def inside(tree, *command, timeout=600):
    """Run a command in a tree as if it were the system."""
    cmd = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child",
           "sh", "-c", INSIDE, "sh", tree, *command]
    # A session of its own: a signal to "the process group" in there is none to this one.
    return _run(cmd, timeout, " ".join(map(str, command))[:80], start_new_session=True)


def _pack(tree, archive):
    _run(["tar", "--numeric-owner", "-C", tree, "-I", "zstd -q -1", "-cf", archive, "."], 300,
         "packing a tree")


def _unpack(archive, tree):
    tree.mkdir()
    _run(["tar", "--numeric-owner", "-xp", "-I", "zstd", "-C", tree, "-f", archive], 300,
         "unpacking a tree")


def needs():
    """None, or what is missing to make a disk."""
    for program, package in (("mmdebstrap", "mmdebstrap"), ("mke2fs", "e2fsprogs"),
                             ("debugfs", "e2fsprogs"), ("zstd", "zstd")):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"{program} ({package}) is not installed; run scripts/setup machine"
    return None if os.geteuid() == 0 else "making a machine's disk needs root"


def _check_needs():
    reason = needs()
    if reason:
        raise Unavailable(reason)


def base():
    """Directory with root.tar.zst of what all machines have."""
    def make(dest):
        _check_needs()
        apt = PrivateApt("amd64")
        apt.update()
        cache.say("making the system that machines boot")
        with scratch("root") as top:
            tar = Path(top) / "root.tar"
            cmd = ["mmdebstrap", "--mode=root", "--variant=essential", "--skip=chroot/mount,check/signed-by",
                   "--include=" + ",".join(PACKAGES), '--aptopt=APT::Sandbox::User "root"']
            cmd += [f"--dpkgopt={o}" for o in DPKG_OPTIONS]
            cmd += [CODENAME, tar, *(apt.one_line(s) for s in SUITES)]
            _run(cmd, 900, "mmdebstrap", env=dict(os.environ, TMPDIR=top))
            tree = Path(top) / "tree"
            tree.mkdir()
            _run(["tar", "--numeric-owner", "-xp", "-C", tree, "-f", tar], 300, "unpacking")
            for waste in ("var/cache", "var/lib/apt/lists", "dev"):
                shutil.rmtree(tree / waste, ignore_errors=True)
                (tree / waste).mkdir(parents=True)
            _pack(tree, dest / "root.tar.zst")
    return cache.artefact("machine-base", make, kernels.hash_of((PACKAGES, DPKG_OPTIONS, 1)))


def _write(tree, files):
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def system(kernel, tool):
    """Directory with root.tar.zst, the kernel's image and its release; no initramfs yet.

    kernel: also the name of a release that has a kernel of its own.
    """
    if releases.is_release(kernel):
        return releases.system(kernel, tool)
    if kernel not in KERNELS or tool not in TOOLS:
        raise RigError(f"no machine with {kernel} and {tool}")

    def make(dest):
        _check_needs()
        below = base()
        apt = PrivateApt("amd64")
        package, version = apt.newest(kernels.KERNELS[kernel].package)
        cache.say(f"machine: installing {package} {version} and {tool}")
        with scratch("root") as top:
            tree, debs = Path(top) / "tree", Path(top) / "debs"
            _unpack(below / "root.tar.zst", tree)
            apt.download([f"{package}={version}", *TOOLS[tool], *EXTRA.values()], debs)
            _write(tree, {n: t for n, t in FILES.items() if "system/" not in n})
            for name, extra in EXTRA.items():
                (tree / "usr/share/rig").mkdir(exist_ok=True)
                found, = debs.glob(extra + "_*.deb")
                shutil.move(found, tree / "usr/share/rig" / name)
            shutil.move(debs, tree / "debs")
            inside(tree, "sh", "-c", "dpkg -i /debs/*.deb && systemd-sysusers")
            shutil.rmtree(tree / "debs")
            _take_kernel(tree, dest, f"{package} {version}")
            _pack(tree, dest / "root.tar.zst")
    key = kernels.hash_of((PACKAGES, DPKG_OPTIONS, TOOLS[tool], FILES, EXTRA, kernel, 1))
    return cache.artefact(f"machine-{kernel}-{tool}", make, key)


def _take_kernel(tree, dest, version):
    image, = tree.glob("boot/vmlinuz-*")
    release = image.name.removeprefix("vmlinuz-")
    config = tree / f"boot/config-{release}"
    (dest / "image").write_bytes(kernels.bootable(image, config))
    shutil.copyfile(config, dest / "config")
    (dest / "release").write_text(release + "\n")
    (dest / "version").write_text(version + "\n")


# What a package's maintainer scripts do, in the order of Debian's: link what is new, switch the
# units on, and make the initramfs anew because its hooks changed. A library that is missing
# would only be seen at boot.
INSTALL = r"""
set -e
ldconfig
systemctl -q enable rig-agent.service
for unit in $(cat /installed-units); do
	systemctl preset "$unit"
done
for program in $(cat /installed-programs); do
	if ldd "$program" 2>&1 | grep "not found"; then
		echo "$program lacks a library" >&2
		exit 1
	fi
done
rm /installed-units /installed-programs
"""
MAKE_INITRAMFS = r"""
set -e
release=$1
case $2 in
initramfs-tools) update-initramfs -c -k "$release" ;;
dracut) dracut --quiet --force "/boot/initrd.img-$release" "$release" ;;
esac
test -s "/boot/initrd.img-$release"
"""
# In the place of the tools, where making an initramfs under emulation (one to two minutes) is not
# what is tested: the wish is noted, and fulfilled by the same tool here before the next boot.
WISHES = "/var/lib/rig/initramfs-wishes"
STAND_IN = f"""\
#!/bin/sh
test -e /run/vfioadm-test-guest || exec "$0.real" "$@"
mkdir -p {os.path.dirname(WISHES)}
echo "${{0##*/}} $*" >>{WISHES}
sync {WISHES} {os.path.dirname(WISHES)}
# Asked for beside the one that is there, or in its place: who asks looks whether it was written.
for last; do :; done
case $last in
*.new) cp "${{last%.new}}" "$last" ;;
*)
	[ -e "/boot/initrd.img-$last" ] || last=$(uname -r)
	cp "/boot/initrd.img-$last" /boot/initrd.new && mv /boot/initrd.new "/boot/initrd.img-$last"
	;;
esac
"""
PROGRAM = {"initramfs-tools": "/usr/sbin/update-initramfs", "dracut": "/usr/bin/dracut"}
UNIT_DIRS = ("usr/lib/systemd/system", "lib/systemd/system", "etc/systemd/system")


def _installable(top):
    """Units with an [Install] section, and programs, below what was installed."""
    units, programs = [], []
    for path in sorted(p for p in top.rglob("*") if p.is_file() and not p.is_symlink()):
        where = str(path.parent.relative_to(top))
        if where in UNIT_DIRS and re.search(r"^\[Install\]", path.read_text(), re.M):
            units.append(path.name)
        elif path.open("rb").read(4) == b"\x7fELF":
            programs.append("/" + str(path.relative_to(top)))
    return units, programs


@dataclass(frozen=True)
class System:
    """What is on a disk."""

    kernel: Path
    release: str
    version: str
    tool: str


def booted_with(kernel, tool):
    """The System of a disk when it boots this kernel, whichever others it has."""
    below = system(kernel, tool)
    release, version = ((below / n).read_text().strip() for n in ("release", "version"))
    return System(below / "image", release, version, tool)


def _add_kernel(tree, archive, release):
    """All but its package's name in dpkg's list, from a tree that has it."""
    wanted = (f"./boot/*-{release}", f"./usr/lib/modules/{release}")
    _run(["tar", "--numeric-owner", "-xp", "-I", "zstd", "-C", tree, "-f", archive, "--wildcards", *wanted], 300,
         "adding a kernel")


def disk(kernel, tool, target, installed=None, variant="", others=()):
    """Make a disk at target. installed: a directory with what `meson install` put there.

    variant: kept in the cache beside the others, instead of in their place. others: further kernels on it,
    each with an initramfs of its own.
    """
    below = [system(k, tool) for k in (kernel, *others)]
    systems = [booted_with(k, tool) for k in (kernel, *others)]
    size = f"{int(DISK_SIZE[:-1]) + len(others) * int(MORE_SIZE[:-1])}M"

    def make(dest):
        _check_needs()
        cache.say(f"machine: making the disk with {', '.join((kernel, *others))} and {tool}")
        with scratch("root") as top:
            tree = Path(top) / "tree"
            _unpack(below[0] / "root.tar.zst", tree)
            for path, other in zip(below[1:], systems[1:], strict=True):
                _add_kernel(tree, path / "root.tar.zst", other.release)
            _write(tree, FILES)
            for unit in MASKED:
                (tree / "etc/systemd/system" / unit).symlink_to("/dev/null")
            shutil.copyfile(initramfs.agent("x86_64"), tree / AGENT[1:])
            (tree / AGENT[1:]).chmod(0o755)
            (tree / "var/log/journal").mkdir(parents=True, exist_ok=True)
            units, programs = [], []
            if installed:
                # /lib may be installed to: it is a link in the tree.
                _run(["sh", "-c", 'tar -C "$1" -cf - . | tar --no-same-owner '
                      '--keep-directory-symlink -C "$2" -xpf -', "sh", installed, tree], 60,
                     "copying the build")
                units, programs = _installable(Path(installed))
            (tree / "installed-units").write_text("\n".join(units) + "\n")
            (tree / "installed-programs").write_text("\n".join(programs) + "\n")
            inside(tree, "sh", "-c", INSTALL)
            for s in systems:
                inside(tree, "sh", "-c", MAKE_INITRAMFS, "sh", s.release, tool)
            image = Path(top) / "disk"
            _run(["mke2fs", "-q", "-t", "ext4", "-L", "root", "-N", "65536", "-J", "size=16",
                  "-E", "lazy_itable_init=0,lazy_journal_init=0", "-d", tree, image, size],
                 300, "mke2fs", env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
            copy_sparse(image, dest / "disk")
    below_key = " ".join(map(cache.key_of, below))
    content = cache.content_sum(installed) if installed else ""
    key = kernels.hash_of((below_key, INSTALL, MAKE_INITRAMFS, MASKED, FILES, size, initramfs.hash_sources(),
                           content, 1))
    name = "-".join(("machine-disk", kernel, *others, tool)) + (variant or ("" if installed else "-plain"))
    cache.use(name, make, key, lambda path: copy_sparse(path / "disk", target))
    return systems[0]


# $1: release. What a package would bring that is made of what the installed one has brought.
REPACK = r"""
set -e
package=linux-image-$1
mkdir -p /pack/DEBIAN
dpkg-query -L "$package" | while read -r f; do
	if [ -f "$f" ]; then echo "$f"; fi
done | tar -cf - --no-recursion -T - 2>/dev/null | tar -xf - -C /pack
dpkg-query -s "$package" | grep -v ^Status: >/pack/DEBIAN/control
for script in preinst postinst prerm postrm; do
	cp "/var/lib/dpkg/info/$package.$script" "/pack/DEBIAN/$script"
done
dpkg-deb --root-owner-group -Znone -b /pack /pack.deb
"""


def package(kernel):
    """The kernel's Debian package with the modules that machines have of it, to be installed in a guest."""
    below = system(kernel, "initramfs-tools")

    def make(dest):
        _check_needs()
        with scratch("root") as top:
            tree = Path(top) / "tree"
            _unpack(below / "root.tar.zst", tree)
            inside(tree, "sh", "-c", REPACK, "sh", (below / "release").read_text().strip())
            shutil.move(tree / "pack.deb", dest / "kernel.deb")
    key = kernels.hash_of((cache.key_of(below), REPACK))
    return cache.artefact(f"machine-package-{kernel}", make, key) / "kernel.deb"


@contextlib.contextmanager
def tree_of(files):
    """All of a disk that is not in use, for inside(); what is changed there does not reach the disk."""
    with scratch("root") as top:
        tree = Path(top) / "tree"
        tree.mkdir()
        files.dump_all(tree)
        yield tree


def make_initramfs(files, releases, tool):
    """What the tool would do in the guest, for a disk that is not in use."""
    with tree_of(files) as tree:
        for release in releases:
            inside(tree, "sh", "-c", MAKE_INITRAMFS, "sh", release, tool)
            name = f"boot/initrd.img-{release}"
            files.write("/" + name, (tree / name).read_bytes())


def copy_sparse(source, target):
    _run(["cp", "--sparse=always", "--reflink=auto", source, target], 300, "copying a disk")
