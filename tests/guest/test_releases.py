# SPDX-License-Identifier: LGPL-2.1-or-later
"""The initramfs tools of newer Debian releases (initramfs-tools 0.148, dracut 106 and 112): what vfioadm-initramfs
says of them, and what is in the images that they make; by themselves in a tree of the release, and booted."""

import re

import pytest

from reboots import DIRECTORY, VFIO, calm, declaration, drivers, rebuild_initramfs, said, up, vfio_alone
from rig import machineroot, payload, releases
from rig.errors import Unavailable
from rig.machine import Machine

pytestmark = pytest.mark.parametrize("release, tool", releases.EACH)
SCRIPT = "/usr/libexec/vfioadm/vfioadm-initramfs"
DISK = "[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=1b36\n"
# modprobe.d as the host reads it: what is masked or hidden does not count, wherever it is.
MODPROBE = {
    "usr/lib/modprobe.d/masked.conf": "blacklist vfio_pci\n", "etc/modprobe.d/masked.conf": None,
    "usr/lib/modprobe.d/empty.conf": "options vfio-pci disable_idle_d3=1\n", "etc/modprobe.d/empty.conf": "",
    "usr/lib/modprobe.d/hidden.conf": "options vfio-pci disable_vga=1\n", "run/modprobe.d/hidden.conf": "# not here\n",
    "run/modprobe.d/run.conf": "options vfio-pci ids=1234:5678\n",
    "usr/local/lib/modprobe.d/local.conf": "softdep nvme pre: vfio-pci\n",
    "etc/modprobe.d/etc.conf": "options vfio-pci enable_sriov=1\n",
    "usr/local/lib/modprobe.d/other.conf": "options snd x=1\n",
}
UNPACK = {"initramfs-tools": 'unmkinitramfs "$1" /unpacked',
          "dracut": 'mkdir /unpacked && cd /unpacked && lsinitrd --unpack "$1"'}
# A boot loader's copy, as the hook of systemd-boot has kernel-install make it.
HOOK = '#!/bin/sh\necho "$@" >>/hook-called\ncp "$2" "/boot/efi/$(cat /etc/machine-id)/$1/initrd"\n'


def script(tree, *words, fails=False):
    """(its last word, the line before it)"""
    out = machineroot.inside(tree, "sh", "-c", 'PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH; "$@" 2>&1; echo "rc $?"',
                             "sh", SCRIPT, *words).splitlines()
    assert out[-1] == f"rc {int(fails)}", out
    return out[-2].removeprefix("vfioadm-initramfs: "), out[-3] if len(out) > 2 else ""


def put(tree, files):
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).unlink(missing_ok=True)
        (tree / name).symlink_to("/dev/null") if text is None else (tree / name).write_text(text)


@pytest.fixture
def tree(release, tool):
    try:
        with releases.tree(release, tool, payload.installed("x86_64")) as (tree, version):
            yield tree, version
    except Unavailable as e:
        pytest.skip(str(e))


def test_the_tool_and_its_image(tree, release, tool):
    tree, version = tree
    image = tree / f"boot/initrd.img-{version}"
    # What a removed initramfs-tools leaves, and where the image says otherwise.
    assert (tree / "etc/initramfs-tools").is_dir()
    assert (tree / "usr/sbin/update-initramfs").exists() == ((release, tool) != ("trixie", "dracut"))
    machineroot.inside(tree, "sh", "-c", machineroot.MAKE_INITRAMFS, "sh", version, tool)
    assert script(tree, "has", "nvme")[0] == "yes" and script(tree, "has", "no_such_module")[0] == "no"

    put(tree, {f"{DIRECTORY[1:]}/disk.conf": DISK, **MODPROBE})
    before = image.stat()
    if tool == "dracut":
        # A copy follows it; of what is not booted nobody asks.
        (tree / "etc/initramfs/post-update.d").mkdir(parents=True, exist_ok=True)
        put(tree, {"etc/initramfs/post-update.d/copies": HOOK})
        (tree / "etc/initramfs/post-update.d/copies").chmod(0o755)
        machine_id = (tree / "etc/machine-id").read_text().strip()
        put(tree, {f"boot/efi/{machine_id}/{version}/initrd": "old\n",
                   "boot/efi/loader/entries/a.conf": f"initrd /{machine_id}/{version}/initrd\n"})
    assert script(tree, "rebuild")[0] == "done"
    assert (image.stat().st_ino, image.stat().st_mtime_ns) != (before.st_ino, before.st_mtime_ns)
    if tool == "dracut":
        assert (tree / "hook-called").read_text() == f"{version} /boot/initrd.img-{version}\n"
        assert (tree / f"boot/efi/{machine_id}/{version}/initrd").read_bytes() == image.read_bytes()
    _modprobe_is_the_same(tree, version, tool)
    names = {str(p.relative_to(tree / "unpacked")) for p in (tree / "unpacked").rglob("*")}
    assert any(n.endswith("etc/vfioadm.d/disk.conf") for n in names)
    if tool == "dracut":
        # Both the hook and what runs it.
        assert any(n.endswith("hooks/initqueue/settled/99-vfioadm-give-back.sh") for n in names)
        assert any(n.endswith("initrd.target.wants/dracut-initqueue.service") for n in names)


