# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reboots that do not go as planned, and what is kept over them all the same."""

import os
import random
import re

import pytest

from reboots import (DIRECTORY, VFIO, calm, declaration, declared, drivers, failed_units, native, node,
                     rebuild_initramfs, said, states, untouched, up, vfio_alone)
from rig import machineroot

IGB = "8086:10c9"
APPLY = "vfioadm-apply.service"


def declare(machine, name, text):
    """As an administrator with an editor would; the machine is off."""
    machine.files.write(f"{DIRECTORY}/{name}.conf", text)


def journal_has(machine, *texts):
    """A line for each that has all of its words, from vfioadm or about its units."""
    lines = said(machine).splitlines()
    for text in texts:
        words = (text,) if isinstance(text, str) else text
        assert any(all(w in line for w in words) for line in lines), (words, lines)


def units_failed(machine):
    """The boot has come to its end; the unit that could not do all says so, others of ours may."""
    failed = [u for u in failed_units(machine) if not u.startswith("vfioadm-claim@")]
    up(machine, failed_units(machine))
    assert failed == [APPLY]


# $1: words for udevadm trigger. What is executed meanwhile, but for what this script calls itself.
TRACED = """
cd /sys/kernel/tracing || exit 1
test -e trace || { mount -t tracefs tracefs . && cd /sys/kernel/tracing; }
echo >trace
echo 1 >events/sched/sched_process_exec/enable
udevadm trigger -c add $1
udevadm settle
udevadm trigger -c change $1
udevadm settle
while systemctl list-jobs --no-legend | grep -q .; do sleep 0.2; done
echo 0 >events/sched/sched_process_exec/enable
sed -n 's/.*sched_process_exec: filename=\\([^ ]*\\).*/\\1/p' trace | grep -vE '/(udevadm|systemctl|grep|sleep)$' || true
"""


def nothing_is_started(machine, declared_one, *in_question):
    """By our rules, for functions that are not declared: what udev starts is the same without them.

    in_question: cards of a type of which one is declared by its serial number. Rules cannot read that.
    """
    def started(words):
        return sorted(machine.run(["sh", "-c", TRACED, "sh", words], timeout=120).check().out.split())

    sysfs = "/sys/bus/pci/devices"
    known = set(machine.sh("cat /etc/vfioadm.d/*.conf | sed -n 's/^Address=//p'; ls /run/vfioadm/hold").split())
    known.update(in_question)
    # Whoever asks for an event of a bridge gets those of what is behind it.
    on_the_way = machine.sh("readlink -f " + " ".join(f"{sysfs}/{a}" for a in known))
    others = [a for a in machine.sh(f"ls {sysfs}").split() if a not in on_the_way]
    assert len(others) > 8
    words = " ".join(f"{sysfs}/{a}" for a in others)
    with_rules = started(words)
    rules = machine.sh("ls /etc/udev/rules.d/*vfioadm* /usr/lib/udev/rules.d/*vfioadm*").split()
    assert len(rules) == 2
    machine.sh(f"mkdir /root/away; mv {' '.join(rules)} /root/away; udevadm control --reload")
    without = started(words)
    for rule in rules:
        machine.sh(f"mv /root/away/{rule.split('/')[-1]} {rule}")
    machine.sh("udevadm control --reload")
    print(f"started for {len(others)} functions that are not declared: {with_rules}, without our rules: {without}")
    assert set(with_rules) == set(without) and not [f for f in with_rules if "vfioadm" in f]
    # It would be seen: this one is declared, and nobody holds it any more.
    machine.sh(f"rm /run/vfioadm/hold/{declared_one}")
    assert "/usr/bin/vfioadm" in started(f"{sysfs}/{declared_one}")
    calm(machine)
    assert drivers(machine, declared_one) == [VFIO]


