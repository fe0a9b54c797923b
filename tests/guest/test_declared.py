# SPDX-License-Identifier: LGPL-2.1-or-later
"""Declared state on a kernel that is up; what is about a boot is in test_reboots.py."""

import pytest

from tool import Host

CONF = "/etc/vfioadm.d/disk.conf"


@pytest.fixture
def declared(host):
    """Declares a disk; nothing of it is left behind."""
    disk = host.disks()[0]
    function = host.function(disk)
    vendor, device = function.id.split(":")

    def declare(more=""):
        text = f"[Match]\nAddress={disk}\nVendor={vendor}\nDevice={device}\n{more}"
        host.sh(f"mkdir -p /etc/vfioadm.d; printf '%s' '{text}' > {CONF}")

    host.disk, host.declare = disk, declare
    yield host
    host.sh(f"rm -rf /etc/vfioadm.d; vfioadm release {disk}; vfioadm apply; rm -rf /run/vfioadm/hold")


def node(host: Host):
    """Owner, group and mode of the disk's group node, by the kernel."""
    group = host.function(host.disk).group
    return host.sh(f"stat -c '%u %g %a' /dev/vfio/{group}").split()


def state(host: Host):
    return host.json("status", rc=None)["declarations"][0]["state"]


def test_apply_and_hold(declared):
    declared.declare()
    assert state(declared) == "differs"
    declared.must("apply")
    assert declared.function(declared.disk).state == ("vfio-pci", "vfio-pci") and state(declared) == "in-force"
    declared.must("release", declared.disk)
    assert state(declared) == "held"
    declared.must("apply")
    assert declared.function(declared.disk).state == ("nvme", None)
    declared.must("assign", declared.disk)
    assert state(declared) == "in-force"


def test_node_is_given_before_apply_returns(declared):
    declared.declare("[Node]\nUser=1000\nGroup=36\n")
    declared.must("apply")
    assert node(declared) == ["1000", "36", "660"]
    assert state(declared) == "in-force"
    # Another wish about a function that is assigned already.
    declared.declare("[Node]\nUser=1001\nMode=0600\n")
    assert state(declared) == "differs"
    declared.must("apply")
    assert node(declared) == ["1001", "0", "600"]
    # The kernel makes a new node, for root alone; who assigns by hand gives it as well.
    declared.must("release", declared.disk)
    declared.must("assign", declared.disk)
    assert node(declared) == ["1001", "0", "600"]


def test_node_of_an_unknown_user(declared):
    declared.declare("[Node]\nUser=no-such-user\n")
    for command in (["apply"], ["assign", declared.disk]):
        said = declared.fails(2, *command)
        assert "no-such-user, which this host does not have" in said and CONF in said and "[Node]" in said
        assert declared.function(declared.disk).state == ("nvme", None)


def test_persist_and_back(declared):
    said = declared.must("assign", "--persist", declared.disk).out
    assert "known by its" in said
    assert state(declared) == "in-force"
    assert "nothing to do" in declared.must("apply").out
    declared.must("release", "--persist", declared.disk)
    assert declared.json("status")["declarations"] == []
    assert declared.function(declared.disk).state == ("nvme", None)


def test_rules_follow_what_was_changed_by_hand(declared):
    rules = "/etc/udev/rules.d/61-vfioadm-declared.rules"
    declared.declare()
    declared.must("apply")
    assert declared.disk in declared.sh(f"cat {rules}")
    declared.sh(f"rm {CONF}")
    assert "write the udev rules" in declared.must("apply").out
    assert declared.sh(f"test -e {rules} || echo gone") == "gone\n"


# From its first transaction on, others want the lock whenever it is free.
CROWD = """
vfioadm apply >/tmp/out 2>&1 & apply=$!
until ls /run/vfioadm/records/* >/dev/null 2>&1; do kill -0 $apply || exit 30; done
for i in 1 2; do
	while kill -0 $apply 2>/dev/null; do vfioadm settle >/dev/null 2>&1 && echo settled >>/tmp/crowd; done &
done
wait $apply; status=$?
wait
cat /tmp/out
exit $status
"""


