# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of machines ask between two boots; it looks at the kernel, not through vfioadm."""

import json
import re

from rig import machineroot
from rig.errors import GuestTimeout
from rig.machine import PROBING

VFIO = "vfio-pci"
DIRECTORY = "/etc/vfioadm.d"
# Native drivers of the line-up "boot".
NATIVE = {"nvme": "nvme", "nic": "e1000e", "igb": "igb", "pf": "nvme"}


def native(card):
    return NATIVE[card.rstrip("0123456789")]


# systemd may answer before it has read what udev told it last: it is asked more than once.
NO_JOBS = "for i in 1 2 3 4; do systemctl list-jobs --no-legend | grep -q . && exit 1; done; exit 0"


def calm(machine):
    """Until udev and the units that it started have nothing to do."""
    machine.sh("udevadm settle -t 120", timeout=150)
    try:
        machine.wait_for(NO_JOBS, 180)
    except GuestTimeout as e:
        raise GuestTimeout(f"{e}\n{machine.sh('systemctl list-jobs --no-pager')}") from None


def states(machine, *addresses):
    """[(driver, driver_override)] of each function, None where there is none."""
    script = "".join(f"d=/sys/bus/pci/devices/{a}; echo $(basename \"$(readlink $d/driver)\"); "
                     "cat $d/driver_override;" for a in addresses)
    words = machine.sh(script).split("\n")
    return [(d or None, None if o == "(null)" else o)
            for d, o in zip(words[0:-1:2], words[1::2], strict=True)]


def rebuild_initramfs(machine):
    """As the tool would in the guest, of a machine that is off."""
    machineroot.make_initramfs(machine.files, [machine.release], machine.tool)


def virtual_functions(machine, address):
    """Addresses, by their number."""
    script = f"cd /sys/bus/pci/devices/{address}; for l in virtfn*; do echo $l $(readlink $l); done"
    links = [line.split() for line in machine.sh(script).splitlines() if "/" in line]
    links.sort(key=lambda words: int(words[0].removeprefix("virtfn")))
    return [target.split("/")[1] for _, target in links]


def node(machine, address):
    """Owner and mode of the node of a function's group: "qemu:kvm 660"."""
    return machine.sh("stat -c '%U:%G %a' /dev/vfio/$(basename "
                      f"$(readlink /sys/bus/pci/devices/{address}/iommu_group))").strip()


def drivers(machine, *addresses):
    return [d for d, _ in states(machine, *addresses)]


def probes(machine):
    """{address: the drivers that have probed it in this boot, in order}"""
    found = {}
    for before, driver, behind in PROBING.findall(machine.kernel_log()):
        found.setdefault(before or behind, []).append(driver)
    return found


def vfio_alone(machine, *addresses):
    """On vfio-pci, and no other driver has probed them in this boot."""
    assert drivers(machine, *addresses) == [VFIO] * len(addresses)
    found = probes(machine)
    assert {a: found[a] for a in addresses} == {a: [VFIO] for a in addresses}


def untouched(machine, *cards):
    """On their native drivers, which nobody kept from them."""
    addresses = [machine.address(c) for c in cards]
    assert states(machine, *addresses) == [(native(c), None) for c in cards]
    found = probes(machine)
    assert {c: found[a] for c, a in zip(cards, addresses, strict=True)} == {c: [native(c)] for c in cards}


def declaration(machine, card, **sections):
    """Text of a file in vfioadm.d, made from the line-up: declaration(m, "pf0", SR_IOV="VFs=15")."""
    port = machine.cards.text(re.search(r"(?:^|,)bus=([^,]+)", machine.cards.text(card))[1])
    slot, _, function = re.search(r"(?:^|,)addr=0x([0-9a-f.]+)", port)[1].partition(".")
    lines = ["[Match]", f"Path=pci-0000:00:{int(slot, 16):02x}.{function or 0}/00.0"]
    for section, text in sections.items():
        lines += ["", f"[{section.replace('_', '-')}]", *text.split()]
    return "\n".join(lines) + "\n"


def declared(machine):
    """{name: state} as status has it; its status must agree."""
    r = machine.run(["vfioadm", "status", "--json"], timeout=120)
    found = json.loads(r.out)
    assert r.rc == (0 if found["in_force"] else 3), r
    return {d["name"]: d["state"] for d in found["declarations"]}


def said(machine):
    """What vfioadm wrote in this boot, from the initramfs on, and systemd about its units."""
    return machine.sh("journalctl -b --no-pager -o short-monotonic | grep -F vfioadm || true", timeout=120)


def failed_units(machine):
    return [line.split()[0] for line in
            machine.sh("systemctl list-units --failed --no-legend --plain").splitlines()]


def up(machine, but=()):
    """All that was to be started is running, and nothing has failed but these units."""
    assert machine.sh("systemctl is-active multi-user.target").strip() == "active"
    assert failed_units(machine) == list(but)
