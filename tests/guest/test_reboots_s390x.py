# SPDX-License-Identifier: LGPL-2.1-or-later
"""s390x: what is declared by UID or FID is so after the next IPL, which boots what zipl has noted."""

import pytest

from reboots import DIRECTORY, VFIO, calm, declared, said, states, up, vfio_alone

pytestmark = [pytest.mark.arch("s390x"), pytest.mark.kernels("s390x-6.12")]

NATIVE = {"nv0": "nvme", "nv1": "nvme", "e0": "e1000e", "e1": "e1000e", "hot": "nvme"}
RULES = "/etc/udev/rules.d/61-vfioadm-declared.rules"
# Debian has zipl run by a hook of update-initramfs as well; not each tool and distribution does.
HOOK = "/etc/initramfs/post-update.d/zz-zipl"
REBUILD = 600


def native(machine, *cards):
    """On their native drivers, which nobody kept from them, and probed by nobody else."""
    addresses = [machine.address(c) for c in cards]
    assert states(machine, *addresses) == [(NATIVE[c], None) for c in cards]
    for card, address in zip(cards, addresses, strict=True):
        assert machine.probes(address) == [NATIVE[card]], card


def on_vfio(machine, card, timeout=180):
    """In the end: the native driver may have had it before."""
    address = machine.address(card)
    link = f"/sys/bus/pci/devices/{address}/driver"
    machine.wait_for(f'test "$(basename "$(readlink {link})")" = {VFIO}', timeout)
    calm(machine)
    assert states(machine, address) == [(VFIO, VFIO)]


def switch(machine, card):
    """The function's slot off and on again: it goes, with its override, and comes as a new one."""
    power = f"{machine.slot(card)}/power"
    machine.sh(f"echo 0 > {power}", timeout=60)
    assert not machine.run(f"test -e /sys/bus/pci/devices/{machine.address(card)}").rc == 0
    machine.sh(f"echo 1 > {power}", timeout=60)


def declare(machine, name, key, number):
    machine.files.write(f"{DIRECTORY}/{name}.conf", f"[Match]\n{key}={number:x}\n")


def kept(machine):
    """All that says what is declared."""
    return machine.sh(f"grep -r '^[^#]' {DIRECTORY} {RULES} | sort")


def zipl_fails(machine, card):
    """An initramfs that was made is no use when the loader does not know of it: all is undone."""
    machine.put("/var/tmp/zipl", "#!/bin/sh\necho 'Error: no room for the boot map' >&2\nexit 1\n", 0o755)
    machine.put("/var/tmp/update-initramfs", "#!/bin/sh\necho called >>/run/rebuilt\ntouch /boot/initrd.img-*\n", 0o755)
    machine.sh("mount --bind /var/tmp/zipl /usr/sbin/zipl; "
               "mount --bind /var/tmp/update-initramfs /usr/sbin/update-initramfs")
    address, before = machine.address(card), kept(machine)
    r = machine.run(f"vfioadm assign --persist {address}", timeout=REBUILD)
    assert r.rc != 0 and "no room for the boot map" in r.err, r
    assert kept(machine) == before
    assert states(machine, address) == [(NATIVE[card], None)]
    # Once with the new declaration, once more without it.
    assert machine.sh("cat /run/rebuilt").split() == ["called"] * 2
    machine.sh("umount /usr/sbin/zipl /usr/sbin/update-initramfs")


def test_by_uid_and_by_fid(zmachine):
    """Power failure right after assign --persist; functions switched off and on; one that comes later."""
    machine = zmachine
    declare(machine, "by-fid", "FID", machine.zpci("e0", "fid"))
    declare(machine, "hot", "FID", 0x200)
    machine.files.remove(HOOK)
    # Written by hand, so the initramfs does not know of it and e1000e is first.
    machine.boot()
    on_vfio(machine, "e0")
    native(machine, "nv0", "nv1", "e1")
    zipl_fails(machine, "e1")
    disk = machine.address("nv0")
    r = machine.run(f"vfioadm assign --persist {disk}", timeout=REBUILD)
    assert r.rc == 0, r
    assert "known by its UID 0010, which goes with the card wherever it is plugged in" in r.out
    machine.power_cut()
    file, = (n for n in machine.files.names(DIRECTORY) if n.startswith("nvme"))
    text = machine.files.read(f"{DIRECTORY}/{file}").decode()
    assert "\nUID=0010\n" in text and "\nVendor=1b36\nDevice=0010\n" in text and "FID=" not in text

    machine.boot()
    vfio_alone(machine, disk, machine.address("e0"))
    native(machine, "nv1", "e1")
    up(machine)
    name = file.removesuffix(".conf")
    assert f"{disk} given to vfio-pci, as {file} says" in said(machine)
    assert declared(machine) == {"by-fid": "in-force", name: "in-force", "hot": "missing"}
    for card in ("nv0", "e0"):
        switch(machine, card)
        on_vfio(machine, card)
    machine.plug("nvme,serial=HOT,drive=hot,id=hot", uid=0x20, fid=0x200)
    on_vfio(machine, "hot")
    native(machine, "nv1", "e1")
    assert set(declared(machine).values()) == {"in-force"}
    up(machine)


