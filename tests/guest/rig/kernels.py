# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernels that tests run on, and how each is got. To add one, add it to KERNELS."""

import hashlib
import lzma
import os
import re
import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from . import cache, elf
from .apt import PrivateApt, unpack
from .errors import RigError, Unavailable


@dataclass(frozen=True)
class Kernel:
    name: str
    arch: str
    # A Debian package whose name matches this, newest first; or …
    package: str = ""
    # … an archive in the directory that VFIOADM_KERNELS names.
    archive: str = ""
    # What this kernel needs on its command line beside what its architecture does.
    append: str = ""
    # What tests may ask for: "iommufd", "cdev", "noiommu".
    features: frozenset = field(default_factory=frozenset)


KERNELS = {k.name: k for k in (
    Kernel("debian-6.1", "x86_64", package=r"linux-image-6\.1\.0-\d+-amd64"),
    Kernel("debian-6.12", "x86_64", package=r"linux-image-6\.12\.\d+[\w.+~-]*-amd64"),
    Kernel("6.12-iommufd", "x86_64", archive=r"linux-6\.12\.[\d.]+-iommufd-amd64\.tar\.xz",
           features=frozenset({"iommufd", "cdev", "noiommu"})),
    Kernel("s390x-6.12", "s390x", package=r"linux-image-6\.12\.\d+[\w.+~-]*-s390x"),
)}

DEFAULT = {"x86_64": "debian-6.12", "s390x": "s390x-6.12"}
DEB_ARCH = {"x86_64": "amd64", "s390x": "s390x"}

# Modules taken along with all they depend on; a name that a kernel does not have is either built
# in or left out. Patterns match whole names with '-' written as '_'.
MODULES = r"""
vfio vfio_.* iommufd .*_vfio_pci virtio_vfio_pci vfio_iommu_.* virtio_iommu irqbypass
nvme nvme_core e1000 e1000e igb igbvf 8139cp
virtio virtio_pci virtio_net virtio_rng virtio_blk virtio_scsi virtio_console virtio_balloon
pci_stub uio uio_pci_generic xen_pciback
xhci_hcd xhci_pci usb_storage uas usbhid hid hid_generic usbcore sd_mod scsi_mod
ext4 xfs btrfs f2fs jfs erofs vfat fat nls_ascii nls_cp437 isofs overlay squashfs
dm_mod dm_crypt dm_snapshot dm_multipath md_mod raid1 raid0 loop nbd
9p 9pnet_virtio bridge bonding 8021q macvlan veth dummy tun af_packet ipv6
bochs bochs_drm simpledrm snd_hda_intel sr_mod cdrom ahci libahci ata_piix i2c_i801 lpc_ich
crc32c_generic crc32c_intel libcrc32c crct10dif_generic xts ecb cbc essiv aes_generic sha256_generic
configfs nvmet nvmet_tcp nvme_tcp nvme_fabrics target_core_mod target_core_iblock zram
macvtap team openvswitch net_failover rdma_rxe ib_uverbs
snd_ens1370 evdev crc32_generic
iscsi_tcp iscsi_target_mod target_core_file nfs nfsv4 nfsd
""".split()

_MODULES_RE = re.compile("|".join(f"(?:{p})" for p in MODULES))


def available(name):
    """None, or the reason why this kernel cannot be used here."""
    kernel = KERNELS[name]
    if kernel.archive:
        try:
            _find_archive(kernel)
        except Unavailable as e:
            return str(e)
    return None


def _find_archive(kernel):
    where = os.environ.get("VFIOADM_KERNELS")
    if not where:
        built = cache.root() / "built-kernels"
        if not built.is_dir():
            raise Unavailable(f"kernel {kernel.name}: VFIOADM_KERNELS is not set and "
                              "scripts/build-iommufd-kernel was not run")
        where = str(built)
    found = sorted(p for p in Path(where).glob("*") if re.fullmatch(kernel.archive, p.name))
    if not found:
        raise Unavailable(f"kernel {kernel.name}: {where} has no file matching {kernel.archive}")
    return found[-1]


def _check_archive(path):
    """The archive's checksum as its directory's SHA256SUMS states it."""
    try:
        sums = (path.parent / "SHA256SUMS").read_text()
    except OSError as e:
        raise RigError(f"no checksum for {path}: {e}") from e
    m = re.search(rf"^([0-9a-f]{{64}})\s+\*?{re.escape(path.name)}$", sums, re.M)
    if not m:
        raise RigError(f"{path.parent}/SHA256SUMS has no line for {path.name}")
    actual = cache.file_sum(path)
    if actual != m[1]:
        raise RigError(f"{path} does not have the checksum of SHA256SUMS: {actual}")
    return actual


