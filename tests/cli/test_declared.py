# SPDX-License-Identifier: LGPL-2.1-or-later
"""status, plan, apply, config and --persist: what is said, what programs get, and the exit status.

With the double, the directory of --sysroot says what is declared: /all, /quiet (one, in force), or /these/A,B
with the names of two that differ; a name says what becomes of its transaction.
"""

import re

import pytest

import tree

MOVED = ["  load module vfio-pci ... done", "  unbind 0000:01:00.0 from e1000e ... done",
         "0000:01:00.0: e1000e -> vfio-pci (done, verified)", "0000:02:00.0: nvme, when freed"]
STEPS = ["load-module", "unbind"]


def these(*names):
    return ["--sysroot", "/these/" + ",".join(names)]


# ---- status ----

def test_status(double):
    r = double("status", "--sysroot", "/all")
    assert (r.status, r.err) == (3, "")
    assert r.out.splitlines() == [
        "done      differs   0000:01:00.0 has e1000e.", "  hint: apply it",
        "refused   differs   0000:01:00.0 has e1000e.", "  hint: apply it",
        "unchanged in-force  0000:02:00.0 has vfio-pci.",
        "error     missing   No such device is present.", "  hint: look for it",
        'wrong     invalid   /etc/vfioadm.d/wrong.conf:3: unknown key "Pth".', "  hint: did you mean Path?",
        "held      held      0000:01:00.0 was released.",
        "both      ambiguous It fits two.", "  hint: say which",
        "ev\\x1bil  foreign   another\\x1b card", "  hint: look\\x1b"]


def test_status_of_what_is_in_force(double):
    r = double("status", "--sysroot", "/quiet")
    assert (r.status, r.out, r.err) == (0, "unchanged in-force  0000:02:00.0 has vfio-pci.\n", "")
    r = double("status", "--quiet", "--sysroot", "/quiet")
    assert (r.status, r.out, r.err) == (0, "", "")
    r = double("status")
    assert (r.status, r.out, r.err) == (0, "there are no declarations in /etc/vfioadm.d\n", "")


def test_status_of_what_was_edited_since(double):
    """As declared now, but the next boot may not be: said, and no failure."""
    r = double("status", "--sysroot", "/outdated")
    assert (r.status, r.err) == (0, "")
    assert r.out.splitlines()[1:] == [
        "The udev rules or an initramfs may be made from older files than those in /etc/vfioadm.d.",
        "  hint: 'vfioadm plan' shows what would be done, or what prevents it."]
    lines = double("status", "--quiet", "--sysroot", "/outdated").out.splitlines()
    assert len(lines) == 1 and lines[0].startswith("The udev rules")
    data = double("status", "--json", "--sysroot", "/outdated").json()
    assert (data["in_force"], data["outdated"]) == (True, True)


def test_status_quiet_and_verbose(double):
    lines = double("status", "--quiet", "--sysroot", "/all").out.splitlines()
    assert len(lines) == 7 and not any("hint" in line or "in-force" in line for line in lines)
    lines = double("status", "--verbose", "--sysroot", "/all").out.splitlines()
    assert lines[1] == "  /etc/vfioadm.d/done.conf" and "  /run/vfioadm.d/held.conf" in lines
    assert "\x1b" not in "".join(lines)
    assert "\x1b[32min-force" in double("status", "--color=always", "--sysroot", "/quiet").out


def test_status_json(double):
    r = double("status", "--json", "--sysroot", "/all")
    assert (r.status, r.err) == (3, "")
    data = r.json()
    assert list(data) == ["version", "in_force", "outdated", "vanished", "declarations"] and data["version"] == 1
    assert data["in_force"] is False
    assert data["declarations"][0] == {
        "name": "done", "file": "/etc/vfioadm.d/done.conf", "state": "differs", "devices": ["0000:01:00.0"],
        "in_initramfs": True, "together": [], "message": "0000:01:00.0 has e1000e.", "hint": "apply it"}
    assert data["declarations"][2]["hint"] is None and data["declarations"][3]["devices"] == []
    assert data["declarations"][7]["name"] == "ev\x1bil"
    r = double("status", "--json", "--sysroot", "/quiet")
    assert r.status == 0 and r.json()["in_force"] is True
    assert double("status", "--json").json() == {
        "version": 1, "in_force": True, "outdated": False, "vanished": [], "declarations": []}


