# SPDX-License-Identifier: LGPL-2.1-or-later
"""import: what is said, what programs get, and the exit status."""

import tree

FILES = """# /etc/vfioadm.d/type-8086-10c9.conf
# of it
[Match]
CardType=8086:10c9

# /etc/vfioadm.d/type-1b36-0010.conf
[Match]
CardType=1b36:0010

# /etc/vfioadm.d/nic.conf
[Match]
# ev\\x1bil
Address=0000:03:00.0

"""
REST = """not imported: /etc/driverctl.d/x\\x1by: It is of\\x1b another bus.
so that two tools do not bind it: /proc/cmdline: Remove it.
"""


def commented(text):
    return "".join(f"# {line}\n" for line in text.splitlines())


def test_proposals(double):
    r = double("import", "--sysroot", "/ok")
    assert (r.status, r.out, r.err) == (0, FILES + commented(REST), "")
    assert double("import", "--sysroot", "/ok", "--quiet").out == ""
    assert double("import", "--sysroot", "/ok", "--dry-run").out == r.out


def test_dry_run(double):
    r = double("import", "--persist", "--dry-run", "--sysroot", "/ok")
    assert r.status == 0 and r.out.startswith(FILES + commented(REST) + "  would: load module vfio-pci\n")


def test_persist(double):
    r = double("import", "--persist", "--sysroot", "/ok")
    assert r.status == 0 and r.err == ""
    assert r.out.endswith(" done\n" + REST) and "[Match]" not in r.out
    assert double("import", "--persist", "--sysroot", "/ok", "--quiet").out == ""


def test_nothing(double):
    for more in [], ["--persist"]:
        r = double("import", *more)
        assert (r.status, r.out, r.err) == (0, "nothing to import\n", "")
        assert double("import", "--json", *more).json()["result"] == "unchanged"


def test_failures(double):
    r = double("import", "--sysroot", "/error")
    assert r.status == 5 and "you are not root" in r.err and r.out == ""
    # Nothing was written: there is nothing that two would do.
    for what, status in ("undone", 1), ("busy", 8):
        r = double("import", "--persist", "--sysroot", "/" + what)
        assert r.status == status and r.err != "" and "two tools" not in r.out
    data = double("import", "--persist", "--json", "--sysroot", "/undone").json()
    assert data["result"] == "undone" and data["error"]["exit"] == 1
    assert double("import", "0000:01:00.0").status == 2
    assert double("import", "--force", "net-up").status == 2


def test_json(double):
    data = double("import", "--json", "--sysroot", "/ok").json()
    assert data["version"] == 1 and data["result"] == "planned" and data["steps"] == []
    assert [p["name"] for p in data["proposals"]] == ["type-8086-10c9", "type-1b36-0010", "nic"]
    assert data["proposals"][0]["device"] is None and data["proposals"][0]["hint"] == "Remove it."
    assert data["proposals"][2] == {"name": "nic", "source": "/etc/libvirt/qemu/a\x1bb.xml", "device": "0000:03:00.0",
                                    "text": "[Match]\n# ev\x1bil\nAddress=0000:03:00.0\n", "hint": None}
    assert data["skipped"] == [{"source": "/etc/driverctl.d/x\x1by", "reason": "It is of\x1b another bus."}]
    data = double("import", "--json", "--persist", "--sysroot", "/ok").json()
    assert data["result"] == "done" and len(data["steps"]) == 2


# ---- the real library, on another root ----

def test_another_root(vfioadm, tmp_path):
    root = tree.make(tmp_path)
    overrides = root / "etc/driverctl.d"
    overrides.mkdir(parents=True)
    (overrides / f"pci-{tree.NVME}").write_text("vfio-pci\n")
    (overrides / "pci-0000:7f:00.0").write_text("uio_pci_generic\n")
    r = vfioadm("import", "--json", "--sysroot", str(root))
    data = r.json()
    assert r.status == 0 and data["result"] == "planned" and data["steps"] == []
    assert [(p["device"], p["source"]) for p in data["proposals"]] == [
        (tree.NVME, f"/etc/driverctl.d/pci-{tree.NVME}")]
    assert [s["source"] for s in data["skipped"]] == ["/etc/driverctl.d/pci-0000:7f:00.0"]
    # What is printed is what can be declared.
    text = data["proposals"][0]["text"]
    assert text in vfioadm("import", "--sysroot", str(root)).out
    conf = tmp_path / "printed.conf"
    conf.write_text(text)
    assert vfioadm("config", "check", str(conf)).status == 0
    # Nothing is written there, but with the file in its place there is nothing left to propose.
    declared = root / "etc/vfioadm.d"
    assert not (declared / f"{data['proposals'][0]['name']}.conf").exists()
    assert vfioadm("import", "--persist", "--sysroot", str(root)).status != 0
    declared.mkdir(exist_ok=True)
    (declared / "mine.conf").write_text(text)
    data = vfioadm("import", "--json", "--sysroot", str(root)).json()
    assert data["proposals"] == [] and any("declared already" in s["reason"] for s in data["skipped"])
