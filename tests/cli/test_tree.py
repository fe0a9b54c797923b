# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command over the real library, on a captured tree and on this machine (which is only read)."""

import json
import os
import subprocess

import pytest

import tree
from program import Program


def test_list(vfioadm, root):
    data = vfioadm("--sysroot", root, "--json").json()
    found = {f["address"]: (f["driver"], f["iommu_group"], f["verdict"]) for f in data["functions"]}
    assert found == {tree.NVME: ("nvme", 7, "assignable"), tree.NIC: ("igb", 8, "needs-group"),
                     tree.TWIN: ("igb", 8, "needs-group"), tree.SPARE: (None, 9, "assignable")}
    assert data["iommu"] is True
    everything = vfioadm("--sysroot", root, "list", "--all", "--json").json()
    assert [f["address"] for f in everything["functions"]] == [tree.BRIDGE, *found]


def test_topology(vfioadm, root):
    lines = vfioadm("--sysroot", root, "--tree=topology", "--columns=address").out.splitlines()
    assert lines == ["ADDRESS", tree.BRIDGE, "└─" + tree.NVME, tree.NIC, tree.TWIN, tree.SPARE]


def test_groups(vfioadm, root):
    lines = vfioadm("--sysroot", root, "--tree", "--columns=address").out.splitlines()
    assert [line.strip() for line in lines] == [
        "ADDRESS", "group 7", "└─" + tree.NVME, "group 8", "├─" + tree.NIC, "└─" + tree.TWIN, "group 9",
        "└─" + tree.SPARE]


def test_show(vfioadm, root):
    f = vfioadm("--sysroot", root, "show", "--json", "eth0").json()["functions"][0]
    assert f["address"] == tree.NIC and f["companions"] == [tree.TWIN] and f["net"] == ["eth0"]
    assert f["path"] == "pci-" + tree.NIC and f["vfio_driver"] == "vfio-pci"
    text = vfioadm("--sysroot", root, "show", tree.NIC).out
    assert f"vfioadm assign --group {tree.NIC}\n" in text and tree.TWIN in text


def test_dry_runs(vfioadm, root):
    before = sorted(str(p) for p in root.rglob("*"))
    data = vfioadm("--sysroot", root, "assign", "--dry-run", "--json", tree.NVME).json()
    assert data["result"] == "planned"
    assert {"address": tree.NVME, "before": "nvme", "wanted": "vfio-pci", "after": None, "taken": True,
            "note": None} in data["functions"]
    assert [s["action"] for s in data["steps"]][-2:] == ["unbind", "bind"]
    assert all(s["state"] == "planned" for s in data["steps"])
    assert vfioadm("--sysroot", root, "enable", "-n", "1b36:0100").status == 0
    assert vfioadm("--sysroot", root, "release", "-n", tree.NVME).status == 0
    assert sorted(str(p) for p in root.rglob("*")) == before


def test_refusal(vfioadm, root):
    r = vfioadm("--sysroot", root, "assign", "--dry-run", tree.NIC)
    assert r.status == 3 and tree.TWIN in r.err and f"assign --group {tree.NIC}" in r.err
    assert vfioadm("--sysroot", root, "assign", "--dry-run", "--group", tree.NIC).status == 0


@pytest.mark.parametrize("args,status", [
    (["show", "0000:7f:00.0"], 4), (["show", "0001:000:000:0"], 2), (["show", "8086:10c9"], 2),
    (["enable", "-n", "8086"], 2), (["assign", "-n", "--driver", "nosuch", tree.NVME], 2),
    (["assign", "-n", "--driver", "nosuch_vfio_pci", tree.NVME], 6),
    (["assign", tree.NVME], 2), (["assign", "-n", "--force", "nosuch-code", tree.NVME], 2)])
def test_errors(vfioadm, root, args, status):
    r = vfioadm("--sysroot", root, *args)
    assert r.status == status and r.err.startswith("vfioadm: ") and r.out == ""
    error = vfioadm("--sysroot", root, "--json", *args).json()["error"]
    assert error["exit"] == status and error["message"] in r.err


def test_several_need_consent(vfioadm, root):
    data = vfioadm("--sysroot", root, "show", "--all-matching", "--json", "8086:10c9").json()
    assert [f["address"] for f in data["functions"]] == [tree.NIC, tree.TWIN]


def test_no_pci(vfioadm, tmp_path):
    assert vfioadm("--sysroot", tmp_path).status == 6
    assert vfioadm("--sysroot", tmp_path / "missing").status == 2


def test_example(build, root):
    r = Program(build / "tests/cli/example")(str(root))
    assert r.status == 0
    lines = r.out.splitlines()
    assert lines[:2] == [f"{tree.NVME} is assignable", f"{tree.SPARE} is assignable"]
    assert f"would: unbind {tree.NVME} from nvme" in lines
    assert Program(build / "tests/cli/example")(str(root / "sys")).status == 6


@pytest.mark.skipif(not os.path.isdir("/sys/bus/pci/devices"), reason="this machine has no PCI bus")
def test_this_machine(vfioadm):
    """Every function of this machine is listed, with what its files say."""
    data = vfioadm("list", "--all", "--json").json()
    devices = "/sys/bus/pci/devices"
    assert [f["address"] for f in data["functions"]] == sorted(os.listdir(devices))
    for f in data["functions"]:
        with open(f"{devices}/{f['address']}/vendor") as file:
            assert "0x" + f["vendor"] == file.read().strip()
        driver = f"{devices}/{f['address']}/driver"
        assert f["driver"] == (os.path.basename(os.readlink(driver)) if os.path.exists(driver) else None)
        assert json.dumps(f)
    if data["functions"]:
        assert vfioadm("show", data["functions"][-1]["address"]).status == 0


@pytest.mark.skipif(not os.path.isdir("/sys/bus/pci/devices"), reason="this machine has no PCI bus")
def test_without_root(vfioadm):
    """What root alone can read is unknown to others, and no error."""
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *vfioadm.argv("--json")]
    r = subprocess.run(argv, capture_output=True, text=True, env=vfioadm.env)
    if r.returncode in (126, 127):
        pytest.skip("the build cannot be reached by another user")
    assert r.returncode == 0
    assert [f["address"] for f in json.loads(r.stdout)["functions"]] == \
        [f["address"] for f in vfioadm("--json").json()["functions"]]