def _modprobe_is_the_same(tree, version, tool):
    """By kmod itself: what it says of these modules in the image is what it says on the host."""
    machineroot.inside(tree, "sh", "-c", UNPACK[tool], "sh", f"/boot/initrd.img-{version}")

    def config(top):
        lines = machineroot.inside(top, "modprobe", "--showconfig").splitlines()
        return sorted(line for line in lines if re.match("(options|softdep|blacklist) (vfio|nvme)", line))

    host = config(tree)
    assert len(host) == 3 and not any("blacklist" in line for line in host), host
    # With the same program and an empty list of modules: only the files count.
    image = tree / "unpacked"
    saved = {}
    for place in ("etc", "run", "usr/local/lib", "usr/lib"):
        directory = tree / place / "modprobe.d"
        saved[place] = directory.rename(directory.with_name("modprobe.d.host")) if directory.exists() else None
        if (image / place / "modprobe.d").is_dir():
            (image / place / "modprobe.d").rename(directory)
    assert config(tree) == host


def test_a_tool_that_writes_nothing(tree, release, tool):
    """With status 0, or because /boot is full: the image stays as it was, and the reason is told."""
    tree, version = tree
    image = tree / f"boot/initrd.img-{version}"
    put(tree, {f"boot/initrd.img-{version}": "old\n"})
    full = ("mount -t tmpfs -o size=1M tmpfs /boot && echo old >/boot/initrd.img-$1 && shift && "
            '{ "$@"; ls /boot; cat /boot/initrd.img-*; }')
    out = machineroot.inside(tree, "sh", "-c", full, "sh", version, SCRIPT, "rebuild").splitlines()
    assert out[-3:] == ["vfioadm-initramfs: failed", f"initrd.img-{version}", "old"], out
    assert f"for {version}: " in out[-4] and "No space left" in "\n".join(out)
    if tool == "initramfs-tools":
        (tree / "etc/initramfs-tools/update-initramfs.conf").write_text("update_initramfs=no\n")
        assert script(tree, "rebuild", fails=True) == (
            "failed", f"for {version}: /boot/initrd.img-{version} was not written: "
            "update-initramfs: Not updating initramfs.")
        assert script(tree, "rebuild-back")[0] == "kept"
    else:
        (tree / "usr/bin/dracut").write_text("#!/bin/sh\nexit 0\n")
        assert script(tree, "rebuild", fails=True)[0] == "failed"
    assert image.read_text() == "old\n"


@pytest.mark.long
def test_boots_with_what_is_declared(release, tool):
    """The image that the release's tool makes, on its kernel: claimed before its native driver, and the disk with the
    root file system, which should not have been in there, is given back."""
    try:
        machine = Machine(release, tool, "boot", installed=payload.installed("x86_64"), root="nvme")
    except Unavailable as e:
        pytest.skip(str(e))
    with machine:
        machine.files.write(f"{DIRECTORY}/20-root.conf", "[Match]\nPath=pci-0000:00:1c.0/00.0\nVendor=1b36\n")
        machine.files.write(f"{DIRECTORY}/30-disk.conf", declaration(machine, "nvme1"))
        rebuild_initramfs(machine)
        machine.boot()
        calm(machine)
        root = machine.sh("cat $(dirname $(grep -l ROOT /sys/class/nvme/*/serial))/address").strip()
        assert drivers(machine, root) == ["nvme"]
        assert machine.probes(root)[:2] == [VFIO, "nvme"], said(machine)
        assert any(root in line and "given back to nvme" in line for line in said(machine).splitlines())
        machine.shutdown()
        # Without it all is as it should be, from the beginning.
        machine.files.remove(f"{DIRECTORY}/20-root.conf")
        rebuild_initramfs(machine)
        machine.boot()
        calm(machine)
        vfio_alone(machine, machine.address("nvme1"))
        up(machine)
