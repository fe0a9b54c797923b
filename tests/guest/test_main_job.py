# SPDX-License-Identifier: LGPL-2.1-or-later
"""assign and release on real kernels."""

import json
import os

import pytest

from tool import Host


def strip_names(listing):
    """Interface and NVMe instance names are the kernel's to choose anew at each bind."""
    for f in listing["functions"]:
        for key in ("net", "block"):
            f[key] = len(f.get(key) or [])
    return listing


def settled_list(host):
    """list --json once every disk and interface is there again: nvme scans after its probe."""
    host.sh("for i in $(seq 50); do ! cat /sys/class/nvme/*/state | grep -qv live && "
            "[ $(ls -d /sys/class/block/nvme*n* 2>/dev/null | grep -vc n[0-9]*p) -ge 2 ] && break; "
            "sleep 0.1; done")
    return strip_names(host.json("list", "--all"))


def test_twins(host):
    """Only the named one moves."""
    for addresses in (host.nics(), host.disks()):
        one, twin = addresses
        native = host.driver(one)
        r = host.must("assign", one)
        assert "verified" in r.out
        now = host.functions()
        assert now[one].driver == now[one].override == "vfio-pci"
        assert now[twin].state == (native, None)
        host.must("release", one)
        assert host.function(one).state == (native, None)


def test_node_is_there_when_assign_returns(host):
    nic = host.nics()[0]
    group = host.function(nic).group
    r = host.guest.run(["/bin/sh", "-c", f"vfioadm assign --quiet {nic} && ls /dev/vfio/{group}"])
    assert r.rc == 0 and f"/dev/vfio/{group}" in r.out
    host.must("release", nic)


def test_several_at_once(host):
    everything = host.nics() + host.disks()
    host.must("assign", *everything)
    assert {host.driver(a) for a in everything} == {"vfio-pci"}
    host.must("release", *everything)


def test_nothing_to_do(host):
    nic = host.nics()[0]
    assert host.json("release", nic)["result"] == "unchanged"
    host.must("assign", nic)
    assert host.json("assign", nic)["result"] == "unchanged"
    host.must("release", nic)


def test_dry_run_shows_the_same_steps(host):
    nic = host.nics()[0]
    host.sh("modprobe vfio-pci")
    for verb in ("assign", "release"):
        before = host.state()
        planned = host.json(verb, "--dry-run", nic)
        assert planned["result"] == "planned" and host.state() == before
        done = host.json(verb, nic)
        assert done["result"] == "done"

        def steps(run):
            return [(s["device"], s["action"], s.get("path"), s.get("value")) for s in run["steps"]]
        assert steps(planned) == steps(done)
        assert {s["state"] for s in planned["steps"]} == {"planned"}
        assert {s["state"] for s in done["steps"]} == {"done"}


def test_driverless_before_is_driverless_after(host):
    nic = host.nics()[0]
    host.write("/sys/bus/pci/drivers/e1000e/unbind", nic)
    host.must("assign", nic)
    assert host.driver(nic) == "vfio-pci"
    r = host.must("release", nic)
    assert host.function(nic).state == (None, None)
    assert "no driver" in r.out
    host.write("/sys/bus/pci/drivers/e1000e/bind", nic)


def test_override_of_others_comes_back(host):
    """driverctl and others keep their own override: it is restored, not cleared."""
    nic = host.nics()[0]
    host.write(f"/sys/bus/pci/devices/{nic}/driver_override", "e1000e")
    host.must("assign", nic)
    host.must("release", nic)
    assert host.function(nic).state == ("e1000e", "e1000e")
    host.sh(f"printf '\\n' > /sys/bus/pci/devices/{nic}/driver_override")


def test_already_on_vfio_by_hand(host):
    """Bound by somebody else, without a record: release finds the best native driver."""
    nic = host.nics()[0]
    host.sh(f"modprobe vfio-pci; echo vfio-pci > /sys/bus/pci/devices/{nic}/driver_override; "
            f"echo {nic} > /sys/bus/pci/drivers/e1000e/unbind; "
            f"echo {nic} > /sys/bus/pci/drivers/vfio-pci/bind")
    assert host.json("assign", nic)["result"] == "unchanged"
    host.must("release", nic)
    assert host.function(nic).state == ("e1000e", None)


def test_park(host):
    nic = host.nics()[0]
    host.must("assign", nic)
    host.must("release", "--park", nic)
    assert host.function(nic).state == (None, None)
    host.write("/sys/bus/pci/drivers/e1000e/bind", nic)


@pytest.mark.arch("x86_64")
def test_builtin_native_driver(host):
    """virtio-pci is built in: nothing to load, only bind by name."""
    net = host.on("virtio-pci")
    assert len(net) == 2, "one group of two"
    host.must("assign", "--group", net[0])
    # Kernels with a VFIO driver made for virtio-net have it chosen.
    variant = "virtio_vfio_pci" in host.sh("grep -h 1AF4 /lib/modules/*/modules.alias | grep vfio_pci: || true")
    assert host.driver(net[0]) == ("virtio_vfio_pci" if variant else "vfio-pci")
    assert host.driver(net[1]) == "vfio-pci"
    host.must("release", "--group", net[1])
    assert {host.driver(a) for a in net} == {"virtio-pci"}


