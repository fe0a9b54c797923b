# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our reader of modprobe.d and the kernel command line, held against modprobe itself on generated configurations.

modprobe only prints here (--showconfig, --show-depends): it gets a directory of configuration and a made module
directory of its own, and a file in place of /proc/cmdline. VFIOADM_MODPROBE names another modprobe, with
VFIOADM_LIBKMOD the directory of its library."""

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODPROBE = os.environ.get("VFIOADM_MODPROBE") or shutil.which("modprobe", path="/usr/sbin:/sbin:/usr/bin:/bin")
RELEASE = "6.1.0"
MODULES = ["vfio_pci", "nvme", "snd_hda_intel", "e1000e"]

pytestmark = pytest.mark.skipif(not MODPROBE or not shutil.which("cc"), reason="kmod or a C compiler is missing")

WORDS = ["options", "options", "options", "blacklist", "install", "remove", "softdep", "alias", "optionsx", "#options",
         "# x"]
NAMES = ["vfio-pci", "vfio_pci", "nvme", "snd-hda-intel", "e1000e", "vfio-[pq]*", "vfio*", "x]y", "a[b", "*"]
VALUES = ["ids=1:2", "ids=1:2,3:4", 'ids="1:2, 3:4"', "x=1", "bare", "a=b=c", '"q=r s"', "# no comment", "pre: nvme",
          "post: e1000e", "/bin/true", "/bin/echo a\\b", "-- y=2", 'open="x', "=z"]
BLANKS = [" ", "  ", "\t", " \t ", " \\\n", "\\\n "]
PARAMETERS = ["quiet", "root=/dev/x.y", "vfio-pci.ids=1:2", "vfio_pci.ids=3:4,5:6", '"vfio_pci.ids=7:8 9:a"',
              'vfio-pci.x="b c"', "vfio_pci.bare", "nvme.a.b=1", "modprobe.blacklist=nvme,vfio-pci", "--", "a]b.c=1",
              'nvme.q"x=1', "snd-hda-intel.index=-1", "modprobe.blacklist=", ".x=1", 'nvme.open="z']


@pytest.fixture(scope="module")
def build(program):
    return Path(program.path).parents[1]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """With a module directory that modprobe takes for one."""
    top = tmp_path_factory.mktemp("root")
    index = top / "lib/modules" / RELEASE
    index.mkdir(parents=True)
    for name in MODULES:
        subprocess.run(["cc", "-x", "c", "-c", "-o", str(index / f"{name}.ko"), "-"], input=b"int x;\n", check=True)
    subprocess.run([str(Path(MODPROBE).parent / "depmod"), "-b", str(top), RELEASE], check=True, capture_output=True)
    (top / "proc/sys/kernel").mkdir(parents=True)
    (top / "proc/sys/kernel/osrelease").write_text(RELEASE + "\n", encoding="utf-8")
    (top / "etc/modprobe.d").mkdir(parents=True)
    return top


@pytest.fixture
def modprobe(build, root):
    def run(*args):
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "COMMAND_LINE_DOUBLE": str(root / "proc/cmdline"),
               "LD_PRELOAD": str(build / "tests/unit/libcommand-line-double.so"),
               "LD_LIBRARY_PATH": os.environ.get("VFIOADM_LIBKMOD", "")}
        return subprocess.run([MODPROBE, "-C", str(root / "etc/modprobe.d"), "-d", str(root), "-S", RELEASE, *args],
                              env=env, capture_output=True, text=True, check=False, timeout=30)
    return run


def view(build, root, *args):
    return subprocess.run([str(build / "tests/unit/modprobe-view"), str(root), *args], capture_output=True, text=True,
                          check=True, timeout=30).stdout


def configure(root, seed):
    rng = random.Random(seed)
    conf = root / "etc/modprobe.d"
    for old in conf.iterdir():
        old.unlink()
    for name in rng.sample(["a.conf", "B.conf", "10-x.conf", "vfio.conf", "skipped", ".hidden.conf", ".conf"], 4):
        text = ""
        for _ in range(rng.randrange(6)):
            words = [rng.choice(WORDS), rng.choice(NAMES)] + rng.sample(VALUES, rng.randrange(4))
            text += rng.choice(["", " ", "\t"]) + rng.choice(BLANKS).join(words) + rng.choice(["\n", "\n", " \n", "\n\n", "\\\n"])
        (conf / name).write_text(text, encoding="utf-8")
    line = " ".join(rng.sample(PARAMETERS, rng.randrange(6)))
    (root / "proc/cmdline").write_text(line + "\n", encoding="utf-8")


def said(text):
    """The lines that --showconfig and we word in the same way: it runs soft dependencies together."""
    lines = [line for line in text.splitlines() if re.match("(options|blacklist|install|remove|alias) ", line)]
    return sorted(lines)


@pytest.mark.parametrize("seed", range(120))
def test_lines(build, root, modprobe, seed):
    configure(root, seed)
    shown = modprobe("--showconfig")
    assert shown.returncode == 0, shown
    theirs = [line for line in said(shown.stdout) if not line.startswith("alias symbol:")]
    assert said(view(build, root)) == theirs, (root / "proc/cmdline").read_text()


@pytest.mark.parametrize("seed", range(60))
def test_loading(build, root, modprobe, seed):
    """What it would do with one module, by name: the command, or the text of parameters."""
    configure(root, 1000 + seed)
    for module in MODULES[:2]:
        conf = view(build, root)
        if re.search(r"^(alias|softdep) ", conf, re.M):
            continue
        shown = modprobe("--show-depends", module).stdout.strip()
        ours = view(build, root, module).splitlines()
        if shown.startswith("install "):
            # The options follow it, for $CMDLINE_OPTS.
            assert ours[0] != "insert" and shown.startswith(f"install {ours[0]}".rstrip()), shown
            continue
        m = re.fullmatch(rf"insmod {re.escape(str(root))}/lib/modules/{RELEASE}/{module}\.ko ?(.*)", shown)
        assert m and ours[0] == "insert", (shown, ours)
        names = [p.split("=")[0] for p in ours[1:]]
        at = 0
        for name in names:
            at = m[1].find(name, at)
            assert at >= 0, (m[1], ours)
            at += len(name)
        assert bool(m[1].strip()) == bool(names) or '"' in m[1], (m[1], ours)