def test_status_where_there_is_no_host(double):
    r = double("status", "--json", "--sysroot", "/nopci")
    assert r.status == 6 and r.json()["error"]["code"] == "no-pci" and "no PCI bus" in r.err


# ---- plan and apply ----

def test_apply(double):
    r = double("apply", *these("ok", "done"))
    assert (r.status, r.err) == (0, "")
    assert r.out.splitlines() == ["ok:", *MOVED, "done:", *MOVED]
    assert double("apply", "--quiet", *these("ok")).out == ""


def test_second_transaction_for_virtual_functions(double):
    """Its repetition is told only where it had something to do."""
    assert double("apply", *these("virtual")).out.splitlines() == 2 * ["virtual:", *MOVED]
    data = double("apply", "--json", *these("virtual", "ok")).json()
    assert [d["name"] for d in data["declarations"]] == ["virtual", "virtual", "ok"]
    assert [s["action"] for s in data["steps"]] == ["set-numvfs", STEPS[1], *STEPS, *STEPS]
    assert {d["result"] for d in data["declarations"]} == {"done"}
    assert double("apply", *these("physical")).out.splitlines() == ["physical:", *MOVED]


def test_plan_prints_the_steps_of_apply(double):
    r = double("plan", *these("ok", "undone"))
    assert (r.status, r.err) == (0, "")
    one = ["0000:01:00.0: e1000e -> vfio-pci (planned)", "0000:02:00.0: nvme, when freed",
           "  would: load module vfio-pci", "  would: unbind 0000:01:00.0 from e1000e"]
    assert r.out.splitlines() == ["ok:", *one, "undone:", *one]
    assert double("apply", "--dry-run", *these("ok", "undone")).out == r.out
    # Nothing has happened, so there is nothing for a second transaction.
    assert double("plan", *these("virtual")).out.splitlines() == ["virtual:", *one]
    assert double("plan", "--json", *these("ok")).json()["result"] == "planned"


def test_nothing_to_do(double):
    for verb in ("plan", "apply"):
        r = double(verb, *these("unchanged"))
        assert (r.status, r.out, r.err) == (0, "nothing to do\n", "")
        assert double(verb).out == "there are no declarations in /etc/vfioadm.d\n"
        assert double(verb, "--quiet").out == double(verb, "-q", *these("unchanged")).out == ""
    assert double("apply", "--json").json() == {
        "version": 1, "result": "unchanged", "steps": [], "declarations": []}
    data = double("apply", "--json", *these("unchanged")).json()
    assert data["result"] == data["declarations"][0]["result"] == "unchanged"


def test_names(double):
    r = double("apply", "ok", "ok", *these("done", "ok"))
    assert r.status == 0 and r.out.splitlines() == ["ok:", *MOVED]
    r = double("plan", "ok", "okay", *these("okey", "done", "ok"))
    assert (r.status, r.out) == (2, "")
    assert r.err.startswith("vfioadm: there is no declaration 'okay', did you mean 'okey'?\n  hint: ")
    r = double("plan", "xyz", *these("ok"))
    assert r.status == 2 and r.err.startswith("vfioadm: there is no declaration 'xyz'\n")
    assert double("apply", "xyz", "--json").json()["error"]["exit"] == 2


