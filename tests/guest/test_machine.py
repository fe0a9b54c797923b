# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines with a disk and an initramfs of their own do what the proofs by reboot rely on."""

import fcntl
import os
import re
import subprocess
import time

import pytest

from rig import cache, machineroot
from rig.errors import GuestError, RigError
from rig.filesystem import Filesystem
from rig.machine import Cards

pytestmark = pytest.mark.no_payload
EACH = ("nvme0", "nvme1", "nic0", "nic1", "pf0", "igb0")


def test_boots_and_nvme_twins_are_seen(machine, kernel, initramfs):
    """Both kernels, both tools: the initramfs of the disk, its native drivers, all units started."""
    machine.boot()
    assert machine.sh("uname -r").strip() == machine.release
    assert machine.sh("findmnt -no SOURCE,FSTYPE /").split() == ["/dev/vda", "ext4"]
    assert machine.sh("systemctl is-active multi-user.target").strip() == "active"
    assert machine.sh("systemctl list-units --failed --no-legend --plain") == ""
    # The tool that this disk is for, and only that.
    tools = {"update-initramfs": "initramfs-tools", "dracut": "dracut"}
    assert [t for p, t in tools.items() if machine.run(["which", p]).rc == 0] == [initramfs]
    drivers = {card: machine.driver(machine.address(card)) for card in EACH}
    assert drivers == {"nvme0": "nvme", "nvme1": "nvme", "nic0": "e1000e", "nic1": "e1000e",
                       "pf0": "nvme", "igb0": "igb"}
    assert sorted(machine.sh("cat /sys/class/nvme/*/serial").split()) == ["SRIOV", "TWIN0", "TWIN1"]
    # The log tells who probed what, from the initramfs on.
    for card in EACH:
        assert machine.probes(machine.address(card)) == [drivers[card]]
    # … where the native drivers come from: they were there before the root file system was.
    log = machine.kernel_log()
    assert log.index("probing driver nvme") < log.index("EXT4-fs (vda): mounted")
    assert "Linux version" in machine.journal("-k")
    assert 0 < machine.startup() < machine.boot_seconds
    print(f"{kernel} {initramfs}: multi-user after {machine.startup():.1f} s, "
          f"ready after {machine.boot_seconds:.1f} s")


@pytest.mark.kernels("debian-6.12")
@pytest.mark.initramfs("initramfs-tools")
def test_power_cut_and_reboot(machine):
    """What was synced is there after a power cut, what was not is lost; a reboot keeps all."""
    machine.boot(record=True)
    first = machine.sh("cat /proc/sys/kernel/random/boot_id")
    mark = machine.mark()
    machine.sh("echo kept > /var/kept; sync /var/kept; sync; echo lost > /var/lost")
    machine.power_cut(lose_cache=True)
    with pytest.raises(GuestError):
        machine.run("true")
    assert machine.files.read("/var/kept") == b"kept\n"
    assert not machine.files.exists("/var/lost")
    # Each flush on the way left a disk that is whole, without the file until it was synced.
    found = [(files.exists("/var/kept"), files.check()) for files in machine.crash_states(mark)]
    assert {check for _, check in found} == {""}
    assert [there for there, _ in found] == sorted(there for there, _ in found)
    assert found[-1][0]
    assert machine.files.check() == ""
    machine.boot()
    assert machine.sh("cat /proc/sys/kernel/random/boot_id") != first
    assert machine.run("cat /var/kept; cat /var/lost") [:2] == (1, "kept\n")
    machine.sh("echo unsynced > /var/unsynced")
    machine.reboot(append="rig.second-boot")
    assert machine.sh("cat /var/unsynced") == "unsynced\n"
    assert "rig.second-boot" in machine.sh("cat /proc/cmdline")
    # The journal has all three, also the one that was cut off.
    boots = machine.sh("journalctl --list-boots --no-pager | grep -E '^ *-?[0-9]'").splitlines()
    assert len(boots) == 3


