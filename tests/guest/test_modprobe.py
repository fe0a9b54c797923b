# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loading a module moves nothing but what is named, and what modprobe.d forbids is explained by its line."""

import re

import pytest

CONF = "/etc/modprobe.d/zz-test.conf"
SCRIPT = "/root/move-the-other.sh"
CONFIGURED = "8086:10d3"

pytestmark = [pytest.mark.kernels("6.12-iommufd"), pytest.mark.lineup("standard", append=f"vfio_pci.ids={CONFIGURED}")]


@pytest.fixture
def conf(host):
    host.sh("mkdir -p /etc/modprobe.d; modprobe -r vfio_pci || true")
    yield lambda text: host.guest.put(CONF, text.encode(), 0o644)
    host.sh(f"rm -f {CONF} {SCRIPT} /tmp/ran; modprobe -r vfio_pci; modprobe e1000e || true")
    for a, f in host.functions().items():
        if f.id == "8086:10d3" and f.driver is None:
            host.sh(f"echo > /sys/bus/pci/devices/{a}/driver_override; echo {a} > /sys/bus/pci/drivers/e1000e/bind")


@pytest.mark.parametrize("module", ["vfio-pci", "vfio_pci_core", "vfio*"])
def test_a_command_is_not_run(host, conf, module):
    """A script that gives another NIC away, in place of the module or of one that it needs."""
    nic, other = host.nics()
    host.guest.put(SCRIPT, f"""#!/bin/sh
touch /tmp/ran
echo vfio-pci > /sys/bus/pci/devices/{other}/driver_override
echo {other} > /sys/bus/pci/devices/{other}/driver/unbind
modprobe -i $MODPROBE_MODULE
""".encode(), 0o755)
    conf(f"install {module} {SCRIPT}\n")
    before = host.state()
    for options in (["--dry-run"], []):
        r = host.vfioadm("assign", *options, nic)
        assert r.rc == 0 and f"{CONF}:1" in r.err and SCRIPT in r.err, r
        if options:
            assert host.state() == before
    assert host.driver(nic) == "vfio-pci" and host.driver(other) == "e1000e"
    assert host.guest.run("test -e /tmp/ran").rc != 0
    host.must("release", nic)
    assert host.state() == before


def test_a_soft_dependency_takes_nothing(host, conf):
    """softdep would load the driver of a free function on the way."""
    nic, _ = host.nics()
    host.sh("modprobe -r igb")
    free = [a for a, f in host.functions().items() if f.id == "8086:10c9"]
    assert free
    conf("softdep vfio-pci post: igb\n")
    r = host.vfioadm("assign", nic)
    assert r.rc == 0 and f"{CONF}:1" in r.err, r
    assert all(host.driver(a) is None for a in free)
    # What VFIO itself has as a soft dependency is there all the same.
    assert host.guest.run("test -d /sys/module/vfio_iommu_type1").rc == 0
    host.must("release", nic)
    host.sh(f"rm {CONF}; modprobe igb")


def test_configured_types_take_nothing(host, conf):
    """ids= fits a free NIC that is not named; enabling the type takes it."""
    nic, other = host.nics()
    host.sh(f"echo {other} > /sys/bus/pci/drivers/e1000e/unbind")
    planned = host.json("assign", "--dry-run", nic)
    assert [f["code"] for f in planned["findings"]] == ["module-ids"], planned
    assert "load module vfio_pci without card types" in str(planned), planned
    host.must("assign", nic)
    assert host.driver(nic) == "vfio-pci" and host.driver(other) is None
    assert CONFIGURED not in host.must("list", "--enabled").out
    host.must("enable", CONFIGURED)
    assert host.driver(other) == "vfio-pci" and CONFIGURED in host.must("list", "--enabled").out
    host.must("disable", CONFIGURED)
    host.must("release", nic)
    host.sh(f"echo {other} > /sys/bus/pci/drivers/vfio-pci/unbind; echo {other} > /sys/bus/pci/drivers/e1000e/bind")


def test_the_kernel_got_what_is_said(host, conf):
    """ids= in the file and on the command line: both are passed, and the kernel keeps the last."""
    conf('options vfio-pci ids=1af4:1 disable_vga=1\noptions vfio-pci ids="1af4:2, 1af4:3"\n')
    host.sh("dmesg -C; modprobe vfio-pci")
    added = re.findall(r"vfio_pci: add \[([0-9a-f]{4}:[0-9a-f]{4})", host.guest.kernel_log())
    assert added[-1:] == [CONFIGURED] and "1af4:0001" not in added, added
    listed = host.vfioadm("list", "--enabled").out
    assert re.search(rf"^{CONFIGURED} +kernel command line$", listed, re.M) and "1af4" not in listed, listed
    said = host.vfioadm("import").out
    assert f"CardType={CONFIGURED}" in said and "1af4:1 is not in force" in said, said


def test_a_module_that_is_forbidden_is_explained(host, conf):
    nic, _ = host.nics()
    host.must("assign", nic)
    host.sh("modprobe -r e1000e")
    conf("# no Intel here\nblacklist e1000e\ninstall e1000e /bin/true\n")
    for options in (["--dry-run"], []):
        said = host.fails(6, "release", *options, nic)
        assert f'{CONF}:3 says "install e1000e /bin/true"' in said and "--park" in said, said
        assert "another tool" not in said
    assert host.driver(nic) == "vfio-pci"
    conf("blacklist e1000e\n")
    # A blacklist is against loading by alias; the record names the driver.
    host.must("release", nic)
    assert host.driver(nic) == "e1000e"


@pytest.mark.parametrize("line", ["install vfio_pci_core /bin/false", "install vfio-pci echo no >&2; exit 1"])
def test_vfio_pci_that_is_forbidden_is_explained(host, conf, line):
    nic, _ = host.nics()
    conf(f"{line}\n")
    before = host.state()
    for words in (["assign", nic], ["assign", "--dry-run", nic], ["enable", "8086:10c9"]):
        said = host.fails(6, *words)
        assert f"{CONF}:1 says" in said and "which loads nothing" in said, said
    assert host.state() == before and host.guest.run("test -d /sys/module/vfio_pci").rc != 0
