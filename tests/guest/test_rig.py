# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rig does what the other tests rely on."""

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig import cache, kernels, qemu
from rig.errors import GuestError, GuestTimeout, RigError
from rig.lineups import LINEUPS

pytestmark = pytest.mark.no_payload
HERE = Path(__file__).resolve().parent


def functions(guest):
    return guest.sh("ls /sys/bus/pci/devices").split()


def driver(guest, address):
    return guest.sh(f"basename $(readlink /sys/bus/pci/devices/{address}/driver) 2>/dev/null "
                    "|| true").strip()


def test_kernel_is_the_one_asked_for(guest, kernel):
    release, _ = kernels.info(kernel)
    assert guest.sh("uname -r").strip() == release
    assert guest.boot_seconds < qemu.BOOT_TIMEOUT


def test_functions_and_groups(guest):
    found = functions(guest)
    assert len(found) == guest.lineup.functions
    without = guest.sh("for d in /sys/bus/pci/devices/*; do [ -e $d/iommu_group ] || echo $d; done")
    assert without == ""


def test_native_drivers_are_ready(guest):
    """Coldplug ended before the first command: every function that has a driver has it."""
    for pattern, expected in (("0x0108", "nvme"), ("0x0200", None)):
        for address in functions(guest):
            cls = guest.sh(f"cat /sys/bus/pci/devices/{address}/class")
            if cls.startswith(pattern):
                assert driver(guest, address), address
                assert expected in (None, driver(guest, address))
    assert set(guest.sh("cat /sys/class/nvme/*/state").split()) == {"live"}


@pytest.mark.arch("x86_64")
def test_shared_groups(guest):
    def group(address):
        return sorted(guest.sh(f"ls /sys/bus/pci/devices/{address}/iommu_group/devices").split())
    bridge, nics = "0000:07:00.0", ["0000:08:01.0", "0000:08:02.0"]
    assert group(nics[0]) == sorted([bridge, *nics])
    assert group("0000:0a:00.0") == ["0000:0a:00.0", "0000:0a:00.1"]
    assert group("0000:01:00.0") == ["0000:01:00.0"]


@pytest.mark.arch("x86_64")
def test_sriov(guest):
    pf = "/sys/bus/pci/devices/0000:05:00.0"
    before = functions(guest)
    assert int(guest.sh(f"cat {pf}/sriov_totalvfs")) == 8
    try:
        guest.sh(f"echo 3 > {pf}/sriov_numvfs")
        assert len(functions(guest)) == len(before) + 3
        vf = guest.sh(f"basename $(readlink {pf}/virtfn0)").strip()
        assert guest.sh(f"ls /sys/bus/pci/devices/{vf}/iommu_group/devices").split() == [vf]
    finally:
        guest.sh(f"echo 0 > {pf}/sriov_numvfs")
    assert functions(guest) == before


@pytest.mark.arch("s390x")
def test_zpci_names(guest):
    assert functions(guest)[0] == "0010:00:00.0"
    path = "/sys/bus/pci/devices/0010:00:00.0"
    assert int(guest.sh(f"cat {path}/uid"), 16) == 0x10
    assert int(guest.sh(f"cat {path}/function_id"), 16) == 0x100
    assert "00000100" in guest.sh("ls /sys/bus/pci/slots").split()


def test_vfio_pci_loads_and_takes_a_function(guest):
    address = next(a for a in functions(guest) if driver(guest, a) == "e1000e")
    dev = f"/sys/bus/pci/devices/{address}"
    guest.sh("modprobe vfio-pci")
    try:
        guest.sh(f"echo vfio-pci > {dev}/driver_override && echo {address} > {dev}/driver/unbind "
                 f"&& echo {address} > /sys/bus/pci/drivers_probe")
        assert driver(guest, address) == "vfio-pci"
        number = guest.sh(f"basename $(readlink {dev}/iommu_group)").strip()
        assert number in guest.sh("ls /dev/vfio").split()
        if "cdev" in guest.kernel.features:
            assert guest.sh(f"ls {dev}/vfio-dev").strip().startswith("vfio")
            assert "devices" in guest.sh("ls /dev/vfio").split()
    finally:
        guest.sh(f"echo {address} > {dev}/driver/unbind; echo > {dev}/driver_override; "
                 f"echo {address} > /sys/bus/pci/drivers_probe")
    assert driver(guest, address) == "e1000e"
    assert address in guest.kernel_log()


def test_iommufd(guest):
    assert ("iommufd" in guest.kernel.features) == \
        (guest.run("modprobe iommufd && test -c /dev/iommu").rc == 0)


def test_status_output_and_errors_are_kept_apart(guest):
    assert guest.run("echo out; echo err >&2; exit 3") == (3, "out\n", "err\n")
    assert guest.run(["printf", "%s|", "a b", "", "ü"]) == (0, "a b||ü|", "")
    assert guest.run("kill -9 $$").rc == -9
    assert guest.run("echo $A; cat", env={"A": "x y"}, stdin="in").out == "x y\nin"
    missing = guest.run(["/no/such/program"])
    assert missing.rc == 127 and "No such file" in missing.err


def test_big_binary_output(guest):
    data = bytes(range(256)) * 4096
    guest.put("/tmp/block", data[:65536])
    out = guest.run("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do cat /tmp/block; done",
                    timeout=60, text=False)
    assert out.rc == 0 and hashlib.sha256(out.out).digest() == hashlib.sha256(data).digest()


def test_files_both_ways(guest):
    data = bytes(range(256)) * 300
    guest.put("/tmp/file", data, mode=0o755)
    assert guest.get("/tmp/file") == data
    assert guest.sh("stat -c %a /tmp/file").strip() == "755"
    with pytest.raises(FileNotFoundError):
        guest.get("/tmp/none")
    with pytest.raises(FileNotFoundError):
        guest.put("/no/such/directory/x", b"")


