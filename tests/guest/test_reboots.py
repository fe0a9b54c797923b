# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is declared is so after the next boot, whoever else wants the devices."""

import re
import time

import pytest

from reboots import (DIRECTORY, VFIO, calm, declaration, declared, drivers, failed_units, node,
                     rebuild_initramfs, said, states, untouched, up, vfio_alone, virtual_functions)
from tool import put_program

TYPE, NET_TYPE = "8086:10d3", "1af4:1041"


@pytest.mark.daily("debian-6.12", "initramfs-tools")
def test_a_twin_stays_assigned(machine):
    """The power fails right after assign --persist; no native driver ever probes what was declared."""
    machine.quick_initramfs()
    machine.boot()
    disk = machine.address("nvme0")
    # Nothing loads vfio-pci at boot but what is declared, and that does not bring the twin along.
    machine.sh("echo options vfio-pci ids=1b36:0010 >/etc/modprobe.d/twins.conf; sync")
    r = machine.run(f"vfioadm assign --persist {disk}", timeout=240)
    assert r.rc == 0, r
    # Known by what, and how far that can be trusted.
    assert "known by its Path pci-0000:00:02.1/00.0, which names the slot" in r.out
    machine.power_cut()
    file = f"{DIRECTORY}/nvme-0000-02-00.0.conf"
    text = machine.files.read(file).decode()
    owned = "[Node]\nUser=qemu\nGroup=kvm\nMode=0660\n"
    # With one worker of udev, who asks for nvme has it loaded before the other events are looked at.
    for append, section, owner in (("", "", "root:root 600"), ("udev.children_max=1", owned, "qemu:kvm 660")):
        machine.files.write(file, f"{text}\n{section}")
        machine.boot(append)
        assert machine.address("nvme0") == disk
        # As soon as one can look.
        assert node(machine, disk) == owner
        vfio_alone(machine, disk)
        untouched(machine, "nvme1", "nic0", "nic1", "igb0", "pf0")
        assert f"{disk} given to vfio-pci, as nvme-0000-02-00.0.conf says" in said(machine)
        assert "loaded without the card type 1b36:0010 of /etc/modprobe.d/twins.conf:1" in said(machine)
        assert declared(machine) == {"nvme-0000-02-00.0": "in-force"}
        up(machine)
        machine.power_cut()


# Loads vfio-pci before vfioadm's program begins, if the kernel command line says so. An initramfs may lack grep.
PRELOAD = """\
#!/bin/sh
read -r line </proc/cmdline
case "$1 $line" in
prereqs*) ;;
*rig.preload*) modprobe vfio-pci && echo rig: preloaded >/dev/kmsg ;;
esac
"""
PROGRAM, DROP_IN = "/usr/local/sbin/preload", "/etc/systemd/system/vfioadm-early.service.d/preload.conf"
PRELOADS = {
    "initramfs-tools": [("/etc/initramfs-tools/scripts/init-top/0-preload", PRELOAD)],
    "dracut": [(PROGRAM, PRELOAD), (DROP_IN, f"[Service]\nExecStartPre=-{PROGRAM}\n"),
               ("/etc/dracut.conf.d/preload.conf", f'install_items+=" {PROGRAM} {DROP_IN} "\n')],
}
DECLARED = ("nvme0", "nvme2", "nvme4", "nic0", "igb0")
OTHERS = ("nvme1", "nvme3", "nvme5", "nic1", "pf0")


def declare_many(machine, initramfs):
    """By hand, and the initramfs by the tool's own command, as a package's hook would do."""
    for n in range(2, 6):
        machine.cards.add(f"nvme,serial=MORE{n},drive=more{n},bus=rp{n + 7},id=nvme{n}")
    for card in DECLARED:
        machine.files.write(f"{DIRECTORY}/10-{card}.conf", declaration(machine, card))
    for path, content in PRELOADS[initramfs]:
        machine.files.write(path, content, 0o755)
    rebuild_initramfs(machine)