@pytest.mark.kernels("debian-6.1")
@pytest.mark.initramfs("initramfs-tools")
def test_cards_between_boots(machine):
    """A bridge in the first port shifts the others; a card in another port has another address."""
    machine.boot()
    before = {card: machine.address(card) for card in EACH}
    assert before["nvme0"] == "0000:02:00.0" and before["nic0"] == "0000:04:00.0"
    machine.shutdown()
    machine.cards.add("pcie-pci-bridge,id=br0,bus=rp1")
    machine.cards.move("nic1", "rp9")
    machine.cards.replace("igb0", "nvme,serial=NEW,drive=new,id=nvme2")
    machine.boot()
    after = {card: machine.address(card) for card in EACH[:-1]}
    assert after["nvme0"] == "0000:03:00.0" and after["nic0"] == "0000:05:00.0"
    assert after["nic1"] == "0000:0a:00.0"
    assert machine.driver(machine.address("nvme2")) == "nvme"
    serial = machine.sh(f"cat /sys/bus/pci/devices/{after['nvme1']}/nvme/*/serial").strip()
    assert serial == "TWIN1"
    mac = machine.sh(f"cat /sys/bus/pci/devices/{after['nic1']}/net/*/address").strip()
    assert mac == "52:54:00:00:00:02"


@pytest.mark.kernels("debian-6.12")
@pytest.mark.initramfs("dracut")
@pytest.mark.lineup("boot", root="nvme")
def test_root_on_nvme_and_hot_plug(machine):
    machine.boot()
    assert re.fullmatch(r"/dev/nvme\d+n1", machine.sh("findmnt -no SOURCE /").strip())
    address = machine.sh("cat $(dirname $(grep -l ROOT /sys/class/nvme/*/serial))/address").strip()
    assert machine.driver(address) == "nvme" and machine.probes(address) == ["nvme"]
    machine.plug("nvme,serial=PLUGGED,drive=plugged,bus=rp9,id=new")
    machine.wait_for("grep -q PLUGGED /sys/class/nvme/*/serial", 60)
    assert machine.driver(machine.address("new")) == "nvme"
    machine.unplug("new")
    machine.shutdown()
    assert machine.files.check() == ""


# A script each that leaves a word in the kernel log; (path, content) of what puts it in.
MARK = "#!/bin/sh\n[ \"$1\" = prereqs ] || echo rig: marked >/dev/kmsg\n"
HOOKS = {
    "initramfs-tools": [("/etc/initramfs-tools/scripts/init-top/mark", MARK)],
    "dracut": [("/usr/lib/dracut/hooks/pre-trigger/01-mark.sh", MARK),
               ("/etc/dracut.conf.d/mark.conf",
                'install_items+=" /usr/lib/dracut/hooks/pre-trigger/01-mark.sh "\n')],
}
CALL = {"initramfs-tools": "update-initramfs -u", "dracut": "dracut --force"}


@pytest.mark.kernels("debian-6.12")
@pytest.mark.parametrize("quick", [True, pytest.param(False, marks=pytest.mark.long)])
def test_the_initramfs_that_the_guest_made_is_booted(machine, quick, initramfs):
    if quick:
        machine.quick_initramfs()
    for path, content in HOOKS[initramfs]:
        machine.files.write(path, content, 0o755)
    machine.boot()
    assert "rig: marked" not in machine.kernel_log()
    begin = time.monotonic()
    machine.sh(CALL[initramfs], timeout=600)
    print(f"{initramfs}: {time.monotonic() - begin:.0f} s")
    machine.power_cut()
    machine.boot()
    log = machine.kernel_log()
    assert log.index("rig: marked") < log.index("EXT4-fs (vda): mounted")


def test_cards():
    cards = Cards(("-drive", "if=none,id=d0,file={dir}/d0.img", "-device", "nvme,drive=d0,bus=rp1,id=a",
                   "-device", "pcie-root-port,id=rp1,addr=0x2.0"))
    cards.move("a", "rp7")
    assert cards.text("a") == "nvme,drive=d0,bus=rp7,id=a"
    cards.replace("a", "e1000e,id=b")
    assert cards.text("b") == "e1000e,id=b,bus=rp7" and "a" not in cards
    cards.add("nvme,drive=d0,id=c")
    cards.add("nvme,drive=d9,id=d")
    assert sum(o == "-drive" for o in cards.arguments()) == 2
    cards.add("pcie-root-port,id=rp0,addr=0x2.1", first=True)
    assert cards.arguments()[1].startswith("pcie-root-port,id=rp0")
    with pytest.raises(RigError):
        cards.remove("a")