def fetch(name):
    """Directory of the kernel: image, release, version, lib/modules/RELEASE (a subset)."""
    kernel = KERNELS[name]
    key = hash_of((MODULES, 2))
    if kernel.archive:
        archive = _find_archive(kernel)
        key += " " + _check_archive(archive)
        return cache.artefact(f"kernel-{name}", lambda d: _from_archive(archive, d), key)
    return cache.artefact(f"kernel-{name}", lambda d: _from_package(kernel, d), key)


def hash_of(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def _from_archive(archive, dest):
    full = dest / "full"
    full.mkdir()
    subprocess.run(["tar", "-xJf", str(archive), "-C", str(full)], check=True)
    _take(full, dest, archive.name)


def _from_package(kernel, dest):
    apt = PrivateApt(DEB_ARCH[kernel.arch])
    package, version = apt.newest(kernel.package)
    cache.say(f"{kernel.name}: fetching {package} {version}")
    full = dest / "full"
    full.mkdir()
    unpack(apt.download([f"{package}={version}"], dest / "deb"), full)
    shutil.rmtree(dest / "deb")
    _take(full, dest, f"{package} {version}")


def _take(full, dest, version):
    """Keep of an unpacked kernel what a guest needs."""
    image = next(iter(sorted(full.glob("boot/vmlinu[xz]-*"))), None)
    moddir = next((d for base in ("lib/modules", "usr/lib/modules")
                   for d in sorted(full.glob(base + "/*"))), None)
    if not image or not moddir:
        raise RigError(f"{version}: no kernel image or no modules in it")
    release = moddir.name
    for config in full.glob("boot/config-*"):
        shutil.copyfile(config, dest / "config")
    (dest / "image").write_bytes(bootable(image, dest / "config"))
    (dest / "release").write_text(release + "\n")
    (dest / "version").write_text(version + "\n")
    _take_modules(moddir, dest / "lib/modules" / release)
    subprocess.run(["/sbin/depmod", "-b", str(dest), release], check=True)
    shutil.rmtree(full)


def bootable(image, config):
    """What QEMU loads: decompressed if the kernel has the entry point for it (PVH).

    Decompressing under emulation takes 1 s (zstd) to 5 s (xz) of each boot.
    """
    data = image.read_bytes()
    pvh = config.exists() and "\nCONFIG_PVH=y\n" in config.read_text()
    if not pvh or data[0x202:0x206] != b"HdrS":
        return data
    # The boot protocol's header tells where the compressed kernel is in the file.
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = ((data[0x1f1] or 4) + 1) * 512 + offset
    payload = data[start:start + length]
    if payload.startswith(b"\xfd7zXZ\0"):
        elf_image = lzma.LZMADecompressor().decompress(payload)
    elif payload.startswith(b"\x28\xb5\x2f\xfd"):
        # The size appended to the stream is reported as trailing garbage.
        elf_image = subprocess.run(["zstd", "-dcq"], input=payload, capture_output=True).stdout
    elif payload.startswith(b"\x1f\x8b"):
        elf_image = zlib.decompressobj(31).decompress(payload)
    else:
        return data
    return elf_image if elf_image.startswith(b"\x7fELF") else data


def _module_name(path):
    return re.sub(r"\.ko(\.\w+)?$", "", path.name).replace("-", "_")


def _take_modules(src, dest):
    have = {_module_name(p): p for p in src.rglob("*.ko*")}
    todo = [n for n in have if _MODULES_RE.fullmatch(n)]
    done = set()
    dest.mkdir(parents=True)
    while todo:
        name = todo.pop()
        if name in done or name not in have:
            continue
        done.add(name)
        data = elf.read_module(have[name])
        target = dest / have[name].relative_to(src).with_name(
            re.sub(r"\.ko\.\w+$", ".ko", have[name].name))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        todo += [w.replace("-", "_") for w in elf.module_wants(data)]
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if (src / name).exists():
            shutil.copyfile(src / name, dest / name)


def info(name):
    """Release and version of a kernel that is in the cache."""
    d = fetch(name)
    return (d / "release").read_text().strip(), (d / "version").read_text().strip()