@pytest.mark.long
@pytest.mark.parametrize("append, boots", [("", 10), ("udev.children_max=1", 4), ("rig.preload", 4)],
                         ids=["plain", "one-worker", "preloaded"])
def test_each_boot_is_won(machine, initramfs, append, boots):
    """Five of ten cards, with the native drivers of all in the initramfs: a race at each boot."""
    declare_many(machine, initramfs)
    addresses = []
    for boot in range(boots):
        machine.boot(append)
        addresses = addresses or [machine.address(c) for c in DECLARED]
        vfio_alone(machine, *addresses)
        untouched(machine, *OTHERS)
        log = machine.kernel_log()
        assert ("rig: preloaded" in log) == (append == "rig.preload")
        if append == "rig.preload":
            assert log.index("rig: preloaded") < log.index("vfioadm: ")
        assert set(declared(machine).values()) == {"in-force"}
        up(machine)
        print(f"boot {boot + 1} of {boots} {append or 'plain'}: {machine.boot_seconds:.0f} s", flush=True)
        machine.power_cut()


# Kernels that have no serial_number file leave it to a closer look which twin is meant.
@pytest.mark.daily("debian-6.12", "dracut")
def test_cards_that_moved_and_one_that_is_another(machine):
    """Followed by what it is known by; what is now at its old address, even its twin, is not touched."""
    machine.quick_initramfs()
    machine.boot()
    disk, nic = machine.address("nvme1"), machine.address("nic1")
    r = machine.run(f"vfioadm assign --persist {disk} {nic}", timeout=240)
    assert r.rc == 0, r
    assert "Serial 52-54-00-ff-ff-00-00-02, which goes with the card wherever it is plugged in" in r.out
    names = [f"nvme-{disk.replace(':', '-')}", f"net-{nic.replace(':', '-')}"]
    machine.power_cut()

    # A card with a bridge in the first port: each bus behind it has another number now.
    machine.cards.add("pcie-pci-bridge,id=br0,bus=rp1")
    machine.cards.move("nic1", "rp9")
    machine.boot()
    now = [machine.address("nvme1"), machine.address("nic1")]
    assert now == ["0000:04:00.0", "0000:0a:00.0"]
    assert [machine.address("nvme0"), machine.address("nic0")] == [disk, nic]
    vfio_alone(machine, *now)
    untouched(machine, "nvme0", "nic0", "igb0", "pf0")
    for address, name, old in zip(now, names, (disk, nic), strict=True):
        assert f"{address} given to vfio-pci, as {name}.conf says; it was declared at {old}" in said(machine)
    told = machine.sh("vfioadm status", timeout=120)
    assert told.count("when it was declared") == 2 and disk in told and nic in told
    assert declared(machine) == dict.fromkeys(names, "in-force")
    up(machine)
    machine.power_cut()

    # A card of another type in the slot that is declared.
    machine.cards.replace("nvme1", "e1000e,romfile=,mac=52:54:00:00:00:09,id=nic2")
    machine.boot()
    assert machine.address("nic2") == now[0]
    untouched(machine, "nvme0", "nic0", "nic2", "igb0")
    vfio_alone(machine, now[1])
    assert declared(machine) == {names[0]: "foreign", names[1]: "in-force"}
    log = said(machine)
    assert f"{names[0]}.conf: in its place is another card, {now[0]}, which is not touched" in log
    assert f"{names[0]}.conf is not applied: in its place is another card" in log
    # It is said by that unit, which nothing needs.
    up(machine, but=["vfioadm-apply.service"])
    r = machine.run("vfioadm status", timeout=120)
    assert r.rc == 3 and now[0] in r.out and "not touched" in r.out