@pytest.mark.daily("debian-6.12", "dracut")
def test_what_was_released_is_native_until_the_next_boot(machine):
    """Neither events of udev nor a native driver that comes anew give it back to VFIO; a boot does."""
    machine.quick_initramfs()
    machine.boot()
    nic, disk, igb = (machine.address(c) for c in ("nic0", "nvme0", "igb0"))
    twins = [machine.address(c) for c in ("nic1", "nvme1")]
    machine.sh(f"vfioadm assign --persist {nic} {disk} && vfioadm enable --persist {IGB}", timeout=120)
    machine.reboot()
    assert drivers(machine, nic, disk, igb) == [VFIO] * 3

    # What runs at boot may still be looking at the card type.
    machine.sh(f"vfioadm release --lock-wait 60 {nic} {disk} {igb}", timeout=120)
    free = [("e1000e", None), ("nvme", None), ("igb", None)]
    assert states(machine, nic, disk, igb) == free
    machine.sh("udevadm trigger -c add")
    calm(machine)
    assert states(machine, nic, disk, igb) == free
    for driver in ("e1000e", "nvme", "igb"):
        machine.sh(f"modprobe -r {driver}; udevadm settle; modprobe {driver}", timeout=120)
    calm(machine)
    machine.sh("udevadm trigger -c add -s pci")
    calm(machine)
    assert states(machine, nic, disk, igb) == free
    # Asked to bring all to what is declared, it leaves them alone as well, and says why.
    machine.sh("vfioadm apply", timeout=120)
    assert states(machine, nic, disk, igb) == free
    status = machine.run("vfioadm status")
    assert status.rc == 3 and status.out.count(" held ") == 2 and disk in status.out
    nothing_is_started(machine, nic, twins[0])

    machine.power_cut()
    machine.boot()
    calm(machine)
    assert drivers(machine, nic, disk, igb) == [VFIO] * 3
    assert states(machine, *twins) == [("e1000e", None), ("nvme", None)]
    for address in (nic, disk, igb):
        assert machine.probes(address) == [VFIO]
    assert machine.run("vfioadm status").rc == 0


ROOT = "[Match]\nPath=pci-0000:00:1c.0/00.0\nVendor=1b36\n"
MAKE = {"initramfs-tools": "update-initramfs -u", "dracut": "dracut --force"}


def root_address(machine):
    return machine.sh("cat $(dirname $(grep -l ROOT /sys/class/nvme/*/serial))/address").strip()


def _root_is_refused(machine, disk):
    calm(machine)
    root = root_address(machine)
    assert drivers(machine, root, disk) == ["nvme", VFIO]
    assert declared(machine) == {"20-root": "differs", "30-disk": "in-force"}
    journal_has(machine, (root, "the root file system", "cannot be assigned"))
    units_failed(machine)


@pytest.mark.lineup("boot", root="nvme")
@pytest.mark.daily("debian-6.12", "initramfs-tools")
def test_declared_root(machine, kernel, initramfs):
    """Refused while it runs, kept out of the initramfs; if it got in there, it is given back."""
    declare(machine, "20-root", ROOT)
    declare(machine, "30-disk", declaration(machine, "nvme0"))
    machine.boot()
    disk = machine.address("nvme0")
    _root_is_refused(machine, disk)
    assert machine.sh("vfioadm config list --initramfs") == f"{DIRECTORY}/30-disk.conf\n"
    if (kernel, initramfs) != ("debian-6.12", "initramfs-tools"):
        # By the tool itself, with what its hook finds on this hardware: minutes.
        machine.sh(f"{MAKE[machine.tool]} && sync", timeout=900)
        machine.power_cut()
        machine.boot()
        _root_is_refused(machine, disk)
        assert machine.probes(disk) == [VFIO]
        assert machine.probes(root_address(machine)) == ["nvme"]
    machine.shutdown()
    rebuild_initramfs(machine)
    machine.boot()
    _root_is_refused(machine, disk)
    root = root_address(machine)
    journal_has(machine, (root, "given to vfio-pci"), (root, "given back to nvme"), (disk, "given back"))
    assert machine.probes(root)[:2] == [VFIO, "nvme"]


BROKEN = "[Match]\nPath=pci-0000:00:02.2/00.0\nVendr=1b36\n"
MISSING = "[Match]\nPath=pci-0000:00:03.0/00.0\nVendor=8086\n\n[LastSeen]\nAddress=0000:09:00.0\n"
# How it comes that there is no vfio-pci, and what is said then.
WITHOUT_MODULE = {
    "removed": ("rm /lib/modules/*/kernel/drivers/vfio/pci/vfio-pci.ko* && depmod", ("20-disk", VFIO)),
    # What lists the modules still has it.
    "lost": ("rm /lib/modules/*/kernel/drivers/vfio/pci/vfio-pci.ko*",
             ("20-disk: Cannot load module vfio_pci", "there is no such module")),
    "forbidden": ("echo 'install vfio-pci /bin/false' >/etc/modprobe.d/no-vfio.conf",
                  ("20-disk: The module vfio_pci cannot be loaded", "/etc/modprobe.d/no-vfio.conf:1 says")),
}
HOW = {("debian-6.12", "initramfs-tools"): "lost", ("debian-6.12", "dracut"): "forbidden"}


