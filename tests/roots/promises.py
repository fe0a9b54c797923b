# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is promised of every output, whatever the host."""

import json
import re
import unicodedata
from pathlib import Path

ADDRESS = r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]"
LIST = {"address": ADDRESS, "vendor": "[0-9a-f]{4}", "device": "[0-9a-f]{4}",
        "subsystem_vendor": "[0-9a-f]{4}", "subsystem_device": "[0-9a-f]{4}", "class": "[0-9a-f]{6}",
        "revision": "[0-9a-f]{2}", "vendor_name": None, "device_name": None, "driver": None,
        "vfio": bool, "bridge": bool, "iommu_group": int, "physfn": ADDRESS, "numa_node": int,
        "users": list, "verdict": None}
SHOW = {**LIST, "subsystem_name": None, "class_name": None, "path": None, "physical_slot": None,
        "serial": None, "nvme_serial": None, "mac": "[0-9a-f]{2}(:[0-9a-f]{2}){5}",
        "driver_override": None, "host_drivers": list, "vfio_variants": list, "vfio_driver": None,
        "vfio_driver_reason": None, "vfio_node": None, "group_node": None, "group_type": None,
        "reserved_regions": list, "companions": list, "sriov_totalvfs": int, "sriov_numvfs": int,
        "virtfns": list, "link_speed": None, "link_width": int, "power_state": None,
        "reset_methods": list, "bars": list, "uid": "[0-9a-f]{4}", "fid": "[0-9a-f]{8}",
        "pchid": "[0-9a-f]{4}", "pfgid": "[0-9a-f]{2}", "vfn": "[0-9a-f]{4}", "net": list,
        "block": list}
VERDICTS = ("assigned", "not-assignable", "in-use", "needs-group", "assignable")
RESULTS = ("done", "unchanged", "planned", "refused", "undone", "unsettled")
# What docs/checks.md says of each code of a finding: severity, and whether it can be forced.
CODES = {code: (severity.lower(), bool(forceable)) for code, severity, forceable in re.findall(
    r"^### ([a-z-]+)\n\n\*(Blocks|Refuses|Warns)(, forceable)?\.\*",
    (Path(__file__).resolve().parents[2] / "docs/checks.md").read_text(encoding="utf-8"), re.M)}
EXIT = {"bad-selector": 2, "ambiguous": 2, "usage": 2, "bad-id": 2, "no-such-function": 4,
        "not-permitted": 5, "no-iommu": 6, "no-vfio-pci": 6}


def clean(text, json_text=False):
    """Nothing that moves a terminal's cursor, colours it or turns its text around.

    JSON is for programs: there, only control characters are out of place.
    """
    bad = [c for c in text if c != "\n" and
           (unicodedata.category(c) == "Cc" if json_text else not c.isprintable())]
    assert not bad, f"{bad[:5]} in {text[:2000]!r}"


def _object(text):
    """Parsed; no key twice in any object."""
    def pairs(items):
        keys = [k for k, _ in items]
        assert len(keys) == len(set(keys)), f"twice: {keys}"
        return dict(items)
    return json.loads(text, object_pairs_hook=pairs)


def _value(key, kind, value):
    if value is None:
        return
    if kind is list:
        assert isinstance(value, list), key
    elif kind in (bool, int):
        assert type(value) is kind, f"{key}: {value!r}"
    else:
        assert isinstance(value, str), f"{key}: {value!r}"
        assert kind is None or re.fullmatch(kind, value), f"{key}: {value!r}"


def _place(address):
    domain, bus, rest = address.split(":")
    return [int(x, 16) for x in (domain, bus, *rest.split("."))]


def _user(user):
    assert set(user) == {"kind", "what", "why", "forceable", "code", "severity"}
    assert all(isinstance(user[k], str) and user[k] for k in ("kind", "what", "why"))
    assert (user["severity"], user["forceable"]) == CODES[user["code"]]


