# SPDX-License-Identifier: LGPL-2.1-or-later
"""What holding a disk exclusively keeps away, on real kernels, and what it does not depend on."""

import re
import shlex

import pytest

from tool import put_program

pytestmark = pytest.mark.arch("x86_64")  # where a guest has disks behind PCI


@pytest.fixture
def hold(host):
    path = put_program(host.guest, "hold-disk")

    def run(disk, meanwhile="true", afterwards="true"):
        r = host.guest.run(f"{path} {disk} {shlex.quote(meanwhile)} {shlex.quote(afterwards)}")
        return r.out.split("\n")
    return run


@pytest.fixture
def disk(host):
    """An NVMe namespace with a file system, nowhere mounted."""
    address = host.disks()[0]
    name = host.sh(f"cd /sys/bus/pci/devices/{address}/nvme/*/ && echo nvme*n1").strip()
    name = re.sub(r"c\d+n", "n", name)  # with native multipath that is one path; the disk is the head
    host.sh(f"/sbin/mke2fs -q -F /dev/{name} && mkdir -p /mnt/held")
    yield address, name
    host.sh(f"umount /mnt/held 2>/dev/null; dd if=/dev/zero of=/dev/{name} bs=1M count=1 2>/dev/null")


def test_who_comes_first(host, hold, disk):
    mount = f"mount -t ext2 /dev/{disk[1]} /mnt/held 2>/dev/null && echo mounted || echo refused"
    assert hold(disk[1], mount, mount + "; umount /mnt/held") == ["hold: ok", "refused", "mounted", ""]
    host.sh(f"mount -t ext2 /dev/{disk[1]} /mnt/held")
    assert hold(disk[1])[0] == "hold: EBUSY"
    host.sh("umount /mnt/held")
    assert hold(disk[1])[0] == "hold: ok"


def test_partition(host, hold, disk):
    host.sh(f"printf 'n\\np\\n1\\n\\n\\nw\\n' | fdisk /dev/{disk[1]} >/dev/null 2>&1; sleep 1")
    part = host.sh(f"cd /sys/class/block/{disk[1]} && echo {disk[1]}p*").strip()
    assert part == disk[1] + "p1"
    host.sh(f"/sbin/mke2fs -q -F /dev/{part} && mount -t ext2 /dev/{part} /mnt/held")
    assert hold(disk[1])[0] == "hold: EBUSY"
    host.sh("umount /mnt/held")
    mount = f"mount -t ext2 /dev/{part} /mnt/held 2>/dev/null && echo mounted || echo refused"
    assert hold(disk[1], mount)[:2] == ["hold: ok", "refused"]


def test_node_is_not_trusted(host, hold, disk):
    """The name of a node proves nothing; without a node one is made, and none is left."""
    node = f"/dev/{disk[1]}"
    before = host.sh("ls -A /dev")
    host.sh(f"mv {node} /dev/aside")
    try:
        mount = "mount -t ext2 /dev/aside /mnt/held 2>/dev/null && echo mounted || echo refused"
        assert hold(disk[1], mount)[:2] == ["hold: ok", "refused"]
        host.sh(f"mknod {node} c 1 3")
        assert hold(disk[1], mount)[:2] == ["hold: ok", "refused"]
        host.sh(f"rm {node} && ln -s /dev/aside {node}")
        assert hold(disk[1], mount)[:2] == ["hold: ok", "refused"]
    finally:
        host.sh(f"rm -f {node}; mv /dev/aside {node}")
    assert host.sh("ls -A /dev") == before
    assert host.sh("ls -A /run/vfioadm-hold").split() == ["locks"]


def test_unbind_is_not_kept(host, hold, disk):
    address, name = disk
    driver = "/sys/bus/pci/drivers/nvme"
    said = hold(name, f"echo {address} > {driver}/unbind && test ! -e {driver}/{address} && echo gone")
    host.sh(f"echo {address} > {driver}/bind; for i in 1 2 3 4 5 6 7 8 9; do "
            f"test -e /dev/{name} && break; sleep 1; done; test -e /dev/{name}")
    assert said[:2] == ["hold: ok", "gone"]


def test_no_disk(hold):
    assert hold("no-such-disk") == ["hold: ENOENT", ""]


MOUNTER = r"""
d=/sys/bus/pci/devices/{address}
harm() {{ case $(readlink $d/driver) in */nvme) ;; *) echo harm >>/tmp/harm;; esac; }}
rm -f /tmp/stop /tmp/harm /tmp/mounted
while [ ! -e /tmp/stop ]; do
	name=$(cd $d/nvme/*/ 2>/dev/null && echo nvme*n1 | sed 's/c[0-9]*n/n/')
	if mount -t ext2 /dev/$name /mnt/held 2>/dev/null; then
		echo $name >>/tmp/mounted
		usleep {nap}
		harm
		umount /mnt/held
	fi
	usleep {nap}
done
"""


def test_mount_or_assign(host, disk):
    """Somebody mounts and unmounts all the time: either that or the assign wins, never both."""
    address = disk[0]
    mounter = host.guest.popen(MOUNTER.format(address=address, nap=400000), timeout=0)
    seen = []
    try:
        for _ in range(24):
            r = host.vfioadm("assign", address)
            # The driver finds the disk a moment after it was bound: it may have been mounted since the look at it.
            late = r.rc == 1 and "has appeared since the check" in r.err
            assert r.rc in (0, 3) or late, r.out + r.err
            seen.append(3 if late else r.rc)
            assert host.function(address).driver == ("vfio-pci" if r.rc == 0 else "nvme")
            if r.rc == 0:
                host.must("release", address)
            if len(seen) >= 8 and set(seen) == {0, 3}:
                break
    finally:
        host.sh("touch /tmp/stop")
        mounter.wait(30)
    assert host.guest.run("cat /tmp/harm").rc != 0
    assert host.sh("cat /tmp/mounted").split()
    assert set(seen) == {0, 3}, "only one of them ever won"
