# SPDX-License-Identifier: LGPL-2.1-or-later
"""vfioadm in a guest, as tests use it, and a look at the kernel that does not go through vfioadm."""

import json
import os
import shlex
from pathlib import Path

from rig import payload

# Builtins only: a fork takes 15 ms in a guest, and this is asked for before and after each test.
STATE = r"""
for f in /sys/bus/pci/drivers/*/*:*:*.* /sys/kernel/iommu_groups/*/devices/*; do echo "$f"; done
for d in /sys/bus/pci/devices/*; do
	read -r vendor <$d/vendor; read -r device <$d/device; read -r class <$d/class
	read -r override <$d/driver_override
	echo "${d##*/}|$override|$vendor|$device|$class"
done
"""


def put_program(guest, name):
    """Puts one of tools/ into the guest; returns its path there."""
    build = os.environ[payload.BUILD_VARIABLE[guest.arch]]
    path = f"/root/{name}"
    guest.put(path, Path(build, "tests/guest/tools", name).read_bytes(), 0o755)
    return path


class Function:
    """A function as the kernel shows it."""

    def __init__(self, line, drivers, groups):
        self.address, override, vendor, device, cls = line.split("|")
        self.driver = drivers.get(self.address)
        self.override = None if override == "(null)" else override
        self.group = groups.get(self.address)
        self.id = f"{vendor[2:]}:{device[2:]}"
        self.cls = cls[2:]

    @property
    def state(self):
        return (self.driver, self.override)

    def __repr__(self):
        return f"{self.address} {self.id} driver={self.driver} override={self.override}"


class Host:
    """The guest as a host of devices."""

    def __init__(self, guest):
        self.guest = guest

    def sh(self, script, **kwargs):
        return self.guest.sh(script, **kwargs)

    def vfioadm(self, *args, **kwargs):
        return self.guest.run(["vfioadm", *args], **kwargs)

    def json(self, *args, rc=0):
        """Output of vfioadm … --json; rc is the status that must come with it (None: any)."""
        r = self.vfioadm(*args, "--json")
        assert rc is None or r.rc == rc, f"{args}: {r}"
        return json.loads(r.out)

    def must(self, *args):
        r = self.vfioadm(*args)
        assert r.rc == 0, f"{args}: {r}"
        return r

    def fails(self, rc, *args):
        """The command must fail with this status; what it said comes back."""
        r = self.vfioadm(*args)
        assert r.rc == rc, f"{args}: {r}"
        return r.err

    def functions(self):
        lines = self.sh(STATE).splitlines()
        paths = [line.split("/") for line in lines if line.startswith("/") and "*" not in line]
        drivers = {p[-1]: p[-2] for p in paths if p[3] == "pci"}
        groups = {p[-1]: int(p[-3]) for p in paths if p[3] == "iommu_groups"}
        found = (Function(line, drivers, groups) for line in lines if not line.startswith("/"))
        return {f.address: f for f in found}

    def function(self, address):
        return self.functions()[address]

    def driver(self, address):
        return self.function(address).driver

    def state(self):
        """What a transaction must not change by accident."""
        return {a: f.state for a, f in self.functions().items()}

    def on(self, driver):
        """Addresses bound to this driver, in order."""
        return sorted(a for a, f in self.functions().items() if f.driver == driver)

    def nics(self):
        return self.on("e1000e")

    def disks(self):
        """The twin disks (not the SR-IOV controller, which has no namespace)."""
        names = self.sh("grep -l TWIN /sys/bus/pci/devices/*/nvme/nvme*/serial").split()
        return sorted(n.split("/")[5] for n in names)

    def write(self, path, text):
        """echo text > path, as the manual page does; returns the kernel's answer as the shell says it."""
        return self.guest.run(["/bin/sh", "-c", f"echo {shlex.quote(text)} > {shlex.quote(path)}"])

    def unload_vfio(self):
        """A host on which vfio-pci was never loaded; only for guests without a bound function."""
        self.sh("modprobe -r vfio-pci vfio_iommu_type1 2>/dev/null; true")