def plug_nic(machine):
    """Of the enabled type: after a while it is on vfio-pci."""
    machine.plug("e1000e,romfile=,mac=52:54:00:00:00:09,bus=rp9,id=nic9")
    machine.wait_for("ls /sys/bus/pci/devices/0000:00:03.0 | grep -q '^0000:..:00.0$'", 60)
    address = machine.address("nic9")
    # The link is there while the native driver still probes, and what udev does about that comes later still.
    machine.wait_for(f"readlink /sys/bus/pci/devices/{address}/driver | grep -q '/{VFIO}$'", 120)
    calm(machine)
    return address


def stuck_in_its_unit(machine, address):
    """A step that the kernel holds: the unit ends with its program, and the helper lives on and puts the device back."""
    unit = f"vfioadm-claim@{address}.service"
    drop_in = f"/run/systemd/system/{unit}.d"
    # All that the unit has but what it runs: of its own wish it would not unbind what is held open.
    machine.sh(f"mkdir -p '{drop_in}'; printf '[Service]\nExecStart=\nExecStart=vfioadm release --timeout 3 "
               f"--force in-use-vfio {address}\n' > '{drop_in}/stuck.conf'; systemctl daemon-reload")
    group = machine.sh(f"basename $(readlink /sys/bus/pci/devices/{address}/iommu_group)").strip()
    job = machine.popen([put_program(machine.guest, "vfio-hold"), group, address], timeout=0)
    machine.wait_for("pgrep vfio-hold")
    begun = time.monotonic()
    assert machine.run(f"systemctl start '{unit}'", timeout=150).rc != 0
    assert time.monotonic() - begun < 45, "waited for what cannot be killed"
    show = [machine.sh(f"systemctl show -P {p} '{unit}'").strip() for p in ("ActiveState", "Result", "ExecMainStatus")]
    assert show == ["failed", "exit-code", "7"]
    # With what root may see: where the kernel waits, and what it says of that.
    log = machine.journal("-u", unit)
    assert "vfio_unregister_group_dev" in log and "blocked until released by user" in log, log
    machine.sh("pgrep vfioadm-helper && ls /run/vfioadm/journal | grep -q .")
    job.kill()
    machine.wait_for("! ls /run/vfioadm/journal | grep -q .", 60)
    assert drivers(machine, address) == [VFIO]
    assert f"release {address}: was interrupted and undone" in machine.journal()
    machine.sh(f"rm -r '{drop_in}'; systemctl daemon-reload; systemctl reset-failed '{unit}'")


@pytest.mark.daily("debian-6.12", "initramfs-tools")
def test_a_card_type_and_a_built_in_driver(machine, initramfs):
    machine.quick_initramfs()
    machine.boot()
    twins = [machine.address("nic0"), machine.address("nic1")]
    net = machine.address("vnet0")
    assert drivers(machine, net) == ["virtio-pci"]
    built_in = machine.run(f"grep -q /virtio_pci.ko /lib/modules/{machine.release}/modules.builtin").rc == 0
    assert built_in == (machine.kernel == "debian-6.12")
    machine.sh(f"vfioadm enable --persist {TYPE} && vfioadm assign --persist {net}", timeout=240)
    assert drivers(machine, *twins) == ["e1000e"] * 2, "enabling leaves alone what a driver has"

    # The native driver was registered before vfio-pci had the ID: it is first, and does not keep it.
    third = plug_nic(machine)
    assert drivers(machine, third) == [VFIO] and machine.probes(third) == ["e1000e", VFIO]
    assert drivers(machine, *twins) == ["e1000e"] * 2
    stuck_in_its_unit(machine, third)
    machine.unplug("nic9")
    machine.power_cut()

    machine.boot()
    vfio_alone(machine, *twins)
    untouched(machine, "nvme0", "nvme1", "igb0", "pf0")
    # Where it is a module, the root disk needs it in the initramfs: after us, but for systemd, which loads it
    # there by itself before the first unit.
    before_us = built_in or initramfs == "dracut"
    assert drivers(machine, net) == [VFIO]
    assert machine.probes(net) == (["virtio-pci", VFIO] if before_us else [VFIO])
    late = f"{net} is on virtio-pci already, which is built in or was loaded before"
    assert (late in said(machine)) == before_us
    assert set(declared(machine).values()) == {"in-force"}
    up(machine)
    # Now vfio-pci has the ID first, and e1000e does not see the card.
    machine.sh("modprobe e1000e")
    third = plug_nic(machine)
    vfio_alone(machine, third)
    keeps_the_promise(machine, *twins)

    # By its type, which vfio-pci cannot have before a driver that is built in.
    machine.sh(f"vfioadm release --persist {net} && vfioadm enable --persist {NET_TYPE}", timeout=240)
    assert drivers(machine, net) == ["virtio-pci"]
    assert "of which 1 has another driver" in machine.sh("vfioadm status", timeout=120)
    machine.reboot()
    calm(machine)
    assert states(machine, net) == [(VFIO, VFIO if before_us else None)]
    assert states(machine, *twins, machine.address("nic9")) == 3 * [(VFIO, None)]
    assert machine.probes(net) == (["virtio-pci", VFIO] if before_us else [VFIO])
    assert set(declared(machine).values()) == {"in-force"}
    up(machine)


