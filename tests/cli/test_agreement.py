# SPDX-License-Identifier: LGPL-2.1-or-later
"""Help, manual pages and completions name every option of every verb, and no other."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
GLOBAL = {"--json", "--sysroot", "--timeout", "--lock-wait", "--quiet", "--verbose", "--color", "--version",
          "--help"}
VERBS = ["list", "show", "check", "enable", "disable", "assign", "release", "status", "plan",
         "apply", "config", "import", "settle", "help"]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def page(name):
    return (TOP / "docs/man" / name).read_text()


def test_verbs_are_those_of_these_tests(verbs):
    assert list(verbs) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_help(double, verbs, verb):
    r = double(verb, "--help")
    assert r.status == 0 and r.err == "" and r.out == double("help", verb).out
    assert set(OPTION.findall(r.out)) == set(verbs[verb]) >= GLOBAL
    assert r.out.startswith(f"usage: vfioadm {verb} ")
    assert all(len(line) < 100 for line in r.out.splitlines())


def test_help_hides_what_is_for_tests(double):
    text = double("--help").out + "".join(double("help", v).out for v in VERBS)
    assert "--helper" not in text and "--options" not in text


def test_overview(double):
    r = double("--help")
    assert r.status == 0 and r.out == double("help").out
    for verb in VERBS:
        assert re.search(rf"^  {verb} ", r.out, re.M)
    assert GLOBAL == set(OPTION.findall(r.out))


@pytest.mark.parametrize("verb", VERBS)
def test_manual_page(verbs, verb):
    text = page(f"vfioadm-{verb}.1.scd").replace("\\-", "-")
    described = set(re.findall(r"^(?:\*-\w\*, )?\*(--[a-z-]+)\*", text, re.M))
    described |= set(re.findall(r"\*(--[a-z-]+)\*", text.split("# OPTIONS OF EVERY VERB")[1].split("#")[0]))
    assert described == set(verbs[verb])
    assert f"*vfioadm-{verb}*(1)" in page("vfioadm.1.scd")


def test_manual_overview():
    described = set(re.findall(r"^(?:\*-\w\*, )?\*(--[a-z-]+)\*", page("vfioadm.1.scd"), re.M))
    assert described == GLOBAL


@pytest.mark.parametrize("verb", ["list", "show"])
def test_manual_page_names_every_key(double, verb):
    args = {"list": [], "show": ["0000:01:00.0"]}[verb]
    function = double(verb, "--json", *args).json()["functions"][0]
    text = page("vfioadm-list.1.scd") + (page("vfioadm-show.1.scd") if verb == "show" else "")
    for key in [*function, *function.get("unknown", [])]:
        assert f"*{key}*" in text or key == "unknown", key


def keys_of(value):
    """Of an object, with those of the objects in its lists; what an error has is told in vfioadm(1)."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    return set(value) | {k for x in value.values() for k in keys_of(x)} if isinstance(value, dict) else set()


@pytest.mark.parametrize("args,beside", [
    (["status"], []), (["apply", "done", "refused"], ["vfioadm-assign"]), (["plan", "done"], [
        "vfioadm-apply", "vfioadm-assign"]), (["config", "check"], []), (["config", "list"], [])],
                         ids=lambda a: " ".join(a))
def test_manual_page_names_every_key_of_declared_state(double, args, beside):
    text = "".join(page(f"{name}.1.scd") for name in [f"vfioadm-{args[0]}", *beside])
    keys = keys_of(double(*args, "--json", "--sysroot", "/all").json()) - {"version"}
    assert {key for key in keys if f"*{key}*" not in text} == set() and len(keys) > 3


def test_manual_page_names_every_state():
    source = (TOP / "src/flow/status.c").read_text()
    states = re.findall(r'\[VFIOADM_DECLARED_\w+\] = "([a-z-]+)"', source)
    assert re.findall(r"^\*([a-z-]+)\*$", page("vfioadm-status.1.scd").split("# OPTIONS")[0], re.M) == states
    assert len(states) == 8


def test_manual_page_tells_the_order_of_exit_statuses():
    """The same as in the program, whose table the tests of apply hold."""
    header = (TOP / "include/vfioadm.h").read_text()
    number = dict(re.findall(r"VFIOADM_EXIT_(\w+) = (\d+)", header))
    table = re.search(r"order\[\] = \{([^}]*)\}", (TOP / "cli/apply.c").read_text())[1]
    order = [number[name] for name in re.findall(r"VFIOADM_EXIT_(\w+)", table)]
    assert sorted(order) == [str(n) for n in range(1, 9)]
    assert f"the first of {', '.join(order)} wins" in page("vfioadm.1.scd").replace("\n", " ")


