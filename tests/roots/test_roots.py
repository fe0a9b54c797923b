# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program on captured hosts: what it says is compared with what somebody has read and found right.

With --update the golden outputs are written anew: read the difference before you commit it.
VFIOADM_CLI_BUILD names the build directory, which may be one with sanitizers.
"""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
GOLDEN = HERE / "golden"


def _load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


hosts = _load("roots_hosts", HERE / "hosts.py")
promises = _load("roots_promises", HERE / "promises.py")

CASES = [(name, command) for name, host in hosts.HOSTS.items()
         for command in host.every + host.extra]
# Outputs that are too long to be read; what they promise is looked at all the same.
UNREAD = [("many", c) for c in ("list --all --json", "list --tree=topology")]


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """Unpacks a host, once."""
    done = {}

    def get(name):
        if name not in done:
            path = tmp_path_factory.mktemp(name) / "root"
            hosts.HOSTS[name].unpack(path)
            done[name] = path
        return done[name]
    return get


class Output:
    def __init__(self, program, root, command):
        argv = [str(program.path), *program.args, "--sysroot", str(root), *shlex.split(command)]
        begin = time.monotonic()
        r = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                           env=program.env, check=False)
        self.seconds = time.monotonic() - begin
        self.status = r.returncode
        # Whatever the host is called in its own files: what is printed is clean text.
        self.out, self.err = (self._text(b, root) for b in (r.stdout, r.stderr))

    @staticmethod
    def _text(data, root):
        return data.decode("utf-8").replace(str(root), "ROOT")


def _golden_path(name, command):
    words = re.sub(r"[^\w.,:=-]+", "_", re.sub(r"(^| )--", r"\1", command)).replace(":", "")
    return GOLDEN / name / (words + (".json" if "--json" in command else ".txt"))


def _as_text(command, output):
    text = f"$ vfioadm {command}\n{output.out}"
    if output.err:
        text += f"--- standard error\n{output.err}"
    return text + (f"--- status {output.status}\n" if output.status else "")


def _as_object(output):
    done = {"status": output.status, "stderr": output.err.splitlines()}
    return {**done, "stdout": json.loads(output.out)}


def _compare_text(path, text, update):
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def _compare_object(path, value, update):
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert value == json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name,command", CASES, ids=[f"{n}-{c}" for n, c in CASES])
def test_golden(program, root, name, command, request):
    output = Output(program, root(name), command)
    promises.clean(output.out, "--json" in command)
    promises.clean(output.err)
    update = request.config.getoption("--update")
    path = _golden_path(name, command)
    if "--json" in command:
        promises.check(command, output)
        _compare_object(path, _as_object(output), update)
    else:
        _compare_text(path, _as_text(command, output), update)


@pytest.mark.parametrize("name,command", UNREAD, ids=[f"{n}-{c}" for n, c in UNREAD])
def test_promises(program, root, name, command):
    output = Output(program, root(name), command)
    assert output.status == 0
    promises.clean(output.out, "--json" in command)
    if "--json" in command:
        promises.check(command, output)


def test_no_golden_is_left_over():
    """Each file belongs to a command that is still run."""
    wanted = {_golden_path(n, c) for n, c in CASES}
    assert len(wanted) == len(CASES)
    assert {p for p in GOLDEN.rglob("*") if p.is_file()} == wanted


def test_many_are_all_there(program, root):
    functions = json.loads(Output(program, root("many"), "list --json").out)["functions"]
    assert len(functions) == 500
    verdicts = [f["verdict"] for f in functions]
    # Each NIC has one VF that is assigned; a NIC itself is in use by its VFs.
    assert (verdicts.count("assigned"), verdicts.count("in-use")) == (4, 4)
    assert verdicts.count("assignable") == 492


@pytest.mark.parametrize("command", [c for n, c in CASES if n == "hostile"])
def test_hostile_stays_inside(program, root, command):
    output = Output(program, root("hostile"), command)
    assert output.status in range(9)
    assert output.seconds < 20
    for text in (output.out, output.err):
        assert "c0de" not in text.lower() and "root:x:0" not in text and "LC_ALL" not in text


@pytest.fixture
def closed_root():
    """The host "uses" where everybody may look, but for the open files of its processes."""
    with tempfile.TemporaryDirectory(prefix="vfioadm-") as name:
        os.chmod(name, 0o755)
        hosts.HOSTS["uses"].unpack(Path(name) / "root")
        for fd in Path(name).glob("root/proc/*/fd"):
            fd.chmod(0o700)
        yield Path(name) / "root"


def test_what_could_not_be_seen_is_said(program, closed_root):
    """Not root: what may be open is a finding, and nothing on VFIO is let go."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")

    def check(*selectors):
        argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(program.path),
                *program.args, "--sysroot", str(closed_root), "check", "--json", *selectors]
        r = subprocess.run(argv, capture_output=True, text=True, env=program.env, check=False)
        if r.returncode in (126, 127):
            pytest.skip("the build cannot be reached by another user")
        doc = json.loads(r.stdout)
        return r.returncode, doc, {f["code"] for f in doc["functions"][0]["findings"]}

    status, doc, codes = check("04:00.0")
    assert status == 3 and doc["complete"] is False and "not-looked-at" in codes
    status, _, codes = check("--force", "not-looked-at", "04:00.0")
    assert status == 0 and "not-looked-at" in codes
    status, doc, codes = check("08:00.0")
    assert status == 3 and doc["complete"] is False and "openers-unknown" in codes
    status, _, codes = check("--force", "openers-unknown", "08:00.0")
    assert status == 0 and "openers-unknown" in codes
    # As root everything is seen.
    done = Output(program, closed_root, "check --json 08:00.0")
    assert done.status == 0 and json.loads(done.out)["complete"] is True


def test_names_come_from_the_root(program, root, tmp_path):
    """Without its own database a host has the machine's names, or none: the goldens rely on this."""
    assert "82574L Gigabit Network Connection" in Output(program, root("x86-64"), "list").out
    assert hosts.hwdb.binary("pci:v00008086*\n ID_VENDOR_FROM_DATABASE=Somebody\n")
    hosts.HOSTS["x86-64"].unpack(tmp_path / "root")
    (tmp_path / "root/etc/udev/hwdb.bin").write_bytes(
        hosts.hwdb.binary("pci:v00008086*\n ID_VENDOR_FROM_DATABASE=Somebody\n"))
    out = Output(program, tmp_path / "root", "list").out
    assert "Somebody" in out and "82574L" not in out


def test_topology_hides_nobody(program, root):
    """Two functions that claim to be each other's physical function are listed all the same."""
    listed = Output(program, root("hostile"), "list").out
    tree = Output(program, root("hostile"), "list --tree=topology").out
    for address in re.findall(r"^0000:00:\S+", listed, re.M):
        assert address in tree