def test_one_refusal_keeps_nobody_back(double):
    r = double("apply", *these("refused", "ok"))
    assert r.status == 3 and r.out.splitlines() == ["refused:", "ok:", *MOVED]
    assert r.err.endswith("vfioadm: refused: refused, nothing of it was changed; --force net-up overrides\n")
    assert double("apply", "--force", "net-up", *these("refused", "ok")).status == 0
    # What was refused is said with its name, also where no heading says it.
    r = double("apply", "--quiet", *these("blocked", "ok"))
    assert (r.status, r.out) == (3, "") and "vfioadm: blocked: refused, nothing of it was changed\n" in r.err


def test_errors_name_the_declaration(double):
    r = double("apply", *these("exit-4", "ok"))
    assert r.status == 4 and r.err == "vfioadm: exit-4: no card\n" and r.out.splitlines()[0] == "ok:"


def test_undone(double):
    r = double("apply", *these("undone", "ok"))
    assert r.status == 1 and r.err == "vfioadm: undone: unbind failed, all is as before\n"
    assert "0000:01:00.0: e1000e (as before)" in r.out and r.out.endswith("\n".join(["ok:", *MOVED, ""]))


# The order that vfioadm(1) promises; each beside all that are behind it.
NAMES = {7: "stuck", 1: "undone", 8: "exit-8", 5: "exit-5", 2: "exit-2", 3: "exit-3", 6: "exit-6", 4: "exit-4"}
ORDER = list(NAMES)


@pytest.mark.parametrize("status", ORDER)
def test_exit_status(double, status):
    graver = NAMES[status]
    assert double("apply", *these(graver)).status == status
    for other in [NAMES[s] for s in ORDER[ORDER.index(status) + 1:]] + ["ok", "unchanged"]:
        for names in ([graver, other], [other, graver]):
            # Behind these two nothing is begun.
            if names[0] not in ("exit-8", "exit-5"):
                assert double("apply", "-q", *these(*names)).status == status, names


def test_refused_by_a_check_and_by_an_error_are_one_status(double):
    assert double("apply", *these("refused", "exit-6")).status == 3
    assert double("apply", *these("refused", "exit-2")).status == 2


@pytest.mark.parametrize("first,status", [("exit-8", 8), ("busy", 8), ("exit-5", 5)])
def test_what_keeps_all_back_is_met_once(double, first, status):
    r = double("apply", *these("ok", first, "done", "ok2"))
    assert r.status == status and r.err.count("\n") == 2
    assert r.err.endswith("vfioadm: 2 of 4 transactions not begun\n")
    assert "ok:" in r.out and "done:" not in r.out
    data = double("apply", "--json", *these("ok", first, "done", "ok2")).json()
    assert [d["name"] for d in data["declarations"]] == ["ok", first, "done", "ok2"]
    assert data["declarations"][3] == {"name": "ok2", "names": ["ok2"], "function": None, "result": None}
    # The last one keeps nobody back.
    assert "not begun" not in double("apply", *these("ok", first)).err


def test_signal_ends_the_whole(double):
    """double.c raises SIGTERM in the middle of the run."""
    r = double("apply", *these("signal", "ok", "done"))
    assert r.status == 1 and "ok:" not in r.out
    assert r.err.endswith("vfioadm: 2 of 3 transactions not begun\n")


def test_atomic(double):
    r = double("apply", "--atomic", *these("ok", "refused", "last"))
    assert r.status == 0 and r.out.splitlines() == [*MOVED[:3], "0000:02:00.0: nvme, last"]
    r = double("plan", "--atomic", *these("refused", "ok"))
    assert r.status == 3 and r.err.endswith("vfioadm: refused, nothing was changed; --force net-up overrides\n")
    data = double("apply", "--atomic", "--json", *these("ok", "done")).json()
    assert [(d["name"], d["result"]) for d in data["declarations"]] == [(None, "done")]
    assert double("apply", "--atomic").out == "there are no declarations in /etc/vfioadm.d\n"


def begun(r):
    return [line[:-1] for line in r.out.splitlines() if re.fullmatch(r"[\w-]+:", line)]