@pytest.mark.long
def test_plugged_again_and_again(machine):
    """Each time e1000e is first, since vfio-pci has the ID after it, and each time the card ends on vfio-pci."""
    machine.quick_initramfs()
    machine.boot()
    machine.sh(f"vfioadm enable --persist {TYPE}", timeout=240)
    for turn in range(10):
        busy = machine.popen("udevadm trigger -s pci -s block -s net", timeout=120)
        address = plug_nic(machine)
        busy.wait().check()
        assert machine.probes(address)[-2:] == ["e1000e", VFIO]
        machine.unplug("nic9")
        print(f"turn {turn + 1} of 10", flush=True)
    # What fails each time is tried each time the card comes, however often; not for ever while it is there.
    address = plug_nic(machine)
    unit = f"vfioadm-claim@{address}.service"
    machine.sh(f"mkdir -p '/run/systemd/system/{unit}.d'; cd '/run/systemd/system/{unit}.d'; "
               "printf '[Service]\nExecStart=\nExecStart=false\n' > fails.conf; systemctl daemon-reload")
    before = machine.journal().count(f"Starting {unit}")
    machine.sh(f"cd /sys/bus/pci; for i in $(seq 12); do echo 1 > devices/{address}/remove; echo 1 > rescan; "
               "sleep 1; udevadm settle; done", timeout=240)
    calm(machine)
    log = machine.journal()
    assert log.count(f"Starting {unit}") - before == 12 and "repeated too quickly" not in log
    machine.sh(f"for i in $(seq 12); do systemctl start '{unit}'; done; true")
    assert "repeated too quickly" in machine.journal()


@pytest.mark.long
def test_by_modprobe(machine):
    """Where none of our programs run, by modprobe.d alone; and the switch that turns that off, as the manual says."""
    machine.quick_initramfs()
    machine.boot()
    twins = [machine.address("nic0"), machine.address("nic1")]
    machine.sh(f"vfioadm enable --persist --modprobe {TYPE}", timeout=240)
    machine.power_cut()
    machine.boot("vfioadm.disable=1")
    calm(machine)
    assert states(machine, *twins) == [(VFIO, None)] * 2
    assert [machine.probes(t) for t in twins] == [[VFIO]] * 2
    untouched(machine, "nvme0", "igb0", "pf0")
    up(machine)
    machine.power_cut()
    machine.boot("module_blacklist=vfio_pci")
    calm(machine)
    assert states(machine, *twins) == [("e1000e", None)] * 2
    machine.sh("test ! -e /sys/bus/pci/drivers/vfio-pci")
    # Nothing else suffers from it.
    untouched(machine, "nvme0", "igb0", "pf0")
    up(machine, but=[u for u in failed_units(machine) if u.startswith("vfioadm-")])