def _function(f, promised):
    unknown = f.get("unknown", [])
    assert len(unknown) == len(set(unknown)), unknown
    assert "unknown" not in f or unknown, "nothing is unknown, and that is said"
    for key, kind in promised.items():
        assert (key in f) != (key in unknown), f"{key}: there or named as unknown, not both"
        if key in f:
            _value(key, kind, f[key])
    assert not set(unknown) & set(f)
    for user in f.get("users", []):
        _user(user)
    if "verdict" not in f:
        return
    assert f["verdict"] in VERDICTS
    assert (f["verdict"] == "assigned") == (f.get("vfio") is True)
    assert f["verdict"] == "assigned" or f.get("verdict_reason") or f["verdict"] == "assignable"
    if f["verdict"] == "in-use":
        assert [u for u in f["users"] if u["severity"] != "warns"]


def _list(doc, bridges):
    addresses = [f["address"] for f in doc["functions"]]
    assert addresses == sorted(set(addresses), key=_place)
    for f in doc["functions"]:
        _function(f, LIST)
        assert bridges or not f["bridge"]
    for slot in doc.get("standby", []):
        assert ("power" in slot) != ("power" in slot.get("unknown", []))
        assert re.fullmatch("[0-9a-f]{8}", slot["fid"].removeprefix("0x"))


def _finding(f):
    severity, forceable = CODES[f["code"]]
    assert f["forceable"] is forceable
    assert f["severity"] == severity or forceable and f["severity"] == "warns"
    assert set(f) == {"code", "severity", "forceable", "device", "message", "hint"}
    assert f["message"].endswith((".", "?")), f["message"]
    assert f["severity"] == "warns" or f["hint"]


def _check(doc, status, group):
    """Refused is what has a finding that stands; what is in use has one that says by whom."""
    findings = doc["findings"] + [x for f in doc["functions"] for x in f["findings"]]
    for finding in findings:
        _finding(finding)
    assert (status == 3) == any(x["severity"] != "warns" for x in findings)
    assert status in (0, 3)
    if any(x["code"] in ("not-looked-at", "openers-unknown") for x in findings):
        assert doc["complete"] is False
    for f in doc["functions"]:
        assert set(f) in ({"address", "verdict", "findings"}, {"address", "findings", "unknown"})
        if "verdict" not in f:
            continue
        own = {x["code"] for x in f["findings"] if x["device"] == f["address"]}
        standing = [x for x in f["findings"] if x["severity"] != "warns"]
        assert f["verdict"] in VERDICTS
        if f["verdict"] == "assignable":
            assert not standing
        if f["verdict"] == "in-use":
            assert any(c == "has-vfs" or c == "root-filesystem" or c.startswith("in-use") for c in own)
        if f["verdict"] == "not-assignable" or f["verdict"] == "needs-group" and not group:
            assert standing


def _change(doc, status):
    assert doc["result"] in RESULTS
    assert (doc["result"] == "refused") == (status == 3)
    for step in doc["steps"]:
        assert {"device", "action", "state", "error"} <= set(step)
    for finding in doc.get("findings", []):
        _finding(finding)


def check(command, output):
    doc = _object(output.out)
    assert next(iter(doc)) == "version" and doc["version"] == 1
    if "error" in doc:
        error = doc["error"]
        assert {"code", "exit", "device", "path", "operation", "errno", "message", "hint"} <= set(error)
        assert error["exit"] == output.status != 0
        assert EXIT.get(error["code"], output.status) == output.status
        return
    verb = command.split()[0]
    if verb == "list":
        assert output.status == 0 and type(doc["complete"]) is bool
        _list(doc, "--all" in command)
    elif verb == "show":
        assert output.status == 0 and type(doc["complete"]) is bool
        for f in doc["functions"]:
            _function(f, SHOW)
    elif verb == "check":
        assert type(doc["complete"]) is bool
        _check(doc, output.status, "--group" in command)
    else:
        _change(doc, output.status)