@pytest.mark.long
def test_zipl_fails_once(zmachine):
    """The initramfs that was made meanwhile is replaced by one that zipl has noted; e1 stays native."""
    machine = zmachine
    machine.files.remove(HOOK)
    machine.boot()
    address = machine.address("e1")
    machine.put("/var/tmp/zipl", "#!/bin/sh\nif [ ! -e /run/failed ]; then\n"
                "\ttouch /run/failed\n\techo 'Error: no room for the boot map' >&2\n\texit 1\nfi\n"
                "exec /sbin/zipl.real\n", 0o755)
    machine.sh("cp -p /sbin/zipl /sbin/zipl.real; mount --bind /var/tmp/zipl /sbin/zipl")
    r = machine.run(f"vfioadm assign --persist {address}", timeout=2 * REBUILD)
    assert r.rc != 0 and "no room for the boot map" in r.err, r
    assert states(machine, address) == [("e1000e", None)]
    machine.power_cut()
    assert not machine.files.exists(DIRECTORY) or machine.files.names(DIRECTORY) == []
    machine.boot()
    native(machine, "nv0", "nv1", "e0", "e1")
    assert declared(machine) == {}
    up(machine)


@pytest.mark.long
def test_ten_boots(zmachine):
    """By UID and by FID; every second one with a single worker of udev."""
    machine = zmachine
    for number, (card, key) in enumerate((("nv0", "UID"), ("e0", "FID")), 1):
        declare(machine, f"card{number}", key, machine.zpci(card, key.lower()))
    machine.boot()
    machine.sh("/usr/libexec/vfioadm/vfioadm-initramfs rebuild", timeout=REBUILD)
    for turn in range(10):
        single = "udev.children_max=1 " if turn % 2 else ""
        machine.sh(f"sed -i \"s/^parameters='\\(udev[^ ]* \\)\\?/parameters='{single}/\" /etc/zipl.conf")
        machine.sh("zipl", timeout=120)
        machine.power_cut()
        machine.boot()
        assert ("udev.children_max=1" in machine.sh("cat /proc/cmdline")) == bool(single)
        vfio_alone(machine, machine.address("nv0"), machine.address("e0"))
        native(machine, "nv1", "e1")
        assert set(declared(machine).values()) == {"in-force"}
        print(f"boot {turn}: right")


@pytest.mark.long
def test_switched_and_plugged_ten_times(zmachine):
    """While udev is busy with other devices as well."""
    machine = zmachine
    declare(machine, "uid", "UID", machine.zpci("nv0", "uid"))
    declare(machine, "fid", "FID", machine.zpci("e0", "fid"))
    declare(machine, "hot", "FID", 0x200)
    machine.boot()
    for card in ("nv0", "e0"):
        on_vfio(machine, card)
    for turn in range(10):
        busy = machine.popen("udevadm trigger -s pci -s block -s net -s ccw", timeout=120)
        for card in ("nv0", "e0"):
            switch(machine, card)
        machine.plug(f"nvme,serial=HOT{turn},drive=hot{turn},id=hot", uid=0x20, fid=0x200)
        busy.wait().check()
        for card in ("nv0", "e0", "hot"):
            on_vfio(machine, card)
        native(machine, "nv1", "e1")
        machine.unplug("hot")
        print(f"turn {turn}: slots of two functions switched, one plugged")
    assert declared(machine) == {"uid": "in-force", "fid": "in-force", "hot": "missing"}
    up(machine)
