# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host with several kernels keeps what is declared under each of them: the one that is booted next need not be the
one that ran when it was declared."""

import pytest

from reboots import DIRECTORY, VFIO, calm, declaration, declared, drivers, rebuild_initramfs, untouched, up, vfio_alone
from rig import machineroot

OLDER, NEWER = "debian-6.1", "debian-6.12"
NAME = "nvme-0000-02-00.0"
pytestmark = [pytest.mark.kernels(NEWER), pytest.mark.lineup("boot", others=(OLDER,))]
LIST = {"initramfs-tools": "lsinitramfs", "dracut": "lsinitrd"}


def boot(machine, kernel):
    if machine.alive:
        machine.power_cut()
    machine.use(kernel)
    machine.boot()
    assert machine.sh("uname -r").strip() == machine.release


def change(machine, command, rc=0):
    r = machine.run(command, timeout=900)
    assert r.rc == rc, r
    return r


def is_kept(machine, card, twin):
    vfio_alone(machine, machine.address(card))
    untouched(machine, twin, "nic0", "nic1", "igb0", "pf0")
    assert declared(machine) == {NAME: "in-force"}
    assert "older files" not in change(machine, "vfioadm status").out
    up(machine)


def is_forgotten(machine):
    untouched(machine, "nvme0", "nvme1", "nic0", "nic1", "igb0", "pf0")
    assert declared(machine) == {}
    up(machine)


def releases(machine):
    return [machineroot.booted_with(k, machine.tool).release for k in (OLDER, NEWER)]


def images(machine):
    """{release: when it was made}"""
    return {r: machine.sh(f"stat -c '%y %i' /boot/initrd.img-{r}") for r in releases(machine)}


def asked_for(machine):
    """The releases whose images were asked for since the last boot, after quick_initramfs()."""
    machine.power_cut()
    wishes = machine.fulfil_wishes()
    assert len(wishes) == 2
    return [r for r in releases(machine) if any(r in wish.split() for wish in wishes)]


@pytest.mark.daily(NEWER, "initramfs-tools")
def test_declared_under_one_and_kept_under_the_other(machine):
    machine.quick_initramfs()
    boot(machine, NEWER)
    disk = machine.address("nvme0")
    assert "rebuild the initramfs of each installed kernel" in change(
        machine, f"vfioadm assign --persist {disk}").out
    assert asked_for(machine) == releases(machine)
    boot(machine, OLDER)
    is_kept(machine, "nvme0", "nvme1")


@pytest.mark.long
def test_each_kernel_after_each_change(machine):
    """By the tools themselves, in the guest: declared under one, edited under the other, then released."""
    boot(machine, NEWER)
    disk = machine.address("nvme0")
    before = images(machine)
    change(machine, f"vfioadm assign --persist {disk}")
    made = images(machine)
    assert not set(before.values()) & set(made.values())
    for kernel in (NEWER, OLDER):
        boot(machine, kernel)
        is_kept(machine, "nvme0", "nvme1")
        assert "nothing to do" in change(machine, "vfioadm apply").out

    # The slot of its twin, with an editor; first in a way that cannot be meant.
    file = f"{DIRECTORY}/{NAME}.conf"
    machine.sh(f"sed -i 's,^Path=pci-0000:00:02.1/,Path=0000:00:02.2/,' {file}")
    assert f"{file}:3: " in change(machine, "vfioadm config check", rc=2).err
    machine.sh(f"sed -i 's,^Path=,Path=pci-,' {file}")
    change(machine, "vfioadm config check")
    assert "may be made from older files" in change(machine, "vfioadm status", rc=3).out
    assert "would: rebuild the initramfs of each installed kernel" in change(machine, "vfioadm plan").out
    assert images(machine) == made
    change(machine, "vfioadm apply")
    assert not set(made.values()) & set(images(machine).values())
    assert drivers(machine, disk, machine.address("nvme1")) == [VFIO, VFIO]
    for kernel in (NEWER, OLDER):
        boot(machine, kernel)
        is_kept(machine, "nvme1", "nvme0")

    change(machine, f"vfioadm release --persist {machine.address('nvme1')}")
    for kernel in (NEWER, OLDER):
        boot(machine, kernel)
        is_forgotten(machine)


# In the place of the tool; $0.real is it.
FAILS_FOR = """\
#!/bin/sh
case " $* " in *" {release} "*) echo "E: no firmware for this one" >&2; exit 1 ;; esac
exec "$0.real" "$@"
"""


@pytest.mark.long
def test_one_that_cannot_be_made(machine):
    """What is declared must be so under each kernel: everything is as before, under each."""
    older, newer = releases(machine)
    program = machineroot.PROGRAM[machine.tool]
    boot(machine, NEWER)
    disk = machine.address("nvme0")
    before = images(machine)
    machine.sh(f"mv {program} {program}.real")
    machine.put(program, FAILS_FOR.format(release=older), 0o755)
    said = change(machine, f"vfioadm assign --persist {disk}", rc=1)
    assert f"for {older}: " in said.err and "E: no firmware for this one" in said.err
    assert "putting things back failed" not in said.err and "Remote I/O" not in said.out + said.err
    # Dracut replaces none before all are made.
    after = images(machine)
    assert after[older] == before[older] and (after[newer] == before[newer]) == (machine.tool == "dracut")
    assert machine.driver(disk) == "nvme" and declared(machine) == {}
    for kernel in (OLDER, NEWER):
        boot(machine, kernel)
        is_forgotten(machine)

    # Of what it was made nobody knows before somebody looks.
    assert "may be made from older files" in change(machine, "vfioadm status").out
    assert "udev rules" in change(machine, "vfioadm plan").out
    machine.sh(f"mv {program}.real {program}")
    change(machine, "vfioadm apply")
    assert "older files" not in change(machine, "vfioadm status").out
    change(machine, f"vfioadm assign --persist {disk}")
    for kernel in (OLDER, NEWER):
        boot(machine, kernel)
        is_kept(machine, "nvme0", "nvme1")


@pytest.mark.long
@pytest.mark.lineup("boot")
def test_a_kernel_that_is_installed_later(machine, initramfs):
    """Its package has the tool make its initramfs, and that has what was declared before."""
    machine.files.write(f"{DIRECTORY}/{NAME}.conf", declaration(machine, "nvme0"))
    machine.files.write("/var/tmp/kernel.deb", machineroot.package(OLDER).read_bytes())
    rebuild_initramfs(machine)
    boot(machine, NEWER)
    calm(machine)
    # Rules made at boot do not know of what an initramfs was made by somebody else.
    assert "older files" in change(machine, "vfioadm status").out
    change(machine, "vfioadm apply")
    older = releases(machine)[0]
    machine.sh(f"test ! -e /boot/initrd.img-{older}")
    change(machine, "dpkg -i /var/tmp/kernel.deb")
    names = machine.sh(f"{LIST[initramfs]} /boot/initrd.img-{older}", timeout=120)
    for name in (f"{NAME}.conf", "vfioadm-early", "vfio-pci.ko", "nvme.ko"):
        assert name in names, name
    boot(machine, OLDER)
    is_kept(machine, "nvme0", "nvme1")
    # It counts from now on.
    machine.sh(f"rm {DIRECTORY}/{NAME}.conf")
    before = images(machine)
    change(machine, "vfioadm apply")
    assert not set(before.values()) & set(images(machine).values())
    for kernel in (NEWER, OLDER):
        boot(machine, kernel)
        is_forgotten(machine)
