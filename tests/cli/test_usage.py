# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is typed wrong: one sentence, status 2, and the help stays away."""

import pytest

SLIPS = [
    (["lits"], "unknown verb 'lits', did you mean 'list'?"),
    (["relase", "x"], "did you mean 'release'?"),
    (["xyzzy"], "unknown verb 'xyzzy', see vfioadm --help"),
    (["--jsno"], "did you mean --json?"),
    (["list", "--tre"], None),
    (["list", "--colums=id"], "did you mean --columns?"),
    (["list", "--bogus-thing"], "list: unknown option --bogus-thing"),
    (["assign", "-x", "y"], "unknown option -x"),
    (["list", "--ver"], "list: option --ver is ambiguous: --verbose, --version"),
    (["list", "--col"], "list: option --col is ambiguous: --color, --columns"),
    (["--ver"], "option --ver is ambiguous: --verbose, --version"),
    (["assign", "--d", "x"], "assign: option --d is ambiguous: --dry-run, --driver"),
    (["list", "--ver=x"], "list: option --ver is ambiguous"),
    (["list", "--park"], "unknown option --park"),
    (["disable", "--force", "a", "b"], "disable: unknown option --force"),
    (["list", "--all=3"], "--all takes no value"),
    (["list", "--sysroot"], "--sysroot needs a value: --sysroot DIR"),
    (["--timeout", "soon"], "--timeout takes a number of seconds, not 'soon'"),
    (["--timeout=-1"], "--timeout takes a number of seconds"),
    (["--timeout=99999999999999999999"], "--timeout takes a number of seconds"),
    (["--timeout=0"], "at least 1 second"),
    (["--lock-wait=1h"], "--lock-wait takes a number of seconds, not '1h'"),
    (["--color=blue"], "--color takes auto, always or never, not 'blue'"),
    (["--tree=roots"], "--tree takes groups or topology, not 'roots'"),
    (["list", "0000:01:00.0"], "list: unexpected argument '0000:01:00.0'"),
    (["--enabled", "--all"], "--enabled and --all exclude each other"),
    (["list", "--json", "--tree"], "--json and --tree exclude each other"),
    (["--json", "--columns=id"], "--json and --columns exclude each other"),
    (["--columns=addres"], "no column 'addres', did you mean 'address'?"),
    (["--columns="], "--columns names no column"),
    (["--dry-run", "assign", "x"], "--dry-run must follow the verb"),
    (["--all", "show", "x"], "--all must follow the verb"),
    (["show"], "show needs at least one SELECTOR"),
    (["enable"], "enable needs at least one ID"),
    (["assign", "--group"], "assign needs at least one SELECTOR"),
    (["assign", "--force", "in-use"], "codes come first"),
    (["help", "nothing"], "help takes one verb, not 'nothing'"),
    (["help", "list", "show"], "help takes one verb, not 'show'"),
]


@pytest.mark.parametrize("args,sentence", [s for s in SLIPS if s[1]], ids=lambda a: " ".join(a)
                         if isinstance(a, list) else "")
def test_slip(double, args, sentence):
    r = double(*args)
    assert r.status == 2
    assert r.err.startswith("vfioadm: ") and sentence in r.err
    assert "usage:" not in r.err and len(r.err.splitlines()) <= 2
    if "--json" not in args:
        assert r.out == ""


@pytest.mark.parametrize("args,sentence", (
    (["--timeout=100000"], "--timeout takes at least 1 second, at most 86400, not '100000'"),
    (["--timeout=86401"], "at most 86400"), (["--timeout=0"], "at least 1 second"),
    (["--lock-wait=86401"], "--lock-wait takes 0 to 86400 seconds, not '86401'")))
def test_limits_of_the_library(vfioadm, args, sentence):
    r = vfioadm(*args, "list")
    assert r.status == 2 and sentence in r.err


def test_unambiguous_beginnings_are_accepted(double):
    assert double("list", "--tre").out == double("list", "--tree").out
    # --helper is hidden
    for beginning in "--h", "--he", "--hel":
        assert double("list", beginning).out == double("list", "--help").out != ""
        assert double(beginning).out == double("--help").out != ""


def test_usage_error_as_json(double):
    r = double("list", "--bogus", "--json")
    assert r.status == 2
    assert r.json() == {"version": 1, "error": {
        "code": "usage", "exit": 2, "device": None, "path": None, "operation": None, "errno": None,
        "message": "list: unknown option --bogus, see vfioadm list --help", "hint": None}}


def test_json_behind_the_end_of_options_is_an_operand(double):
    r = double("show", "--", "--json")
    assert r.status == 4 and r.out == ""


def test_options_before_and_after_the_verb(double):
    plain = double("list", "--json").out
    assert double("--json", "list").out == plain
    assert double("--json").out == plain
    assert double("--color", "never", "list", "--quiet", "--json").out == plain


def test_library_error(double):
    r = double("--sysroot", "/nopci", "--json")
    assert r.status == 6
    assert r.err == "vfioadm: there is no PCI bus\n  hint: load it\n"
    assert r.json()["error"] == {
        "code": "no-pci", "exit": 6, "device": None, "path": "/nopci/sys/bus/pci", "operation": None,
        "errno": 2, "message": "there is no PCI bus", "hint": "load it"}
    assert double("--sysroot", "/missing").status == 2
    assert double("assign", "error").status == 5
    assert double("show", "none").status == 4


def test_bare_force_tells_what_could_be_forced(double):
    for args in (["refused", "--force"], ["--force=", "refused"], ["refused", "--force", "0000:01:00.0"]):
        r = double("assign", *args)
        assert r.status == 2, args
        assert "--force needs the codes of the findings" in r.err
        assert "--force net-up" in r.err, args
    r = double("assign", "ok", "--force")
    assert r.status == 2 and "there is nothing to override" in r.err


def test_force_takes_lists_and_repeats(double):
    for args in (["--force", "net-up"], ["--force", "a,net-up"], ["--force=a", "--force=net-up,b"]):
        assert double("assign", *args, "refused").status == 0, args
    assert double("assign", "--force", "other", "refused").status == 3


def test_version(double):
    r = double("--version")
    assert (r.status, r.out, r.err) == (0, "vfioadm 9.8.7\n", "")
