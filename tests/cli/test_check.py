# SPDX-License-Identifier: LGPL-2.1-or-later
"""check and settle: what is said, what programs get, and the exit status."""

import tree

FINE = "0000:01:00.0: in-use, can be assigned"


def test_fine(double):
    r = double("check", "fine")
    assert (r.status, r.out, r.err) == (0, FINE + "\n", "")
    assert double("check", "--quiet", "fine").out == ""


def test_warned(double):
    r = double("check", "warned")
    assert r.status == 0
    assert r.out == FINE + ", but:\n  warns: this is\\x1b why [leftover]\n"
    r = double("check", "--quiet", "warned")
    assert (r.status, r.out) == (0, "")


def test_refused(double):
    """By severity, the companion's findings with it, and the codes that would do."""
    r = double("check", "refused")
    assert (r.status, r.err) == (3, "")
    assert r.out.splitlines() == [
        "0000:01:00.0: in-use, cannot be assigned:",
        "  refuses: this is\\x1b why [net-up]",
        "    hint: do that",
        "  refuses: this is\\x1b why [disk]",
        "    hint: do that",
        "  warns: this is\\x1b why [leftover]",
        "refused; --force net-up,disk overrides"]
    assert "leftover" not in double("check", "--quiet", "refused").out


def test_blocked(double):
    r = double("check", "blocked")
    lines = r.out.splitlines()
    assert r.status == 3
    assert lines[1] == "  blocks: this is\\x1b why [bridge]" and lines[-1] == "refused"


def test_group(double):
    """Each function that was asked for has its own findings."""
    lines = double("check", "--group", "refused").out.splitlines()
    assert lines[0].startswith("0000:01:00.0: ") and lines[4] == (
        "0000:01:00.1: assigned, cannot be released:")
    assert "[disk]" in lines[5] and lines[-1] == "refused; --force net-up,disk overrides"
    functions = double("check", "--json", "--group", "refused").json()["functions"]
    assert [[f["code"] for f in x["findings"]] for x in functions] == [["leftover", "net-up"], ["disk"]]


def test_force(double):
    """What remains is told."""
    r = double("check", "--force", "net-up", "refused")
    assert r.status == 3 and r.out.endswith("refused; --force disk overrides\n")
    r = double("check", "--force", "net-up,disk", "refused")
    assert r.status == 0 and "refused" not in r.out and r.out.startswith(FINE + ", but:\n")
    assert double("check", "--force", "net-up,disk,bridge", "blocked").status == 3
    r = double("check", "refused", "--force")
    assert r.status == 2 and "what can be overridden here: --force net-up,disk" in r.err
    r = double("check", "fine", "--force")
    assert r.status == 2 and "nothing to override" in r.err
    assert double("check", "error", "--force").status == 2


def test_json(double):
    r = double("check", "--json", "refused")
    assert (r.status, r.err) == (3, "")
    data = r.json()
    assert list(data)[0] == "version" and data["version"] == 1 and data["complete"] is True
    assert data["functions"][0] == {
        "address": "0000:01:00.0", "verdict": "in-use", "findings": [
            {"code": "leftover", "severity": "warns", "forceable": False, "device": "0000:01:00.0",
             "message": "this is\x1b why", "hint": None},
            {"code": "net-up", "severity": "refuses", "forceable": True, "device": "0000:01:00.0",
             "message": "this is\x1b why", "hint": "do that"},
            {"code": "disk", "severity": "refuses", "forceable": True, "device": "0000:01:00.1",
             "message": "this is\x1b why", "hint": "do that"}]}
    assert data["findings"] == []
    assert double("check", "--json", "unseen").json()["complete"] is False
    data = double("check", "--json", "followed").json()
    assert [f["code"] for f in data["findings"]] == ["followed"]
    assert [f["code"] for f in data["functions"][0]["findings"]] == ["leftover"]


def test_followed_comes_first(double):
    assert double("check", "followed").out.splitlines()[:2] == [
        "  warns: this is\\x1b why [followed]", FINE + ", but:"]


def test_error(double):
    r = double("check", "error")
    assert (r.status, r.out, r.err) == (4, "", "vfioadm: no such function\n")
    assert double("check", "--json", "error").json()["error"]["exit"] == 4


