# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever uses a function is found, named, and protected; and once he is gone, nothing is said any more.

The uses are in uses.py; each is checked against the kernel's own word first.
"""

import json
import re
import shlex
import time

import pytest

import uses
from tool import STATE, Host, put_program

# All run on one kernel; elsewhere those that depend on what the kernel shows.
QUICK = {"mount-elsewhere", "btrfs-over-two", "overlay-lower-detached", "stack", "loop-on-disk", "multipath",
         "claimed", "default-route-over-bridge", "other-net-namespace", "failover", "console"}
ON_S390X = {"mount", "mount-elsewhere", "swap-partition", "md-raid1", "overlay-lower-detached",
            "default-route", "vlan", "other-net-namespace", "address-virtio"}
# A write to NBD failed once on a busy machine, of a reason that was not found. Of iSCSI and NFS one of each is tried
# every time.
LONG = {"nbd-mounted", "nbd-swap-over-bridge", "iscsi", "iscsi-swap-over-bridge", "nfs-4.0", "nfs-elsewhere"}
ALL = (*uses.STORAGE, *uses.NET, *uses.OTHERS)


class Users(Host):
    """The guest as a host that uses its devices."""

    def __init__(self, guest):
        super().__init__(guest)
        self.prelude = uses.NAMES.get(guest.lineup_name, "") + uses.PRELUDE

    def script(self, text, **kwargs):
        return self.guest.run(["/bin/sh", "-c", self.prelude + text], timeout=60, **kwargs)

    def do(self, text):
        return self.script(text).check().out

    def true(self, text):
        return self.script(text).rc == 0

    def names(self, text):
        """$names in it, as words."""
        return self.do(f'echo "{text}"').strip()

    def parts(self, text):
        """Output of a script by its "== name" lines: one call for many things, for each costs time."""
        r = self.script(text)
        pieces = re.split(r"^== (.*)\n", r.out, flags=re.M)
        return {"rc": r.rc, "err": r.err, "": pieces[0], **dict(zip(pieces[1::2], pieces[2::2]))}

    def findings(self, *addresses):
        """What check says: (exit status, {address: [finding]})"""
        r = self.vfioadm("check", "--json", *addresses)
        assert r.rc in (0, 3), r
        shown = by_address(r.out)
        assert set(addresses) <= set(shown), r
        return r.rc, shown

    def codes(self, *addresses):
        return {f["code"] for found in self.findings(*addresses)[1].values() for f in found}

    def journals(self):
        return self.sh("ls /run/vfioadm/journal 2>/dev/null; true").split()

    def refuses(self, codes, *addresses, force=()):
        """assign must not do it, must say why by one of these codes, and must have changed nothing."""
        options = ["--force", ",".join(force)] if force else []
        command = shlex.join(["vfioadm", "assign", "--json", *options, *addresses])
        p = self.parts(f"""state() {{ {STATE}
            }}
            state; echo == assign; {command} 2>/tmp/said; echo "== status $?"
            cat /tmp/said; echo == after; state
            echo == journals; ls /run/vfioadm/journal 2>/dev/null""")
        if "status 0" in p:
            self.vfioadm("release", *addresses)
        assert "status 3" in p, p
        refused = json.loads(p["assign"])
        assert refused["result"] == "refused" and not refused["steps"], p
        assert p["after"] == p[""] and p["journals"] == "", p
        found = [f for f in refused["findings"] if f["code"] in codes and f["severity"] != "warns"]
        assert found, (codes, refused)
        assert all(f["message"] in p["status 3"] for f in found), p
        return " ".join(f["message"] for f in found)

    def tool(self, name):
        if not self.true(f"[ -x /root/{name} ]"):
            put_program(self.guest, name)
        return f"/root/{name}"


def by_address(text):
    return {f["address"]: f["findings"] for f in json.loads(text)["functions"]}


def against(text):
    """What speaks against taking them; warnings are about what disks carry, which a use changes."""
    return {(f["code"], f["message"]) for found in by_address(text).values() for f in found
            if f["severity"] != "warns"}


@pytest.fixture
def users(guest):
    host = Users(guest)
    if not host.true("[ -x $USE ]"):
        host.tool("use-devices")
        host.do(uses.HARDWARE[guest.lineup_name])
    return host


def expect(use, p, addresses):
    """The findings that the use must give, with all the words that tell who it is."""
    shown = by_address(p["check"])
    assert "status 3" in p, p
    for code in use.codes:
        words = [w for w in p[code].strip().split("|") if w]
        for address in addresses:
            found = [f for f in shown[address] if f["code"] == code]
            assert found, f"{code} not found for {address}, but {shown[address]}"
            assert any(all(w in f["message"] for w in words) for f in found), f"{words} not in {found}"
            for f in found:
                assert (f["severity"], f["forceable"]) == (use.severity, use.forceable), f
                assert f["hint"], f
                assert address in f["message"] and f["device"] == address, f


def try_use(use, users):
    on = " ".join("$" + n for n in use.on.split())
    p = users.parts(f"""{use.prepare or ":"} || exit 90
        if {use.seen}; then exit 91; fi
        echo {on}; echo == check; vfioadm check --json {on}; true""")
    assert p["rc"] == 0, f"91: somebody did not end this use: {p}"
    addresses, before = p[""].split(), against(p["check"])
    words = "".join(f'echo "== {code}"; echo "{w}"\n' for code, w in use.codes.items())
    try:
        p = users.parts(f"""{{ {use.start}; }} || exit 90
            {{ {use.seen}; }} || exit 91
            {words} echo == check; vfioadm check --json {on}; echo "== status $?" """)
        assert p["rc"] == 0, f"91: this is not the use that it claims to be: {p}"
        if not use.hidden:
            expect(use, p, addresses)
        for address in addresses:
            assert address in users.refuses(set(use.codes), address)
    finally:
        p = users.parts(f"""if {use.seen}; then echo == lasted; fi
            {use.stop}
            if {use.seen}; then echo == lasts; fi
            echo == check; cd /; vfioadm check --json {on}""")
    assert "lasted" in p, "refused, but the use is over"
    assert "lasts" not in p, p
    assert against(p["check"]) == before


@pytest.mark.lineup("users")
@pytest.mark.kernels("debian-6.12")
@pytest.mark.parametrize("use", [pytest.param(u, marks=pytest.mark.long) if u.name in LONG else u for u in ALL],
                         ids=str)
def test_use(users, use):
    try_use(use, users)


@pytest.mark.lineup("users")
@pytest.mark.kernels("debian-6.1")
@pytest.mark.parametrize("use", [u for u in ALL if u.name in QUICK], ids=str)
def test_use_on_old_kernel(users, use):
    try_use(use, users)


@pytest.mark.lineup("s390x")
@pytest.mark.parametrize("use", [u for u in (*ALL, *uses.S390X) if u.name in ON_S390X], ids=str)
def test_use_on_s390x(users, use):
    try_use(use, users)


@pytest.mark.lineup("users")
@pytest.mark.kernels("debian-6.12")
def test_next_boot_is_checked_as_well(users):
    """What nothing but its file system claims is kept from everything that acts at boot, not from assign alone."""
    disk = users.names("$D1")
    # The other disk of this card type is free.
    users.do("""both_blank; wipe $BV; mke2fs -q -F -b 4096 -O journal_dev /dev/$B1 &&
             mke2fs -q -F -t ext4 -b 4096 -J device=/dev/$B1 /dev/$BV && mount -t ext4 /dev/$BV /mnt""")
    try:
        for command in (
                f"vfioadm assign --dry-run {disk}",
                "vfioadm enable --persist --dry-run $(cd $S/$D1; printf %.4s:%.4s $(cut -c3- vendor device))",
                f"mkdir -p /etc/driverctl.d; echo vfio-pci >/etc/driverctl.d/pci-{disk}; vfioadm import --persist --dry-run",
                f"mkdir -p /etc/vfioadm.d; printf '[Match]\nAddress={disk}\n' >/etc/vfioadm.d/j.conf; vfioadm plan",
                "vfioadm config check"):
            r = users.script(command)
            assert "holding the journal of the file system" in r.out + r.err, (command, r)
            # import leaves it out; the others are refused.
            assert "nothing to import" in r.out if "import" in command else r.rc == 3, (command, r)
    finally:
        users.script("rm -rf /etc/driverctl.d /etc/vfioadm.d; umount /mnt; wipe $BV; both_blank")


@pytest.mark.lineup("users")
@pytest.mark.kernels("debian-6.12")
class TestForce:
    def test_open_disk(self, users):
        """What a program only has open can be taken from it by somebody who says so."""
        disk = users.names("$D0")
        users.do("reading /dev/$B0 sleep 1000")
        try:
            users.refuses({"in-use-open"}, disk, force=["in-use-net"])
            users.must("assign", "--force", "in-use-open", disk)
            assert users.driver(disk) == "vfio-pci"
        finally:
            users.script("end")
        users.must("release", disk)
        assert users.driver(disk) == "nvme"

    def test_default_route_has_a_code_of_its_own(self, users):
        nic = users.names("$NIC0")
        users.do("address $E0 && ip route add default via 192.0.2.1")
        users.refuses({"in-use-default-route"}, nic, force=["in-use-net"])
        users.refuses({"in-use-net"}, nic, force=["in-use-default-route"])
        assert users.true("ip route show default | grep -q $E0")
        users.must("assign", "--force", "in-use-net,in-use-default-route", nic)
        users.must("release", nic)
        assert users.driver(nic) == "e1000e" and "in-use-net" not in users.codes(nic)

    def test_virtual_functions_never(self, users):
        pf = users.names("$PF")
        users.do("echo 1 >$S/$PF/sriov_numvfs")
        try:
            r = users.vfioadm("assign", "--force", "in-use-vf", pf)
            assert r.rc in (2, 3), r
            assert users.driver(pf) == "igb"
        finally:
            users.do("echo 0 >$S/$PF/sriov_numvfs")


@pytest.mark.lineup("users")
@pytest.mark.kernels("debian-6.12")
class TestNetwork:
    SSH = "SSH_CONNECTION='192.0.2.9 5555 192.0.2.22 22' sh -c '%s; exit $?'"

    def check_from(self, users, before, address):
        r = users.script(before % f"vfioadm check --json {address}")
        return {f["code"] for f in json.loads(r.out)["functions"][0]["findings"]}

    def test_ssh_session(self, users):
        """The session that vfioadm was called from; sudo took it out of its environment."""
        nic, other = users.names("$NIC0 $NIC1").split()
        sudo = self.SSH % "env -u SSH_CONNECTION sh -c \"%s; exit \\$?\""
        users.do("address $E0")
        try:
            assert "in-use-ssh-route" in self.check_from(users, self.SSH, nic)
            assert "in-use-ssh-route" in self.check_from(users, sudo, nic)
            assert "in-use-ssh-route" not in self.check_from(users, self.SSH, other)
            assert "in-use-ssh-route" not in users.codes(nic)
            before = users.state()
            r = users.script(sudo % f"vfioadm assign --force in-use-net {nic}")
            assert r.rc == 3 and "in-use-ssh-route" in r.err and "192.0.2.9" in r.err, r
            assert users.state() == before
            r = users.script(sudo % f"vfioadm assign --force in-use-net,in-use-ssh-route {nic}")
            assert r.rc == 0, r
            users.must("release", nic)
        finally:
            users.script("down $E0")

    def test_ssh_session_over_bridge_of_vlan(self, users):
        """Bridge on VLAN on the interface: the way to the peer goes down all of it."""
        nic = users.names("$NIC0")
        users.do("ip link add link $E0 name lan7 type vlan id 7 && ip link add br7 type bridge && "
                 "ip link set lan7 master br7 && ip link set $E0 up && ip link set lan7 up && address br7")
        try:
            assert {"in-use-ssh-route", "in-use-net-member"} <= self.check_from(users, self.SSH, nic)
        finally:
            users.script("ip link del br7; ip link del lan7; down $E0")
        assert not {"in-use-ssh-route", "in-use-net-member"} & self.check_from(users, self.SSH, nic)

    def test_user_of_virtual_function(self, users):
        """An interface of a virtual function is up: that one is in use, and so is the physical function."""
        pf = users.names("$PF")
        users.do("modprobe igbvf; echo 1 >$S/$PF/sriov_numvfs; wait_for '[ -e $S/$PF/virtfn0/net ]'")
        try:
            vf = users.names("$(basename $(readlink $S/$PF/virtfn0))")
            users.do("first $S/$PF/virtfn0/net/*; ip link set $found up")
            assert "in-use-net" in users.codes(vf)
            users.refuses({"in-use-net"}, vf)
            users.refuses({"has-vfs"}, pf)
        finally:
            users.do("echo 0 >$S/$PF/sriov_numvfs")


@pytest.mark.lineup("users")
@pytest.mark.kernels("debian-6.12")
class TestOthers:
    def test_only_keyboard(self, users, guest):
        hub, other = users.names("$UKBD $UDISK").split()
        assert "in-use-keyboard" in users.codes(hub)
        assert "in-use-keyboard" not in users.codes(other)
        users.refuses({"in-use-keyboard"}, hub)
        guest.qmp("device_add", driver="usb-kbd", bus="usb0.0", id="second")
        try:
            users.do("wait_for '[ -e /sys/class/input/event1 ]'")
            assert "in-use-keyboard" not in users.codes(hub)
        finally:
            guest.qmp("device_del", id="second")
            users.do("wait_for '[ ! -e /sys/class/input/event1 ]'")
        assert "in-use-keyboard" in users.codes(hub)

    def test_vfio(self, users):
        """release pulls it out of the guest that has it, or waits for ever: refused, the process named."""
        nic = users.names("$NIC0")
        users.must("assign", nic)
        try:
            group = users.function(nic).group
            hold = users.tool("vfio-hold")
            users.do(f"begin {hold} {group} {nic} && wait_for 'grep -q held /tmp/begun.out'")
            try:
                pid = users.names("$(pid)")
                rc, shown = users.findings(nic)
                found = [f for f in shown[nic] if f["code"] == "in-use-vfio"]
                assert rc == 3 and any(f"vfio-hold (pid {pid})" in f["message"] for f in found), shown
                r = users.vfioadm("release", nic)
                assert r.rc == 3 and "in-use-vfio" in r.err and pid in r.err, r
                assert users.driver(nic) == "vfio-pci" and users.journals() == []
                assert users.true("[ -d /proc/$(pid) ]")
            finally:
                users.do("end")
            assert "in-use-vfio" not in users.codes(nic)
        finally:
            users.must("release", nic)
        assert users.driver(nic) == "e1000e"

    def test_vfio_openers_that_cannot_be_seen(self, users):
        """Another PID namespace: whoever has it open may be outside of it."""
        nic = users.names("$NIC0")
        inside = ("unshare -p -m -f sh -c 'mount -t proc none /proc; mount --bind /run/vfioadm /run/vfioadm; "
                  "%s; exit $?'")
        users.must("assign", nic)
        try:
            r = users.script(inside % f"vfioadm release {nic}")
            assert r.rc == 3 and "openers-unknown" in r.err, r
            assert users.driver(nic) == "vfio-pci" and users.journals() == []
            r = users.script(inside % f"vfioadm release --force openers-unknown {nic}")
            assert r.rc == 0, r
        finally:
            users.vfioadm("release", nic)
        assert users.driver(nic) == "e1000e"

    def test_not_root(self, users):
        """What could not be looked at is said, instead of a verdict that looks complete."""
        nic = users.names("$NIC0")
        users.must("assign", nic)
        try:
            r = users.guest.run(["su", "-s", "/bin/sh", "nobody", "-c", f"vfioadm check --json {nic}"])
            codes = {f["code"] for f in json.loads(r.out)["functions"][0]["findings"]}
            assert {"openers-unknown", "not-looked-at"} <= codes, r
        finally:
            users.must("release", nic)
        assert not {"openers-unknown", "not-looked-at"} & users.codes(nic)

    def test_name_that_plays_tricks(self, users):
        """A process can call itself what it likes; the terminal of who looks must not obey it."""
        disk = users.names("$D0")
        users.do("""begin sh -c 'printf "\\033[31mroot\\n" >/proc/self/comm; exec 3</dev/'$B0'
                    echo ready; while :; do sleep 1 3<&-; done' && ready""")
        try:
            for options in ([], ["--json"]):
                r = users.vfioadm("check", *options, disk)
                assert r.rc == 3 and "in-use-open" in r.out and "[31mroot" in r.out, r
                assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", r.out), r
        finally:
            users.script("end")

    def test_bridge(self, users):
        rc, shown = users.findings("0000:00:02.0")
        assert rc == 3
        assert {("bridge", "blocks", False)} <= {(f["code"], f["severity"], f["forceable"])
                                                 for f in shown["0000:00:02.0"]}