def test_only(double):
    args = ["--sysroot", "/all", "--force", "net-up"]
    assert begun(double("plan", "--only", "0000:02:00.0", *args)) == ["refused", "both"]
    assert begun(double("plan", "--only", "0000:01:00.0", *args)) == ["done", "refused", "held", "both"]
    assert begun(double("plan", "--only", "0000:01:00.0", "done", "held", *args)) == ["done", "held"]
    assert double("plan", "--only", "1:0.0", *args).out == double("plan", "--only", "0000:01:00.0", *args).out
    r = double("apply", "--only", "0A:00.0", "--sysroot", "/all")
    assert (r.status, r.out) == (0, "no declaration is about 0000:0a:00.0\n")
    for bad in ("eth0", "0000:01:00", "01:00.8", "0000:01:20.0", "0000:01:00.0x", "-1:00.0", "", "0x1:00.0"):
        r = double("plan", f"--only={bad}", *args)
        assert r.status == 2 and r.err.startswith("vfioadm: --only takes the address of a function"), bad


def test_boot_passes_over_what_is_in_force(double):
    def names(*options):
        return [d["name"] for d in double("apply", "--json", "--sysroot", "/all", *options).json()["declarations"]]

    assert "unchanged" in names()
    assert names("--boot") == [n for n in names() if n not in ("unchanged", "error")]


def test_boot_passes_over_what_is_not_there(double):
    assert "error: you are not root" in double("apply", "--sysroot", "/all").err
    r = double("apply", "--boot", "--sysroot", "/all")
    assert "error" not in r.err and begun(r)[:3] == ["done", "refused", "wrong"]
    assert double("plan", "--boot").status == 2


def test_boot_takes_what_built_in_drivers_have(double):
    """Of a type that is in force: each function in a transaction of its own."""
    def functions(*options):
        declarations = double("apply", "--json", *options, "--sysroot", "/type").json()["declarations"]
        return [(d["name"], d["function"], d["functions"][1]["note"]) for d in declarations]

    addresses = ["0000:01:00.0", "0000:02:00.0"]
    assert functions("--boot") == [("type", a, a) for a in addresses]
    assert functions() == [("type", None, "when freed")]
    assert functions("--only", addresses[1]) == [("type", addresses[1], addresses[1])]
    for other in (["--only", addresses[0]], ["--atomic"]):
        r = double("apply", "--boot", *other, "--sysroot", "/type")
        assert r.status == 2 and f"--boot cannot be given with {other[0]}" in r.err


def test_boot_and_what_is_in_the_way(double):
    """A type that cannot be given is tried once; a function that is in use changes no status."""
    r = double("apply", "--boot", "--sysroot", "/type/refused")
    assert r.status == 3 and begun(r) == ["refused"]
    r = double("apply", "--boot", "--sysroot", "/type/in-use")
    assert r.status == 0 and begun(r) == 2 * ["refused"] and r.err.count("refused, nothing") == 2


def test_apply_json(double):
    r = double("apply", "--json", *these("ok", "undone", "exit-4", "refused"))
    assert r.status == 1
    data = r.json()
    assert list(data) == ["version", "result", "steps", "declarations", "error"]
    assert data["version"] == 1 and data["result"] == "undone"
    assert [s["action"] for s in data["steps"]] == 3 * STEPS
    assert [s["state"] for s in data["steps"][:4]] == ["done", "done", "undone", "failed"]
    assert [d["result"] for d in data["declarations"]] == ["done", "undone", None, "refused"]
    assert list(data["declarations"][0]) == ["name", "names", "function", "result", "functions", "findings",
                                             "steps"]
    assert data["declarations"][0]["functions"][0]["after"] == "vfio-pci"
    assert [f["code"] for f in data["declarations"][3]["findings"]] == ["leftover", "net-up"]
    assert data["declarations"][2]["error"]["exit"] == 4 and list(data["declarations"][2]) == [
        "name", "names", "function", "result", "error"]
    # The error of the whole is the one that its exit status is of.
    assert data["error"] == data["declarations"][1]["error"] and data["error"]["exit"] == 1
    assert "error" not in double("apply", "--json", *these("ok", "refused")).json()