@pytest.mark.daily("debian-6.12", "dracut")
def test_trouble_with_one_is_said_and_costs_no_other(machine, kernel, initramfs):
    """A broken file, a missing device, all turned off by the command line, no vfio-pci module."""
    declare(machine, "10-broken", BROKEN)
    declare(machine, "20-disk", declaration(machine, "nvme0"))
    declare(machine, "30-missing", MISSING)
    rebuild_initramfs(machine)
    machine.boot()
    calm(machine)
    disk = machine.address("nvme0")
    vfio_alone(machine, disk)
    untouched(machine, "nvme1", "nic0")
    assert declared(machine) == {"10-broken": "invalid", "20-disk": "in-force", "30-missing": "missing"}
    journal_has(machine, ("10-broken.conf:3:", "Vendr"), ("30-missing.conf", "no such device"))
    units_failed(machine)

    machine.reboot("vfioadm.disable=1")
    calm(machine)
    untouched(machine, "nvme0", "nvme1")
    journal_has(machine, "Turned off by the kernel command line")
    up(machine)
    # That is about the boot; a person may still ask for it.
    machine.sh("vfioadm apply 20-disk", timeout=120)
    assert drivers(machine, disk) == [VFIO]

    script, words = WITHOUT_MODULE[HOW.get((kernel, initramfs), "removed")]
    machine.sh(script)
    machine.shutdown()
    rebuild_initramfs(machine)
    machine.boot()
    calm(machine)
    untouched(machine, "nvme0", "nvme1")
    assert declared(machine)["20-disk"] == "differs"
    journal_has(machine, (disk, VFIO), words)
    units_failed(machine)


RULES = "/etc/udev/rules.d/61-vfioadm-declared.rules"


def _kept(files):
    """What a disk has of declarations: (the file's content or None, the rules', calls of the initramfs tool)."""
    def read(path):
        return files.read(path) if files.exists(path) else None

    names = files.names(DIRECTORY) if files.exists(DIRECTORY) else []
    confs = [n for n in names if n.endswith(".conf")]
    assert len(confs) <= 1, names
    return (read(f"{DIRECTORY}/{confs[0]}") if confs else None, read(RULES),
            (read(machineroot.WISHES) or b"").count(b"\n"))


def _states(machine, start):
    """{what is kept: the first point at which it was so}, in order; each disk is whole."""
    found = {}
    for files in machine.crash_states(start):
        assert files.check() == ""
        found.setdefault(_kept(files), files.point)
    return found


def _boots(machine, point, disk):
    """From the disk as it was then; either it is declared and so, or not and not."""
    next(machine.crash_states(point)).keep()
    conf = _kept(machine.files)[0]
    machine.boot()
    calm(machine)
    assert drivers(machine, disk) == [VFIO if conf else "nvme"]
    assert list(declared(machine).values()) == ["in-force"] * bool(conf)
    # What is made of the files is made anew where it does not fit them.
    assert (machine.run(["grep", "-qsw", "VFIOADM_DECLARED", RULES]).rc == 0) == bool(conf)
    untouched(machine, "nvme1")
    up(machine)
    machine.power_cut()


@pytest.mark.daily("debian-6.1", "initramfs-tools")
def test_power_fails_while_it_is_declared(machine, kernel, initramfs):
    machine.quick_initramfs()
    machine.boot(record=True)
    disk = machine.address("nvme0")
    start = machine.mark()
    machine.sh(f"vfioadm assign --persist {disk}", timeout=120)
    # Nothing of it is only in memory when it says that it is done.
    machine.power_cut(lose_cache=True)
    new = _kept(machine.files)
    assert None not in new and new[2] == 1
    found = _states(machine, start)
    assert {conf for conf, _, _ in found} == {None, new[0]}
    assert list(found)[0] == (None, None, 0) and list(found)[-1] == new
    every = (kernel, initramfs) != ("debian-6.1", "initramfs-tools")
    for state, point in found.items():
        if every or (state[0] and state != new):
            _boots(machine, point, disk)


@pytest.mark.long
def test_power_fails_while_it_is_released(machine):
    machine.quick_initramfs()
    machine.boot()
    disk = machine.address("nvme0")
    machine.sh(f"vfioadm assign --persist {disk}", timeout=120)
    machine.reboot(record=True)
    vfio_alone(machine, disk)
    start = machine.mark()
    machine.sh(f"vfioadm release --persist {disk}", timeout=120)
    machine.power_cut(lose_cache=True)
    assert _kept(machine.files)[0] is None
    found = _states(machine, start)
    for point in found.values():
        _boots(machine, point, disk)


