# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is printed, for people and for programs, of data that is fixed (double.c)."""

import os
import pty
import resource
import subprocess

import pytest

NASTY = 'evil\x1b[31m"quoted\\"\n�'
TYPES = {"address": str, "vendor": str, "class": str, "driver": str, "vfio": bool, "iommu_group": int,
         "bridge": bool, "net": list, "block": list, "users": list, "verdict": str}


def test_list_json(double):
    r = double("list", "--json")
    assert (r.status, r.err) == (0, "")
    data = r.json()
    assert list(data)[:2] == ["version", "complete"] and data["version"] == 1
    assert data["iommu"] is True and data["complete"] is False and "standby" not in data
    assert [f["address"] for f in data["functions"]] == ["0000:01:00.0", "0000:01:00.1"]
    first = data["functions"][0]
    assert first == {
        "address": "0000:01:00.0", "vendor": "15b3", "device": "1003", "subsystem_vendor": "15b3",
        "subsystem_device": "0055", "class": "020000", "revision": "00",
        "vendor_name": "Mellanox Technologies", "device_name": "MT27500 Family [ConnectX-3]",
        "driver": "mlx4_core", "vfio": False, "iommu_group": 7, "bridge": False, "host_part": None, "physfn": None,
        "numa_node": 0, "uid": None, "fid": None, "net": ["eth0", "eth1"], "block": [],
        "users": [{"kind": "net", "what": "eth0", "why": "has address 192.0.2.1/24", "forceable": True,
                   "code": "in-use-net", "severity": "refuses"},
                  {"kind": "vf", "what": "0000:01:10.0", "why": "is in use", "forceable": False,
                   "code": "in-use-vf", "severity": "blocks"},
                  {"kind": "claim", "what": "a domain", "why": "names it", "forceable": False,
                   "code": "libvirt-defined", "severity": "warns"}],
        "verdict": "in-use", "verdict_reason": "eth0 has address 192.0.2.1/24"}
    for key, kind in TYPES.items():
        assert isinstance(first[key], kind)


def test_unknown_is_absent_and_named(double):
    f = double("list", "--json").json()["functions"][1]
    assert set(f["unknown"]) == {"device", "subsystem_vendor", "subsystem_device", "class", "host_part", "revision",
                                 "numa_node", "uid", "fid", "net", "block"}
    assert not set(f["unknown"]) & set(f)
    assert f["physfn"] is None and f["verdict_reason"] is None


def test_hostile_names(double):
    f = double("list", "--json").json()["functions"][1]
    assert f["vendor_name"] == NASTY
    assert f["device_name"] == "bü\x9bx‮"
    text = double("list").out + double("show", "0000:01:00.1").out
    for bad in ("\x1b", "\x9b", "‮"):
        assert bad not in text
    assert r'evil\x1b[31m"quoted\"\x0a\xff bü\xc2\x9bx\xe2\x80\xae' in text


def test_standby(double):
    data = double("--sysroot", "/s390", "--json").json()
    assert data["standby"] == [{"slot": "00000103", "fid": "00000103", "power": 0}]
    assert (data["functions"][0]["uid"], data["functions"][0]["fid"]) == ("0001", "00000102")
    text = double("--sysroot", "/s390").out
    assert "standby: fid 0x00000103 - configure with: echo 1 > /sys/bus/pci/slots/00000103/power\n" in text
    assert "UID" in text and "0x00000102" in text
    assert "UID" not in double().out


def test_no_iommu(double):
    r = double("--sysroot", "/noiommu")
    assert r.status == 0
    assert r.err == ("vfioadm: this host has no active IOMMU, so nothing can be assigned\n"
                     "  hint: add intel_iommu=on to the kernel command line\n")
    assert double("--sysroot", "/noiommu", "--quiet").err == ""
    r = double("--sysroot", "/noiommu", "--json")
    assert r.json()["iommu"] is False and r.err == ""


def test_table(double):
    lines = double("list").out.splitlines()
    assert lines[0].split() == ["ADDRESS", "ID", "NAME", "DRIVER", "GROUP", "USERS", "VERDICT"]
    assert lines[1].split() == ("0000:01:00.0 15b3:1003 Mellanox Technologies MT27500 Family [ConnectX-3] "
                                "mlx4_core 7 eth0, eth1, 0000:01:10.0 in-use").split()
    assert "vfio-pci" in lines[2] and lines[2].split()[1] == "1af4:?" and len(lines) == 3
    assert double("list", "--all").out.splitlines()[1].startswith("0000:00:1c.0 8086:9d10")
    assert "REASON" in double("list", "--verbose").out


def test_columns(double):
    r = double("--columns", "verdict,address")
    assert r.out.splitlines() == ["VERDICT  ADDRESS", "in-use   0000:01:00.0", "assigned 0000:01:00.1"]


def test_columns_of_help_all_work(double):
    text = double("help", "list").out.split("Columns", 1)[1]
    names = [line[4:].split()[0] for line in text.splitlines()[1:]]
    assert {"address", "name", "numa_node", "verdict_reason"} <= set(names) and len(names) > 20
    shown = [line[4:].split()[0] for line in text.splitlines()[1:] if line[2] == "*"]
    assert double("--columns", ",".join(shown)).out == double().out
    for name in names:
        assert double("--columns", name).status == 0, name