def test_deadline_kills_the_whole_group(guest):
    started = time.monotonic()
    with pytest.raises(GuestTimeout) as e:
        guest.run("echo before; sleep 987 & sleep 986; echo after", timeout=1)
    assert time.monotonic() - started < 10
    assert e.value.result.out == "before\n"
    assert "sleep 98" not in guest.sh("ps")


def test_background_commands_run_side_by_side(guest):
    first = guest.popen("echo ready; sleep 60; echo never", timeout=100)
    second = guest.popen("cat; echo second", stdin="x\n")
    assert second.wait() == (0, "x\nsecond\n", "")
    assert first.running
    first.kill(signal.SIGTERM)
    assert first.wait(10)[:2] == (-15, "ready\n")


def test_a_child_that_keeps_stdout_open_does_not_hang_the_command(guest):
    started = time.monotonic()
    assert guest.run("sleep 300 & echo started").out == "started\n"
    assert time.monotonic() - started < 5
    guest.sh("killall sleep")


def test_guest_is_marked_and_has_its_file_systems(guest):
    guest.sh("test -e /run/vfioadm-test-guest")
    mounts = guest.sh("cut -d' ' -f2 /proc/mounts").split()
    assert {"/proc", "/sys", "/dev", "/dev/pts", "/run", "/tmp"} <= set(mounts)
    assert guest.sh("readlink -f $(which modprobe)").strip() == "/usr/bin/kmod"


def test_qmp(guest):
    assert guest.qmp("query-status")["running"] is True
    with pytest.raises(RigError):
        guest.qmp("no-such-command")


@pytest.mark.arch("x86_64")
@pytest.mark.lineup("noiommu")
def test_without_iommu_there_are_no_groups(guest):
    assert guest.sh("ls /sys/kernel/iommu_groups") == ""
    assert guest.run("ls -d /sys/bus/pci/devices/*/iommu_group").rc != 0


@pytest.mark.kernels("debian-6.12")
@pytest.mark.lineup("many")
def test_many_functions(guest):
    pf = "/sys/bus/pci/devices/0000:01:00.0"
    guest.sh(f"echo 0 > {pf}/sriov_drivers_autoprobe; echo 127 > {pf}/sriov_numvfs", timeout=60)
    assert len(functions(guest)) == guest.lineup.functions + 127 == 136


@pytest.mark.kernels("debian-6.12")
@pytest.mark.lineup("small", root="debian")
def test_debian_root(guest):
    """Systemd, udev and the peers; skipped unless scripts/setup bench was run."""
    assert guest.sh("cat /proc/1/comm").strip() == "systemd"
    assert len(functions(guest)) == guest.lineup.functions
    assert "0000:01:00.0 e1000e" in guest.sh("driverctl list-devices", timeout=60)
    assert "pci_0000_01_00_0" in guest.sh("virsh nodedev-list --cap pci", timeout=60)
    guest.sh("command -v dpdk-devbind.py lspci udevadm")


@pytest.mark.kernels("6.12-iommufd")
@pytest.mark.lineup("small")
@pytest.mark.own_guest
def test_death_of_the_guest_is_noticed(guest):
    with pytest.raises(GuestError, match="ended"):
        guest.run("echo c > /proc/sysrq-trigger; echo o > /proc/sysrq-trigger; sleep 60; reboot -f",
                  timeout=50)
    assert not guest.alive


@pytest.mark.kernels("debian-6.1")
def test_boot_deadline(kernel):
    """A guest that does not come up is ended and its console shown."""
    others = set(qemu._running)
    with pytest.raises(GuestTimeout, match="small"):
        qemu.Guest(kernel, "small", boot_timeout=1)
    assert qemu._running == others


SCRIPT = """
import sys, time
sys.path.insert(0, {here!r})
from rig.qemu import Guest
g = Guest({kernel!r}, "small")
print(g._proc.pid, g._dir, flush=True)
time.sleep(100)
"""


@pytest.mark.kernels("debian-6.1")
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_no_qemu_survives_its_parent(kernel, sig):
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT.format(here=str(HERE), kernel=kernel)],
                              stdout=subprocess.PIPE, text=True)
    pid, directory = parent.stdout.readline().split()
    assert Path(f"/proc/{pid}").exists()
    parent.send_signal(sig)
    parent.wait(20)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    if sig == signal.SIGTERM:
        assert not Path(directory).exists()
    else:
        subprocess.run(["rm", "-rf", directory], check=True)


def test_damaged_cache_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []

    def make(dest):
        made.append(1)
        (dest / "a").write_text("good")
        (dest / "l").symlink_to("a")

    def again(key="k"):
        monkeypatch.setattr(cache, "_verified", set())
        path = cache.artefact("thing", make, key)
        assert (path / "a").read_text() == "good" and (path / "l").is_symlink()
        return len(made)

    assert again() == 1 and again() == 1
    (tmp_path / "vfioadm/thing/a").write_text("evil")
    assert again() == 2
    (tmp_path / "vfioadm/thing/l").unlink()
    assert again() == 3
    (tmp_path / "vfioadm/thing/extra").write_text("x")
    assert again() == 4
    (tmp_path / "vfioadm/thing.sums").write_text("")
    assert again() == 5
    assert again("other") == 6


def test_a_failing_maker_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(dest):
        (dest / "half").write_text("x")
        raise RigError("no")

    with pytest.raises(RigError):
        cache.artefact("thing", fail)
    assert [p for p in (tmp_path / "vfioadm").iterdir() if not p.name.endswith(".lock")] == []


def test_lineups_name_known_architectures():
    assert {l.arch for l in LINEUPS.values()} == {"x86_64", "s390x"}