def test_others_between_two_transactions(declared):
    """Claim units of udev begin while apply is at work, and that was asked to do all of it."""
    functions = [declared.function(a) for a in [*declared.disks()[1:], *declared.nics()][:6]]
    declared.declare()
    for i, f in enumerate(functions):
        vendor, device = f.id.split(":")
        declared.sh(f"printf '[Match]\\nAddress={f.address}\\nVendor={vendor}\\nDevice={device}\\n' "
                    f"> /etc/vfioadm.d/{i}.conf")
    r = declared.guest.run(CROWD, timeout=60)
    states = {d["state"] for d in declared.json("status", rc=None)["declarations"]}
    crowd = len(declared.sh("cat /tmp/crowd").split())
    declared.sh("rm /etc/vfioadm.d/?.conf /tmp/crowd")
    declared.must("release", *(f.address for f in functions))
    assert (r.rc, states) == (0, {"in-force"}), r
    assert crowd


# On s390x each function is alone in its group.
@pytest.mark.arch("x86_64")
def test_two_of_one_group(host):
    """What "assign --persist --group" writes is applied again, whichever of the two is asked for."""
    pair = host.on("e1000")
    names = host.json("assign", "--persist", "--group", pair[0]) and sorted(
        d["name"] for d in host.json("status")["declarations"])

    def give_back():
        for a in pair:
            host.write(f"/sys/bus/pci/devices/{a}/driver_override", "")
            host.write("/sys/bus/pci/drivers/vfio-pci/unbind", a)
        for a in pair:
            host.write("/sys/bus/pci/drivers/e1000/bind", a)
        assert [host.function(a).state for a in pair] == [("e1000", None)] * 2

    try:
        assert len(names) == 2
        for command in (["apply"], ["apply", names[1]], ["apply", "--only", pair[0]], ["apply", "--boot"],
                        ["apply", "--atomic"]):
            give_back()
            assert {d["state"] for d in host.json("status", rc=3)["declarations"]} == {"differs"}
            assert host.json("plan")["declarations"][0]["names"] == names
            host.must(*command)
            assert [host.function(a).state for a in pair] == [("vfio-pci", "vfio-pci")] * 2, command
            host.must("status")
        # Of what one is in the way of, both are named, and the rest is applied.
        give_back()
        host.sh(f"ip link set $(ls /sys/bus/pci/devices/{pair[1]}/net | head -1) up")
        assert f"{names[0]} and {names[1]}: refused" in host.fails(3, "apply")
        assert [host.function(a).state for a in pair] == [("e1000", None)] * 2
        host.sh(f"ip link set $(ls /sys/bus/pci/devices/{pair[1]}/net | head -1) down")
        host.must("apply")
        host.must("release", "--persist", *pair)
    finally:
        host.sh("rm -rf /etc/vfioadm.d /run/vfioadm/hold; vfioadm apply")


# On s390x each function is alone in its group.
@pytest.mark.arch("x86_64")
def test_late_for_their_type(host):
    """Of two functions of one type in one group neither can be taken alone; afterwards nobody is late."""
    pair = [a for a, f in host.functions().items() if f.id == "8086:100e"]
    host.sh("mkdir -p /etc/vfioadm.d /run/vfioadm/late; echo '[Match]\nCardType=8086:100e' > /etc/vfioadm.d/type.conf")
    try:
        host.must("apply", "--boot")
        assert [host.function(a).state for a in pair] == [("e1000", None)] * 2
        # As vfioadm-early does where the driver was there first.
        host.sh("".join(f"> /run/vfioadm/late/{a}; " for a in pair))
        done = host.json("apply", "--boot")["declarations"]
        assert [(d["function"], d["result"]) for d in done] == list(zip(pair, ["done", "unchanged"], strict=True))
        assert [host.function(a).state for a in pair] == [("vfio-pci", "vfio-pci")] * 2
        assert host.sh("ls /run/vfioadm/late") == ""
        host.must("release", *pair)
        assert host.json("apply", "--boot")["declarations"] == []
        assert [host.function(a).state for a in pair] == [("e1000", None)] * 2
    finally:
        host.sh("rm -rf /etc/vfioadm.d /run/vfioadm/hold; vfioadm disable 8086:100e; vfioadm apply")