@pytest.mark.arch("x86_64")
def test_other_driver(host):
    """--driver takes precedence over the variant, and an assigned function can change its VFIO driver."""
    net = host.on("virtio-pci")[0]
    host.must("assign", "--group", "--driver", "vfio-pci", net)
    assert host.driver(net) == "vfio-pci"
    if "virtio_vfio_pci" in host.sh("modprobe virtio_vfio_pci 2>/dev/null; ls /sys/bus/pci/drivers"):
        host.must("assign", "--driver", "virtio_vfio_pci", net)
        assert host.driver(net) == "virtio_vfio_pci"
    host.must("release", "--group", net)
    assert host.function(net).state == ("virtio-pci", None), "what it had before the first assign"


@pytest.mark.arch("s390x")
def test_builtin_native_driver_s390x(host):
    for address in host.on("virtio-pci"):
        host.must("assign", address)
        assert host.driver(address) == "vfio-pci"
        host.must("release", address)
        assert host.driver(address) == "virtio-pci"


def test_record_is_void_for_another_incarnation(host):
    """A function that was removed and found anew is another one: its record says nothing about it."""
    nic = host.nics()[0]
    host.must("assign", nic)
    slot = host.sh(f"for s in /sys/bus/pci/slots/*; do case {nic} in $(cat $s/address)*) echo ${{s##*/}}; "
                   "esac; done").strip()
    if "s390" in host.sh("uname -m"):
        host.sh(f"echo 0 > /sys/bus/pci/slots/{slot}/power; echo 1 > /sys/bus/pci/slots/{slot}/power")
    else:
        host.sh(f"echo 1 > /sys/bus/pci/devices/{nic}/remove; echo 1 > /sys/bus/pci/rescan")
    host.sh(f"for i in $(seq 30); do [ -e /sys/bus/pci/devices/{nic}/driver ] && break; sleep 0.1; done")
    assert host.function(nic).state == ("e1000e", None), "the kernel has forgotten the override"
    assert host.json("release", nic)["result"] == "unchanged"
    # Driverless, bound by hand: the old record (driver e1000e) must not be what decides.
    host.write("/sys/bus/pci/drivers/e1000e/unbind", nic)
    host.must("assign", nic)
    host.must("release", nic)
    assert host.driver(nic) is None
    host.write("/sys/bus/pci/drivers/e1000e/bind", nic)


@pytest.mark.own_guest
@pytest.mark.kernels("debian-6.12", "6.12-iommufd")
def test_native_probe_fails(guest):
    """A disk that does not answer: nvme's own errno and its words in the log, and back to vfio-pci.

    6.1 resets the controller after its probe, and reports nothing.
    """
    host = Host(guest)
    twin, disk = host.disks()  # in this order they are released
    host.sh("modprobe vfio-pci disable_idle_d3=1")
    host.must("assign", disk, twin)
    before = host.state()
    host.sh(f"setpci -s {disk} BASE_ADDRESS_0.L=0")
    error = host.json("release", twin, disk, rc=1)["error"]
    assert error["code"] == "probe-failed" and error["errno"] == 19 and error["device"] == disk
    assert "Device not ready" in error["message"], error["message"]
    assert host.state() == before, "both, also the one that had been released already"


@pytest.mark.own_guest
def test_fifty_round_trips(host):
    nic, disk = host.nics()[0], host.disks()[0]
    host.sh("modprobe vfio-pci")
    before = settled_list(host)
    times = 500 if os.environ.get("VFIOADM_TEST_LONG") else 50
    script = (f"i=0; while [ $i -lt {times} ]; do vfioadm assign --quiet {nic} {disk} || exit 1; "
              f"vfioadm release --quiet {nic} {disk} || exit 2; i=$((i+1)); done")
    r = host.guest.run(["/bin/sh", "-c", script], timeout=3 * times)
    assert r.rc == 0, r
    after = settled_list(host)
    assert json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert host.sh("ls /run/vfioadm/records | wc -l").strip() == "0"


def test_other_selectors(host):
    """By interface, device node, MAC, serial, group, card type."""
    nic, disk = host.nics()[0], host.disks()[0]
    interface = host.sh(f"ls /sys/bus/pci/devices/{nic}/net").strip()
    node = host.sh(f"ls -d /sys/bus/pci/devices/{disk}/nvme/nvme*/nvme*n*").strip().split("/")[-1]
    node = node.replace(node[node.index("c"):node.rindex("n")], "") if "c" in node else node
    mac = host.sh(f"cat /sys/class/net/{interface}/address").strip()
    serial = host.sh(f"cat /sys/bus/pci/devices/{disk}/nvme/nvme*/serial").strip()
    group = host.function(nic).group
    for selector, expected in ((interface, nic), (f"mac={mac}", nic), (f"group={group}", nic),
                               (f"/dev/{node}", disk), (f"serial={serial}", disk)):
        shown = host.json("show", selector)["functions"]
        assert [f["address"] for f in shown] == [expected], selector
    card = host.function(nic).id
    assert "--all-matching" in host.fails(2, "assign", card)
    host.must("assign", "--all-matching", card)
    assert host.on("vfio-pci") == sorted(a for a, f in host.functions().items() if f.id == card)
    host.must("release", "--all-matching", card)


@pytest.mark.arch("s390x")
def test_uid_and_fid(host):
    nic = host.nics()[0]
    uid = int(nic.split(":")[0], 16)
    fid = int(host.sh(f"cat /sys/bus/pci/devices/{nic}/function_id"), 16)
    for selector in (f"uid={uid:x}", f"fid={fid:#x}"):
        host.must("assign", selector)
        assert host.driver(nic) == "vfio-pci"
        host.must("release", selector)