def test_filesystem_without_mounting(tmp_path):
    image = tmp_path / "image"
    machineroot._run(["/usr/sbin/mke2fs", "-q", "-t", "ext4", image, "16M"], 60, "mke2fs")
    files = Filesystem(image)
    assert not files.exists("/etc/a/b.conf")
    files.write("/etc/a/b.conf", "one\n")
    files.write("/etc/a/b.conf", "two\n", 0o600)
    files.write("/etc/a/c d.conf", b"")
    assert files.read("/etc/a/b.conf") == b"two\n"
    assert files.names("/etc/a") == ["b.conf", "c d.conf"]
    files.remove("/etc/a/b.conf")
    assert files.names("/etc/a") == ["c d.conf"]
    assert files.check() == ""
    for ask in (files.read, files.remove, files.names):
        with pytest.raises(FileNotFoundError):
            ask("/etc/nothing")
    with pytest.raises(RigError):
        Filesystem(tmp_path / "none").read("/etc/a")


def _installed(top, files):
    for path, (content, mode) in files.items():
        target = top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        target.chmod(mode)
    return top


def test_what_is_installed_is_switched_on_as_a_package_would(tmp_path):
    """Units with [Install], and only those; files keep their mode; hooks are in the initramfs."""
    unit = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
    installed = _installed(tmp_path / "installed", {
        "usr/lib/systemd/system/rig-on.service": (unit + "[Install]\nWantedBy=multi-user.target\n", 0o644),
        "usr/lib/systemd/system/rig-static.service": (unit, 0o644),
        # Through the link that /lib is on the disk.
        "lib/udev/rules.d/99-rig.rules": ("# nothing\n", 0o644),
        "usr/share/initramfs-tools/hooks/rig": (
            "#!/bin/sh\n[ \"$1\" = prereqs ] || echo here >$DESTDIR/rig-was-here\n", 0o755),
    })
    variant = "-test-installed"
    try:
        image = tmp_path / "disk"
        system = machineroot.disk("debian-6.12", "initramfs-tools", image, installed, variant)
        files = Filesystem(image)
        wants = files.names("/etc/systemd/system/multi-user.target.wants")
        assert "rig-on.service" in wants and "rig-agent.service" in wants
        assert "rig-static.service" not in wants
        assert files.read("/usr/lib/udev/rules.d/99-rig.rules") == b"# nothing\n"
        assert not files.exists("/installed-units") and files.check() == ""
        files.dump(f"/boot/initrd.img-{system.release}", tmp_path / "initrd")
        # Names stand in an archive as they are.
        archive = subprocess.run(["zstd", "-dcq", tmp_path / "initrd"], check=True,
                                 capture_output=True).stdout
        assert b"rig-was-here\0" in archive and re.search(rb"/nvme\.ko(\.xz)?\0", archive)
        assert b"rig-was-not-here\0" not in archive
        # A program whose library no package brings is found out here, not at boot.
        source = tmp_path / "x.c"
        source.write_text("int f(void); int main(void) { return f(); }\n")
        (tmp_path / "f.c").write_text("int f(void) { return 0; }\n")
        bin_dir = installed / "usr/bin"
        bin_dir.mkdir()
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "librigf.so", tmp_path / "f.c"],
                       check=True)
        subprocess.run(["gcc", "-o", bin_dir / "rig-x", source, f"-L{tmp_path}", "-lrigf"], check=True)
        with pytest.raises(RigError, match="rig-x lacks a library"):
            machineroot.disk("debian-6.12", "initramfs-tools", image, installed, variant)
    finally:
        cache.drop(f"machine-disk-debian-6.12-initramfs-tools{variant}")


def test_an_artefact_is_held_while_it_is_used(tmp_path, monkeypatch):
    """Another process that made it with its own key meanwhile is noticed; nobody replaces it in use."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def use(key, user=lambda path: (path / "a").read_text()):
        return cache.use("thing", lambda dest: (dest / "a").write_text(key), key, user)

    assert use("one") == "one" and use("two") == "two" and use("one") == "one"

    def locked_out(path):
        lock = open(tmp_path / "vfioadm/.thing.lock")
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return "held"

    assert use("one", locked_out) == "held"


def test_what_may_be_executed_is_part_of_a_sum(tmp_path):
    (tmp_path / "hook").write_text("#!/bin/sh\n")
    sums = {cache.content_sum(tmp_path)}
    os.chmod(tmp_path / "hook", 0o755)
    sums.add(cache.content_sum(tmp_path))
    (tmp_path / "hook").write_text("#!/bin/sh -e\n")
    sums.add(cache.content_sum(tmp_path))
    assert len(sums) == 3