DOMAIN = """<domain type='kvm'>
  <name>{name}</name>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source>
        <address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
      </source>
    </hostdev>
  </devices>
</domain>
"""


@pytest.mark.lineup("users")
@pytest.mark.kernels("debian-6.12")
class TestWarnings:
    """What is only worth to know: said, and not in the way."""

    def warns(self, users, address, code, *words):
        rc, shown = users.findings(address)
        found = [f for f in shown[address] if f["code"] == code]
        assert rc == 0 and found and {f["severity"] for f in found} == {"warns"}, shown
        assert any(all(w in f["message"] for w in words) for f in found), found
        r = users.must("assign", address)
        users.must("release", address)
        return r

    def test_fstab(self, users):
        disk, node = users.names("$D1 ${B1}p1").split()
        users.do(f"partitions; echo '/dev/{node} /srv ext4 noauto 0 2' >/etc/fstab")
        try:
            self.warns(users, disk, "configured-mount", node, "/srv")
        finally:
            users.do("rm /etc/fstab")
        assert "configured-mount" not in users.codes(disk)

    def test_crypttab(self, users):
        disk, node = users.names("$D1 ${B1}p1").split()
        users.do(f"partitions; echo 'secret /dev/{node} none luks' >/etc/crypttab")
        try:
            self.warns(users, disk, "configured-crypt", node, "secret")
        finally:
            users.do("rm /etc/crypttab")
        assert "configured-crypt" not in users.codes(disk)

    def test_signature(self, users):
        """What udev found on a disk that nobody uses."""
        disk = users.names("$D0")
        users.do("""mkdir -p /run/udev/data
            printf '%s\\n' I:1234567 E:ID_FS_TYPE=LVM2_member E:ID_FS_USAGE=raid G:systemd \\
                >/run/udev/data/b$(cat /sys/class/block/$B0/dev)""")
        try:
            assert users.sh("grep -c ^E: /run/udev/data/b*").strip() == "2"
            self.warns(users, disk, "signature", "LVM")
        finally:
            users.do("rm -r /run/udev")
        assert "signature" not in users.codes(disk)

    def test_libvirt(self, users):
        nic = users.names("$NIC1")
        users.do("mkdir -p /etc/libvirt/qemu")
        users.guest.put("/etc/libvirt/qemu/web.xml", DOMAIN.format(name="web"))
        try:
            self.warns(users, nic, "libvirt-defined", "web")
        finally:
            users.do("rm -r /etc/libvirt")
        assert "libvirt-defined" not in users.codes(nic)

    def test_driverctl(self, users):
        nic = users.names("$NIC1")
        users.do(f"mkdir -p /etc/driverctl.d && echo vfio-pci >/etc/driverctl.d/{nic}")
        try:
            self.warns(users, nic, "driverctl")
        finally:
            users.do("rm -r /etc/driverctl.d")
        assert "driverctl" not in users.codes(nic)

    def test_running_libvirt_domain(self, users):
        nic = users.names("$NIC1")
        users.do("mkdir -p /run/libvirt/qemu")
        users.guest.put("/run/libvirt/qemu/web.xml",
                        "<domstatus state='running' reason='booted' pid='1'>\n" + DOMAIN.format(name="web") +
                        "</domstatus>\n")
        try:
            assert "web" in users.refuses({"libvirt-running"}, nic)
        finally:
            users.do("rm -r /run/libvirt")
        assert "libvirt-running" not in users.codes(nic)