def test_trees(double):
    lines = double("--tree", "--columns=address").out.splitlines()
    assert [line.strip() for line in lines] == ["ADDRESS", "group 7", "├─0000:01:00.0", "└─0000:01:00.1"]
    lines = double("--tree=topology", "--columns=address").out.splitlines()
    assert lines == ["ADDRESS", "0000:00:1c.0", "├─0000:01:00.0", "└─0000:01:00.1"]


def test_enabled(double):
    r = double("list", "--enabled")
    assert r.out.splitlines()[:3] == ["ID        SOURCE", "8086:10d3 vfioadm", "1b36:0010 module parameter"]
    assert "The kernel does not tell" in r.out
    assert double("list", "--enabled", "--json").json() == {
        "version": 1, "complete": False, "enabled": [
            {"id": "8086:10d3", "source": "vfioadm"}, {"id": "1b36:0010", "source": "module parameter"}]}


def test_show(double):
    text = double("show", "0000:01:00.0").out
    for line in ("BAR 0:              64 KiB (65536 bytes) of 64-bit memory, prefetchable, at 0xfe000000",
                 "BAR 2:              32 bytes of I/O ports, at 0xc000",
                 "ROM:                65537 bytes of memory, no address assigned",
                 "Path:               pci-0000:00:1c.0/00.0",
                 "Block devices:      -", "Physical slot:      ?",
                 "In use:             net eth0 has address 192.0.2.1/24",
                 "                    vf 0000:01:10.0 is in use (cannot be overridden)"):
        assert "    " + line + "\n" in text
    assert "Companions:         0000:01:00.1 evil" in text
    assert "vfioadm release 0000:01:00.1" in double("show", "0000:01:00.1").out


def test_show_json(double):
    data = double("show", "--json", "0000:01:00.0", "0000:01:00.1").json()
    assert [f["address"] for f in data["functions"]] == ["0000:01:00.0", "0000:01:00.1"]
    f = data["functions"][0]
    assert f["companions"] == ["0000:01:00.1"]
    assert f["bars"][0] == {"index": 0, "start": "00000000fe000000", "size": 65536, "io": False,
                            "prefetchable": True, "64bit": True}
    assert f["subsystem_name"] is None and "serial" in f["unknown"] and "serial" not in f


# ---- changing verbs ----

def test_done(double):
    r = double("assign", "ok")
    assert (r.status, r.err) == (0, "")
    assert r.out.splitlines() == [
        "  load module vfio-pci ... done", "  unbind 0000:01:00.0 from e1000e ... done",
        "0000:01:00.0: e1000e -> vfio-pci (done, verified)", "0000:02:00.0: nvme, when freed"]
    assert double("assign", "ok", "--quiet").out == ""
    assert "e1000e -> other_vfio (done" in double("assign", "--driver", "other_vfio", "ok").out
    assert "e1000e -> no driver (done" in double("release", "--park", "ok").out


def test_enable_tells_first(double):
    lines = double("enable", "ok").out.splitlines()
    assert lines[:2] == ["0000:01:00.0: e1000e -> vfio-pci (planned)", "0000:02:00.0: nvme, when freed"]
    assert lines[2].startswith("  load module")


def test_dry_run_prints_the_same_steps(double):
    dry, real = double("assign", "--dry-run", "ok").out, double("assign", "ok").out
    would = [line[9:] for line in dry.splitlines() if line.startswith("  would: ")]
    assert would == [line[2:-9] for line in real.splitlines() if line.endswith(" ... done")] != []
    assert '("0000:01:00.0" to /sys/bus/pci/drivers/e1000e/unbind)' in double("assign", "-nv", "ok").out


def test_unchanged(double):
    r = double("assign", "unchanged")
    assert r.status == 0 and r.out.splitlines()[-1] == "nothing to do"
    assert double("assign", "--json", "unchanged").json()["result"] == "unchanged"


def test_refused(double):
    r = double("assign", "refused")
    assert (r.status, r.out) == (3, "")
    assert "vfioadm: 0000:01:00.0 carries eth0\n  hint: take it down\n" in r.err
    assert r.err.endswith("vfioadm: refused, nothing was changed; --force net-up overrides\n")
    assert double("assign", "blocked").err.endswith("vfioadm: refused, nothing was changed\n")
    data = double("assign", "--json", "blocked").json()
    assert data["result"] == "refused"
    assert [(f["code"], f["severity"], f["forceable"]) for f in data["findings"]] == [
        ("leftover", "warns", False), ("net-up", "refuses", True), ("bridge", "blocks", False)]
    assert all(s["state"] == "planned" for s in data["steps"])


def test_warnings(double):
    assert double("assign", "warned").err == ("vfioadm: warning: 0000:01:00.0 carries eth0\n"
                                              "  hint: take it down\n")
    assert double("assign", "--quiet", "warned").err == ""
    r = double("assign", "--json", "warned")
    assert r.err == "" and r.json()["findings"][0]["severity"] == "warns"