@pytest.mark.parametrize("names,result", [
    (["stuck", "undone"], "unsettled"), (["undone", "refused"], "undone"), (["ok", "refused"], "refused"),
    (["ok", "unchanged"], "done"), (["unchanged", "exit-4"], "unchanged"), (["exit-4"], None)])
def test_result_of_the_whole(double, names, result):
    assert double("apply", "--json", *these(*names)).json()["result"] == result
    assert double("apply", "--json", *these(*reversed(names))).json()["result"] == result


def test_bare_force(double):
    r = double("apply", "ok", "--force", *these("ok"))
    assert (r.status, r.out) == (2, "") and "vfioadm plan prints the findings" in r.err


# ---- config ----

def test_config_check_has_the_form_that_editors_know(double):
    r = double("config", "check", "good.conf", "bad.conf", "none.conf")
    assert (r.status, r.out) == (2, "")
    assert r.err == 'bad.conf:7: unknown key "Pth"\n  hint: did you mean Path?\nnone.conf cannot be read.\n'
    r = double("config", "check", "good.conf")
    assert (r.status, r.out, r.err) == (0, "", "")
    assert double("config", "check", "-v", "good.conf").out == "good.conf: no error\n"


def test_config_check_json(double):
    r = double("config", "check", "--json", "bad.conf", "good.conf", "none.conf")
    assert (r.status, r.err) == (2, "")
    assert r.json() == {"version": 1, "problems": [
        {"file": "bad.conf", "line": 7, "message": 'bad.conf:7: unknown key "Pth"', "hint": "did you mean Path?"},
        {"file": "none.conf", "line": None, "message": "none.conf cannot be read.", "hint": None}]}
    assert double("config", "check", "--json", "good.conf").json() == {"version": 1, "problems": []}


def test_config_check_of_all(double):
    """What cannot be used, and what means two devices; that something differs is no error in a file."""
    r = double("config", "check", "--sysroot", "/all")
    assert (r.status, r.out) == (2, "")
    assert r.err.splitlines() == [
        '/etc/vfioadm.d/wrong.conf:3: unknown key "Pth".', "  hint: did you mean Path?",
        "/etc/vfioadm.d/both.conf: It fits two.", "  hint: say which"]
    problems = double("config", "check", "--json", "--sysroot", "/all").json()["problems"]
    assert [(p["file"], p["line"]) for p in problems] == [("/etc/vfioadm.d/wrong.conf", 3),
                                                          ("/etc/vfioadm.d/both.conf", None)]
    assert double("config", "check", *these("ok", "exit-4")).status == 0
    assert "\x1b" not in double("config", "check", "-v", "--sysroot", "/all").out


def test_config_list(double):
    r = double("config", "list", "--sysroot", "/all")
    assert (r.status, r.err) == (0, "")
    assert r.out.splitlines()[:2] == ["/etc/vfioadm.d/done.conf", "/etc/vfioadm.d/refused.conf"]
    assert len(r.out.splitlines()) == 8
    r = double("config", "list", "--initramfs", "--sysroot", "/all")
    assert r.out == "/etc/vfioadm.d/done.conf\n/etc/vfioadm.d/unchanged.conf\n"
    r = double("config", "list", "--json", "--initramfs", "--sysroot", "/all")
    assert r.json() == {"version": 1, "files": [
        {"name": "done", "file": "/etc/vfioadm.d/done.conf", "state": "differs", "in_initramfs": True},
        {"name": "unchanged", "file": "/etc/vfioadm.d/unchanged.conf", "state": "in-force", "in_initramfs": True}]}
    assert double("config", "list").out == ""