def test_users_of_list_and_show(double):
    users = double("list", "--json").json()["functions"][0]["users"]
    assert users[2] == {"kind": "claim", "what": "a domain", "why": "names it", "forceable": False,
                        "code": "libvirt-defined", "severity": "warns"}
    assert [u["severity"] for u in users] == ["refuses", "blocks", "warns"]
    # What only warns is no use.
    assert "a domain" not in double("list", "--columns=users").out
    assert "unseen" not in double("list", "--json").json()["functions"][0]
    assert double("list", "--users", "--json").json()["functions"][0]["unseen"] == ["Not this."]
    text = double("show", "0000:01:00.0").out
    assert "vf 0000:01:10.0 is in use (cannot be overridden)\n" in text
    assert "claim a domain names it (only a warning)\n" in text
    assert "Not looked at:      Not this.\n" in text
    assert "see vfioadm check 0000:01:00.0\n" in text


def test_settle(double):
    r = double("settle")
    assert r.status == 0 and r.out.startswith("nothing to settle")
    assert double("settle", "--json").json()["result"] == "unchanged"
    r = double("settle", "--sysroot", "/left")
    assert (r.status, r.out, r.err) == (0, "this was taken back\n", "")
    r = double("settle", "--sysroot", "/pending")
    assert (r.status, r.out) == (7, "this was taken back\n")
    assert r.err == "vfioadm: this is still held\n  hint: wait\n"
    r = double("settle", "--quiet", "--sysroot", "/pending")
    assert (r.status, r.out) == (7, "") and "still held" in r.err
    data = double("settle", "--json", "--sysroot", "/pending").json()
    assert data["result"] == "unsettled" and data["steps"] == []
    assert data["runs"][1] == {"run": "5-2", "verb": "release", "devices": ["0000:01:00.1"],
                               "outcome": "pending", "message": "this is still held", "hint": "wait"}
    r = double("settle", "--dry-run", "--sysroot", "/pending")
    assert r.status == 0 and "/run/vfioadm/journal/5-2" in r.out
    assert double("settle", "--dry-run", "--json", "--sysroot", "/pending").json()["result"] == "planned"
    assert double("settle", "--sysroot", "/busy").status == 8
    assert double("settle", "0000:01:00.0").status == 2


# ---- the real library ----

def test_check_of_a_tree(vfioadm, root):
    r = vfioadm("--sysroot", root, "check", tree.NVME)
    assert r.status == 0 and r.out.startswith(f"{tree.NVME}: assignable, can be assigned")
    r = vfioadm("--sysroot", root, "check", tree.NIC)
    assert r.status == 3 and "[group-split]" in r.out and f"assign --group {tree.NIC}" in r.out
    data = vfioadm("--sysroot", root, "check", "--json", tree.NIC).json()
    assert [f["code"] for f in data["functions"][0]["findings"]][:1] == ["group-split"]
    r = vfioadm("--sysroot", root, "check", "--group", tree.NIC)
    assert r.status == 0 and r.out.count("can be assigned") == 2
    assert vfioadm("--sysroot", root, "check", "0000:7f:00.0").status == 4
    assert vfioadm("--sysroot", root, "check", "--force", "group-split", tree.NIC).status == 2
    r = vfioadm("--sysroot", root, "check", tree.NIC, "--force")
    assert r.status == 2 and "nothing to override" in r.err


def test_companions_are_searched_for(vfioadm, tmp_path):
    """What only a thorough search sees, of a function that nobody named but that must move along."""
    root = tree.make(tmp_path / "root")
    domains = root / "etc/libvirt/qemu"
    domains.mkdir(parents=True)
    bus, slot, function = tree.TWIN[5:7], tree.TWIN[8:10], tree.TWIN[11]
    (domains / "web.xml").write_text(
        "<domain type='kvm'><name>web</name><devices><hostdev mode='subsystem' type='pci' managed='yes'>"
        f"<source><address domain='0x0000' bus='0x{bus}' slot='0x{slot}' function='0x{function}'/></source>"
        "</hostdev></devices></domain>\n")
    findings = vfioadm("--sysroot", root, "check", "--json", tree.NIC).json()["functions"][0]["findings"]
    assert [f["device"] for f in findings if f["code"] == "libvirt-defined"] == [tree.TWIN]
    listed = vfioadm("--sysroot", root, "list", "--users", "--json").json()["functions"]
    users = {f["address"]: [u["code"] for u in f["users"]] for f in listed}
    assert users[tree.TWIN] == ["libvirt-defined"] and users[tree.NIC] == []