@pytest.mark.daily("debian-6.12", "initramfs-tools")
def test_overrides_of_driverctl_are_imported(machine):
    """What driverctl gave to vfio-pci at boot is there without driverctl."""
    machine.quick_initramfs()
    machine.boot()
    nic, disk, igb = (machine.address(c) for c in ("nic0", "nvme0", "igb0"))
    machine.sh("dpkg -i /usr/share/rig/driverctl.deb", timeout=300)
    machine.sh(f"for a in {nic} {disk}; do driverctl set-override $a vfio-pci; done", timeout=120)
    machine.sh(f"driverctl set-override {igb} none", timeout=60)
    machine.reboot()
    calm(machine)
    before = states(machine, nic, disk)
    assert before == [(VFIO, VFIO)] * 2

    proposed = machine.sh("vfioadm import", timeout=120)
    assert declared(machine) == {} and proposed.count("[Match]") == 2
    r = machine.run("vfioadm import --persist", timeout=120).check()
    assert igb in r.out + r.err
    assert sorted(declared(machine).values()) == ["in-force"] * 2
    machine.sh("dpkg --purge driverctl; rm -rf /etc/driverctl.d", timeout=300)
    machine.reboot()
    calm(machine)
    assert machine.run("command -v driverctl").rc
    vfio_alone(machine, nic, disk)
    assert states(machine, nic, disk) == before
    assert sorted(declared(machine).values()) == ["in-force"] * 2
    untouched(machine, "nic1", "nvme1", "igb0")
    up(machine)


EIGHT = ("nvme0", "nvme1", "nvme2", "nic0", "nic1", "pf0", "vnet0", "igb0")
TYPES = {"1b36:0010": ("nvme0", "nvme1", "nvme2", "pf0"), "8086:10d3": ("nic0", "nic1"), IGB: ("igb0",),
         "1af4:1041": ("vnet0",)}
OWNERS = {"": "root:root 600", "User=qemu": "qemu:root 600", "Group=kvm Mode=0660": "root:kvm 660",
          "User=other Group=kvm Mode=0640": "other:kvm 640"}


def native_of(card):
    return "virtio-pci" if card == "vnet0" else native(card)


def random_set(rng, machine, addresses):
    """{name: text of a file}, {card: owner of its node or None} of those that it declares."""
    files, wanted = {}, {}
    for name, cards in TYPES.items():
        if rng.random() < 0.2:
            files[f"type-{name.replace(':', '-')}"] = f"[Match]\nCardType={name}\n"
            wanted |= dict.fromkeys(cards)
    for card, address in addresses.items():
        if rng.random() < 0.5:
            continue
        owner = rng.choice(list(OWNERS))
        dsn = re.search(r"Device Serial Number (\S+)", machine.sh(f"lspci -vv -s {address}"))
        match = [declaration(machine, card), f"[Match]\nAddress={address}\n"]
        match += [f"[Match]\nVendor=8086\nSerial={dsn[1]}\n"] * 2 if dsn else []
        files[card] = rng.choice(match) + "\n".join(["[Node]", *owner.split()]) + "\n"
        wanted[card] = OWNERS[owner]
    return files, wanted


@pytest.mark.daily("debian-6.12", "initramfs-tools")
def test_random_sets(machine, kernel, initramfs):
    """Written by hand, applied, rebooted: all is as declared, and nothing else is. 20 sets in all."""
    # A daily run must be one that can be repeated; this seed has a card type whose driver is built in.
    anew = random.randrange(1 << 32) if os.environ.get("VFIOADM_TEST_LONG") else 2111373686
    seed = int(os.environ.get("VFIOADM_TEST_SEED") or anew)
    rng = random.Random(seed)
    machine.quick_initramfs()
    machine.cards.add("nvme,serial=EXTRA,drive=extra,bus=rp9,id=nvme2")
    machine.boot()
    addresses = {card: machine.address(card) for card in EIGHT}
    for turn in range(2 if (kernel, initramfs) == ("debian-6.12", "initramfs-tools") else 6):
        files, wanted = random_set(rng, machine, addresses)
        print(f"seed {seed}, set {turn}: {files}")
        machine.sh(f"mkdir -p {DIRECTORY}; rm -f {DIRECTORY}/*.conf")
        for name, text in files.items():
            machine.put(f"{DIRECTORY}/{name}.conf", text.encode(), 0o644)
        machine.sh("vfioadm config check && vfioadm apply", timeout=300)
        machine.reboot()
        calm(machine)
        found = dict(zip(EIGHT, states(machine, *addresses.values()), strict=True))
        for card, (driver, override) in found.items():
            right = driver == VFIO if card in wanted else (driver, override) == (native_of(card), None)
            assert right, (seed, turn, card, found, wanted, said(machine))
        for card, owner in wanted.items():
            assert not owner or node(machine, addresses[card]) == owner, (seed, turn, card)
        assert declared(machine) == dict.fromkeys(files, "in-force"), (seed, turn)
        up(machine)