@pytest.mark.parametrize("args,sentence", [
    ([], "config needs check or list"),
    (["chek"], "config: unknown argument 'chek'"),
    (["list", "x.conf"], "config list: unexpected argument 'x.conf'"),
    (["check", "--initramfs"], "--initramfs can only be given with config list")])
def test_config_typed_wrong(double, args, sentence):
    r = double("config", *args)
    assert (r.status, r.out) == (2, "") and sentence in r.err


# ---- --persist ----

@pytest.mark.parametrize("verb", ["assign", "release", "enable", "disable"])
def test_persist(double, verb):
    assert "declared" in double(verb, "--persist", "ok").out
    assert "declared" not in double(verb, "ok").out


@pytest.mark.parametrize("verb", ["list", "show", "check", "status", "plan", "apply", "config", "settle"])
def test_no_persist(double, verb):
    r = double(verb, "--persist", "check")
    assert r.status == 2 and "unknown option --persist" in r.err


def test_modprobe(double):
    assert "modprobe.d" in double("enable", "--persist", "--modprobe", "ok").out
    assert "modprobe.d" not in double("enable", "--persist", "ok").out
    r = double("enable", "--modprobe", "ok")
    assert (r.status, r.out) == (2, "") and "--modprobe needs --persist" in r.err
    assert "enable --persist --modprobe ID" in r.err
    for verb in "disable", "assign", "release", "apply", "import":
        r = double(verb, "--modprobe", "ok")
        assert r.status == 2 and "unknown option --modprobe" in r.err


# ---- the real library ----

NVME_CONF = f"[Match]\nAddress={tree.NVME}\nVendor=1b36\nDevice=0010\n"
FILES = {
    "bad": "[Match]\n# a comment\nPth=pci-0000:00:1c.0/00.0\n",
    "gone": "[Match]\nAddress=0000:0a:00.0\nVendor=1b36\nDevice=0010\n",
    "many": "[Match]\nVendor=8086\nDevice=10c9\n",
    "nvme": NVME_CONF,
    "other": f"[Match]\nAddress={tree.SPARE}\nVendor=1b36\nDevice=0010\n",
    "masked": "",
}
STATES = {"bad": "invalid", "gone": "missing", "many": "ambiguous", "nvme": "differs", "other": "foreign"}


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    root = tree.make(tmp_path_factory.mktemp("declared"))
    for name, text in FILES.items():
        path = root / f"etc/vfioadm.d/{name}.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_status_of_a_tree(vfioadm, declared, root):
    r = vfioadm("--sysroot", declared, "status", "--json")
    assert r.status == 3
    found = {d["name"]: d for d in r.json()["declarations"]}
    assert {name: d["state"] for name, d in found.items()} == STATES
    assert found["nvme"]["devices"] == [tree.NVME] and found["many"]["devices"] == [tree.NIC, tree.TWIN]
    assert found["nvme"]["file"] == "/etc/vfioadm.d/nvme.conf"
    # Which file and which line: said once.
    assert found["bad"]["message"].count("/etc/vfioadm.d/bad.conf:3: ") == 1
    r = vfioadm("--sysroot", root, "status")
    assert (r.status, r.out) == (0, "there are no declarations in /etc/vfioadm.d\n")


def test_plan_of_a_tree(vfioadm, declared):
    r = vfioadm("--sysroot", declared, "plan", "nvme")
    assert r.status == 0 and r.out.startswith(f"nvme:\n{tree.NVME}: nvme -> vfio-pci (planned)\n")
    assert vfioadm("--sysroot", declared, "plan", "--only", tree.NVME).out == r.out
    assert [vfioadm("--sysroot", declared, "plan", n).status for n in ("bad", "gone", "many", "other", "masked")
            ] == [2, 4, 3, 3, 2]
    r = vfioadm("--sysroot", declared, "plan")
    assert r.status == 2 and begun(r) == ["nvme"]
    assert [vfioadm("--sysroot", declared, "apply", "nvme", *x).status for x in ([], ["--dry-run"])] == [2, 0]
    data = vfioadm("--sysroot", declared, "plan", "--json", "nvme").json()
    assert data["steps"] == data["declarations"][0]["steps"] != []