@pytest.mark.lineup("standard")
@pytest.mark.kernels("6.12-iommufd")
def test_vfio_node(guest):
    """Opened by its own node, or by the group that it shares with the one that is opened."""
    host = Users(guest)
    nic, net, rng = "0000:01:00.0", "0000:0a:00.0", "0000:0a:00.1"
    host.must("assign", "--group", nic, net)
    try:
        group, hold = host.function(net).group, host.tool("vfio-hold")
        for begin, used in ((f"reading /dev/vfio/devices/$(ls $S/{nic}/vfio-dev) sleep 1000", nic),
                            (f"begin {hold} {group} {rng} && wait_for 'grep -q held /tmp/begun.out'", net)):
            host.do(begin)
            try:
                r = host.vfioadm("release", "--group", used)
                assert r.rc == 3 and host.names("(pid $(pid))") in r.err and host.driver(used) != "e1000e", r
                assert "in-use-vfio" in host.codes(used)
            finally:
                host.do("end")
            assert "in-use-vfio" not in host.codes(used)
    finally:
        host.must("release", "--group", nic, net)


@pytest.mark.lineup("standard")
@pytest.mark.kernels("debian-6.12")
def test_companion(guest):
    """Whoever moves along with a function is looked at as closely."""
    host = Users(guest)
    net, rng = "0000:0a:00.0", "0000:0a:00.1"
    name = host.names(f"$(ls $S/{net}/virtio*/net)")
    assert host.vfioadm("assign", rng).rc == 3
    host.do(f"ip link add link {name} name lan7 type vlan id 7")
    try:
        r = host.vfioadm("assign", "--json", "--group", rng)
        assert r.rc == 3 and (net, "in-use-net-member") in {
            (f["device"], f["code"]) for f in json.loads(r.out)["findings"]}, r
        assert host.driver(net) == host.driver(rng) == "virtio-pci"
    finally:
        host.do("ip link del lan7")
    host.must("assign", "--group", rng)
    host.must("release", "--group", rng)
    assert host.driver(net) == "virtio-pci"