def test_undone(double):
    r = double("assign", "undone")
    assert r.status == 1 and r.err == "vfioadm: unbind failed, all is as before\n"
    assert r.out.splitlines() == [
        "  load module vfio-pci ... done",
        "  unbind 0000:01:00.0 from e1000e ... failed: Device or resource busy",
        "  load module vfio-pci ... undone",
        "0000:01:00.0: e1000e (as before)", "0000:02:00.0: nvme, when freed"]
    data = double("assign", "--json", "undone").json()
    assert data["result"] == "undone" and data["error"]["code"] == "step-failed"
    assert [(s["state"], s["error"]) for s in data["steps"]] == [("undone", None), ("failed", 16)]
    assert data["functions"][0] == {"address": "0000:01:00.0", "before": "e1000e", "wanted": "vfio-pci",
                                    "after": "e1000e", "taken": True, "note": None}


def test_not_begun(double):
    r = double("assign", "busy")
    assert (r.status, r.out, r.err) == (8, "", "vfioadm: another one is at work\n")
    data = double("assign", "--json", "busy").json()
    assert sorted(data) == ["error", "version"] and data["error"]["exit"] == 8


def test_unsettled(double):
    r = double("assign", "stuck")
    assert r.status == 7 and "0000:01:00.0: e1000e -> no driver (not settled)" in r.out
    data = double("assign", "--json", "stuck").json()
    assert data["result"] == "unsettled" and data["error"]["exit"] == 7
    assert data["steps"][1]["state"] == "stuck"


def test_signals_while_something_is_changed(double):
    """double.c raises SIGTERM, SIGHUP and SIGPIPE in the middle of the run."""
    r = double("assign", "signal")
    assert r.status == 1 and "as before" in r.out


# ---- streams ----

def test_full_disk(double):
    with open("/dev/full", "w") as full:
        for args in ([], ["--json"], ["help"], ["assign", "-n", "ok"]):
            r = subprocess.run(double.argv(*args), stdout=full, stderr=subprocess.PIPE, text=True,
                               env=double.env)
            assert r.returncode == 1, args
            assert r.stderr == "vfioadm: cannot write to standard output: No space left on device\n"
        # A change that was made stays one, whether it could be told or not.
        r = subprocess.run(double.argv("assign", "ok"), stdout=full, stderr=subprocess.PIPE, text=True,
                           env=double.env)
        assert r.returncode == 0 and "cannot write" in r.stderr


@pytest.mark.parametrize("size", [0, 1, 100])
def test_file_size_limit(double, tmp_path, size):
    """A limit is an error, as a full disk is, and no death by SIGXFSZ."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    for args, status in ((["list"], 1), (["list", "--json"], 1), (["help"], 1), (["assign", "ok"], 0)):
        with open(tmp_path / "out", "w") as out:
            r = subprocess.run(double.argv(*args), stdout=out, stderr=subprocess.PIPE, text=True,
                               env=double.env, preexec_fn=limit)
        assert r.returncode == status, args
        assert r.stderr.endswith("vfioadm: cannot write to standard output: File too large\n"), args


@pytest.mark.parametrize("ignored", [False, True])
def test_reader_has_gone(double, ignored):
    """`vfioadm list | head`: by signal, or by EPIPE where that is ignored (as below systemd)."""
    reading, writing = os.pipe()
    os.close(reading)
    r = subprocess.run(double.argv("list"), stdout=writing, stderr=subprocess.PIPE, text=True,
                       env=double.env, restore_signals=not ignored)
    os.close(writing)
    assert r.stderr == "" and r.returncode == (0 if ignored else -13)


def on_terminal(program, *args, columns=80, env=None):
    master, slave = pty.openpty()
    subprocess.run(["stty", "cols", str(columns), "-onlcr"], stdin=slave, check=True)
    process = subprocess.Popen(program.argv(*args), stdin=slave, stdout=slave, stderr=slave,
                               env={**program.env, "TERM": "xterm", **(env or {})})
    os.close(slave)
    text = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        text += part
    os.close(master)
    assert process.wait(timeout=30) == 0
    return text.decode()


def test_colour(double):
    assert "\x1b[36m" in on_terminal(double)
    assert "\x1b" not in on_terminal(double, env={"NO_COLOR": "1"})
    assert "\x1b" not in on_terminal(double, env={"TERM": "dumb"})
    assert "\x1b" not in on_terminal(double, "--color=never")
    assert "\x1b" not in double().out
    assert "\x1b[36m" in double("--color=always").out
    assert "\x1b[36m" in double("--color=always", env={"NO_COLOR": "1"}).out


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_names_are_cut_to_the_terminal(double, locale):
    text = on_terminal(double, "--color=never", "--columns=address,name,verdict", columns=50,
                       env={"LC_ALL": locale})
    assert all(len(line) <= 50 for line in text.splitlines()) and "0000:01:00.1" in text
    assert "ConnectX-3" not in text and "assigned" in text
    narrow = on_terminal(double, "--color=never", columns=10, env={"LC_ALL": locale})
    assert "0000:01:00.1" in narrow