def test_config_of_a_tree(vfioadm, declared):
    r = vfioadm("--sysroot", declared, "config", "check")
    assert r.status == 2 and r.err.startswith("/etc/vfioadm.d/bad.conf:3: ")
    assert {p["file"] for p in vfioadm("--sysroot", declared, "config", "check", "--json").json()["problems"]} == {
        "/etc/vfioadm.d/bad.conf", "/etc/vfioadm.d/many.conf"}
    listed = vfioadm("--sysroot", declared, "config", "list").out.splitlines()
    assert listed == [f"/etc/vfioadm.d/{name}.conf" for name in sorted(STATES)]
    # What may be another device is not for the initramfs.
    r = vfioadm("--sysroot", declared, "config", "list", "--initramfs")
    assert r.out == "/etc/vfioadm.d/gone.conf\n/etc/vfioadm.d/nvme.conf\n"


def test_config_check_of_files(vfioadm, declared):
    """As an editor asks, of one file anywhere, without a look at the host."""
    files = [declared / f"etc/vfioadm.d/{name}.conf" for name in ("bad", "gone", "many", "masked")]
    r = vfioadm("config", "check", *map(str, files))
    lines = r.err.splitlines()
    assert r.status == 2 and lines[0].startswith(f"{files[0]}:3: ") and len(lines) <= 2
    assert vfioadm("config", "check", *map(str, files[1:])).status == 0
    problem = vfioadm("config", "check", "--json", str(files[0])).json()["problems"][0]
    assert (problem["file"], problem["line"]) == (str(files[0]), 3)
    r = vfioadm("config", "check", str(declared / "none.conf"))
    assert r.status == 2 and str(declared / "none.conf") in r.err


def test_persist_in_a_tree(vfioadm, declared):
    """What would be written is said, with the identity that it goes by; nothing is written to another root."""
    r = vfioadm("--sysroot", declared, "assign", "--persist", "--dry-run", tree.SPARE)
    would = [line for line in r.out.splitlines() if line.startswith("  would: declare ")]
    assert r.status == 0 and len(would) == 1
    assert "/etc/vfioadm.d/" in would[0] and f"Path pci-{tree.SPARE}" in would[0]
    actions = [s["action"] for s in vfioadm("--sysroot", declared, "assign", "--persist", "-n", "--json",
                                            tree.SPARE).json()["steps"]]
    plain = [s["action"] for s in vfioadm("--sysroot", declared, "assign", "-n", "--json",
                                          tree.SPARE).json()["steps"]]
    assert actions[:len(plain)] == plain and actions != plain
    r = vfioadm("--sysroot", declared, "release", "--persist", "--dry-run", tree.NVME)
    assert r.status == 0 and f"remove /etc/vfioadm.d/nvme.conf, which declares {tree.NVME}" in r.out
    r = vfioadm("--sysroot", declared, "enable", "--persist", "--dry-run", "1b36:0100")
    assert r.status == 0 and "  would: declare card type 1b36:0100 in /etc/vfioadm.d/" in r.out
    steps = vfioadm("--sysroot", declared, "enable", "--persist", "--modprobe", "-n", "--json",
                    "1b36:0100").json()["steps"]
    assert [s["path"] for s in steps if s["action"] == "write-modprobe"] == ["/etc/modprobe.d/vfioadm.conf"]
    assert vfioadm("--sysroot", declared, "assign", "--persist", tree.SPARE).status == 2
    assert {p.stem for p in (declared / "etc/vfioadm.d").iterdir()} == set(FILES)
    assert (declared / "etc/vfioadm.d/nvme.conf").read_text() == NVME_CONF