@pytest.mark.lineup("small", append="rig.root=nvme0n1")
@pytest.mark.kernels("debian-6.12", "debian-6.1")
def test_root_filesystem(guest):
    """No code in the world makes it possible."""
    host = Users(guest)
    assert "/dev/nvme0n1 / ext4" in host.sh("cat /proc/mounts")
    disk = host.disks()[0]
    rc, shown = host.findings(disk)
    assert rc == 3
    assert ("root-filesystem", "blocks", False) in {(f["code"], f["severity"], f["forceable"])
                                                    for f in shown[disk]}
    host.refuses({"root-filesystem"}, disk)
    for code in ("root-filesystem", "in-use-mount", "in-use-mount,in-use-claimed,root-filesystem"):
        r = host.vfioadm("assign", "--force", code, disk)
        assert r.rc in (2, 3), r
        assert host.driver(disk) == "nvme"
    host.sh("echo still there >/root/file && sync && grep still /root/file")


@pytest.mark.lineup("users")
@pytest.mark.kernels("debian-6.12")
class TestRace:
    """Somebody mounts and unmounts a disk all the time, and looks whether it was taken meanwhile."""

    @pytest.fixture
    def mounts(self, users):
        """Runs something beside it; the counts come back."""
        disk = users.names("$D0")
        users.do("ext4 $B0; modprobe ext4")

        def beside(what):
            job = users.guest.popen([users.tool("use-devices"), "mounts", disk, "/mnt"], timeout=120)
            try:
                what(disk)
            finally:
                users.sh("kill -TERM $(pidof use-devices)")
            return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", job.wait().out)}
        return beside

    def test_looking_does_not_disturb(self, users, mounts):
        def look(disk):
            for _ in range(15):
                assert users.vfioadm("check", disk).rc in (0, 3)
            users.must("list", "--users")
        counts = mounts(look)
        assert counts["got"] > 5 and counts["refused"] == counts["torn"] == 0, counts

    def test_mount_or_assign_wins(self, users, mounts):
        results = []

        def assign(disk):
            end = time.monotonic() + 12
            # Both must have happened, or this has shown nothing.
            while time.monotonic() < end or not {0, 3} <= set(results) and time.monotonic() < end + 40:
                r = users.vfioadm("assign", disk)
                results.append(r.rc)
                assert r.rc == 0 or r.rc == 3 and re.search("is claimed|mounted (at|where)", r.err), r
                assert users.driver(disk) == ("vfio-pci" if r.rc == 0 else "nvme")
                if r.rc == 0:
                    users.must("release", disk)
        counts = mounts(assign)
        assert counts["torn"] == 0, counts
        assert {0, 3} <= set(results) and counts["got"], (results, counts)
        users.do("mount_disk $B0 && umount /mnt")


@pytest.mark.lineup("users")
@pytest.mark.kernels("debian-6.12")
def test_afterwards_all_can_go(users):
    """Of all these uses nothing is left: everything goes, and comes back."""
    everything = users.names("$NIC0 $NIC1 $D0 $D1 $P0 $P1 $PF $PRIMARY $STANDBY $V $UDISK $SOUND "
                             "$SERIAL").split()
    users.do("no_standby")
    before = users.state()
    users.must("assign", *everything)
    assert {users.driver(a) for a in everything} == {"vfio-pci"}
    users.must("release", *everything)
    assert users.state() == before