def keeps_the_promise(machine, nic, twin):
    """Both of an enabled type and on vfio-pci, e1000e loaded: what that lets go of goes to vfio-pci."""
    def sh(script):
        machine.sh(f"cd /sys/bus/pci/drivers; {script}", timeout=120)
        calm(machine)
        return states(machine, nic, twin)

    native = ("e1000e", None)
    by_hand = "".join(f"echo {a} > vfio-pci/unbind; echo {a} > e1000e/bind; " for a in (nic, twin))
    assert sh(by_hand) == [native] * 2, "what somebody binds by hand stays there"
    assert sh(f"echo {nic} > e1000e/unbind") == [(VFIO, None), native], "freed by its native driver"
    assert sh(f"echo {nic} > vfio-pci/unbind") == [(None, None), native], "freed by vfio-pci: a wish"
    # As the update of a package does; the card is no new one by that.
    assert sh(f"udevadm trigger -c add -s pci; udevadm settle; echo {nic} > e1000e/bind") == [native] * 2
    # Bound again before udev has looked, or udev was first and the binding failed: nothing in between.
    r = machine.run(f"cd /sys/bus/pci/drivers/e1000e; echo {nic} > unbind; echo {nic} > bind")
    assert sh("true") == [(VFIO, None) if r.err else native, native]
    if r.err:
        sh(f"echo {nic} > vfio-pci/unbind; echo {nic} > e1000e/bind")
    for wait in ("udevadm settle", "true"):
        assert sh(f"modprobe -r e1000e; {wait}; modprobe e1000e") == [native] * 2, "it comes anew"
    assert sh(f"vfioadm assign {nic}") == [(VFIO, VFIO), native]
    assert sh(f"vfioadm release {nic}") == [native] * 2
    assert sh(f"echo {nic} > e1000e/unbind") == [(None, None), native], "released by vfioadm: held"
    assert sh(f"echo {nic} > e1000e/bind") == [native] * 2
    anew = f"echo 1 > ../devices/{twin}/remove; udevadm settle; echo 1 > ../rescan"
    assert sh(anew) == [native, (VFIO, None)], "vfio-pci had the ID before e1000e came"


def asked_natively(machine):
    """Addresses of all that nvme or igbvf itself was asked to probe, not only the driver core; they say so."""
    log = machine.kernel_log()
    return {*re.findall(r"nvme nvme\d+: pci function (\S+)$", log, re.M),
            *re.findall(r"igbvf (\S+:\S+:\S+): (?!bus: )", log)}


@pytest.mark.daily("debian-6.12", "dracut")
def test_virtual_functions(machine):
    """Made and taken at boot; no driver of the host sees one, and the nodes are whose they are to be."""
    for name, card, number in (("10-disk", "pf0", 15), ("20-nic", "igb0", 7)):
        machine.files.write(f"{DIRECTORY}/{name}.conf", declaration(
            machine, card, SR_IOV=f"VFs={number}", Node="User=qemu Group=kvm Mode=0660"))
    machine.boot()
    calm(machine)
    pf = machine.address("pf0")
    disks, nics = virtual_functions(machine, pf), virtual_functions(machine, machine.address("igb0"))
    assert (len(disks), len(nics)) == (15, 7)
    assert drivers(machine, *disks, *nics) == [VFIO] * 22
    # For a driver that is loaded by then, the kernel begins each probe, and ends it before the driver is asked.
    asked = asked_natively(machine)
    assert pf in asked and not asked & {*disks, *nics}
    assert {node(machine, f) for f in disks + nics} == {"qemu:kvm 660"}
    untouched(machine, "pf0", "igb0", "nvme0", "nic0")
    assert declared(machine) == {"10-disk": "in-force", "20-nic": "in-force"}
    up(machine)
    assert machine.run("vfioadm apply 10-disk 20-nic", timeout=120).out == "nothing to do\n"