def test_manual_page_names_every_exit_status():
    header = (TOP / "include/vfioadm.h").read_text()
    codes = {int(n) for n in re.findall(r"VFIOADM_EXIT_\w+ = (\d+)", header)}
    assert codes == set(range(9))
    text = page("vfioadm.1.scd").split("# EXIT STATUS")[1].split("\n# ")[0]
    assert {int(n) for n in re.findall(r"^[|\[:]+ +\*(\d)\*", text, re.M)} == codes


def test_manual_page_of_declared_state_names_every_key():
    rows = re.findall(r"^\t\{ ([A-Z_]+), \"(\w+)\",", (TOP / "src/model/declaration_keys.c").read_text(), re.M)
    sections = {"MATCH": "MATCH", "LAST_SEEN": "LASTSEEN", "ASSIGN": "ASSIGN", "NODE": "NODE", "SR_IOV": "SR-IOV"}
    assert len(rows) == 24
    text = page("vfioadm.conf.5.scd")
    parts = dict(re.findall(r"^# \[([A-Z-]+)\]\n(.*?)(?=^# )", text, re.M | re.S))
    assert set(parts) == set(sections.values())
    for section, title in sections.items():
        heads = "\n".join(re.findall(r"^\*.*", parts[title], re.M))
        described = set(re.findall(r"\*(\w+)=\*", heads))
        assert described == {key for s, key in rows if s == section}, title


def test_manual_pages_are_clean(build, tmp_path):
    if not shutil.which("scdoc"):
        pytest.skip("scdoc is not installed")
    for source in sorted((TOP / "docs/man").glob("*.scd")):
        made = tmp_path / source.stem
        with open(source) as stdin, open(made, "w") as out:
            subprocess.run(["scdoc"], stdin=stdin, stdout=out, check=True)
        if shutil.which("man"):
            r = subprocess.run(["man", "--warnings", "-l", str(made)], capture_output=True, text=True,
                               env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
            assert r.returncode == 0 and r.stderr == "", source.name
    undated = [re.sub(r'"\d{4}-\d\d-\d\d"', "", (at / "vfioadm.1").read_text())
               for at in (build / "docs/man", tmp_path)]
    assert undated[0] == undated[1]


# ---- completions ----

def bash_options():
    text = (TOP / "data/completions/vfioadm.bash").read_text()
    shared = set(re.search(r"local global='([^']*)'", text)[1].split())
    table = text.split("local -A options=(")[1].split("\n\t)")[0]
    own = {verb: set(options.split()) for verb, options in re.findall(r"\[(\w+)\]='([^']*)'", table)}
    return {verb: shared | options for verb, options in own.items()}


def zsh_options():
    text = (TOP / "data/completions/_vfioadm").read_text()
    shared = text.split("global=(")[1].split("\n\t)")[0]
    lists = text.split("list_options=(")[1].split("\n\t)")[0]
    options = {}
    for verb, body in re.findall(r"^\t\((\w+)\)\n(.*?)^\t\t;;", text.split("case $verb in")[1], re.M | re.S):
        body = body.replace("$global", shared).replace("$list_options", lists)
        options[verb] = set(re.findall(r"['{,](--[a-z-]+)[=\[}']", body))
    return options


def fish_options():
    text = (TOP / "data/completions/vfioadm.fish").read_text().replace("\\\n", " ")
    options = {verb: set() for verb in VERBS}
    for line in re.findall(r"^complete -c vfioadm .*-l .*$", text, re.M):
        name = "--" + re.search(r"-l ([a-z-]+)", line)[1]
        condition = re.search(r"-n '__vfioadm_verb ([\w ]+)'|-n (\$list)", line)
        verbs = VERBS if not condition else ["list"] if condition[2] else condition[1].split()
        for verb in verbs:
            options[verb].add(name)
    return options


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_options(verbs, shell):
    found = {"bash": bash_options, "zsh": zsh_options, "fish": fish_options}[shell]()
    assert found == {verb: set(options) for verb, options in verbs.items()}


@pytest.mark.parametrize("name", ["vfioadm.bash", "_vfioadm", "vfioadm.fish"])
def test_completion_columns(double, name):
    text = double("help", "list").out.split("Columns", 1)[1]
    columns = [line[4:].split()[0] for line in text.splitlines()[1:]]
    source = (TOP / "data/completions" / name).read_text()
    completed = re.search(r"address id name .*?verdict_reason", source, re.S)[0].split()
    assert completed == columns
