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


ODD = {  # modprobe.d, and perhaps the command line
    "wildcards in a blacklist": ["blacklist nv*\nblacklist *\nblacklist [a-z]*\nblacklist [!n]x\n"],
    "--ignore-install": ["install nvme /sbin/modprobe --ignore-install nvme $CMDLINE_OPTS; /bin/true\n"],
    "weakdep": ["weakdep nvme vfio-pci\nsoftdep nvme pre: vfio-pci\nweakdep\nweakdep nvme\noptions nvme a=1\n"],
    "aliases with brackets": ["alias pci:v[0-9]*d-x* vfio-pci\nalias a[b-c]d-e nv-[x-y]me\nalias a]b nvme\nalias x y[z\n"
                              "alias one\nalias one two three\n"],
    "options of an alias": ["alias myd nvme\noptions myd x=1\noptions pci:v*  a=b\n"],
    "blank and continued lines": ["\n\n\\\n\\\n options nvme a=1\n\\\n\noptions \\\n\\\n nvme b=2 \\\n\n\n"],
    "a blacklist within install": ["install nvme /bin/echo \\\nblacklist nvme\ninstall e1000e echo x # blacklist e1000e\n"
                                   "blacklist a blacklist b\n"],
    "no newline at the end": ["options nvme a=1\noptions nvme b=2"],
    "line ends of DOS": ["options nvme a=1\r\nblacklist nvme\r\ninstall e1000e /bin/true\r\n"],
    "a byte order mark": ["\ufeffoptions nvme a=1\noptions nvme b=1\n"],
    "a NUL": ["options nvme a=1\0b=2\noptions nvme c=1\n"],
    "other blanks": ["options\vnvme a=1\noptions nvme\fa=1\noptions nvme a=1\vb\n"],
    "quotes": ["options vfio-pci ids='1:2,3:4' x=\"a b\" y='q r'\noptions \"vfio-pci\" ids=1:2\noptions 'nvme' a=1\n"],
    "quotes behind backslashes": ['options nvme a=\\"x y\\" b=\\\\ c\\\nd\n'],
    "capitals": ["Options nvme a=1\nBLACKLIST nvme\noptions NVMe a=1\n"],
    "blanks in front": ["  options nvme a=1\n\tblacklist nvme\n #x\n\t#y\n"],
    "paths": ["options nvme/x a=1\nblacklist /lib/nvme.ko\noptions nvme.ko a=1\n"],
    "too little": ["include /etc/x\nconfig x\noptions nvme\noptions\nblacklist\ninstall nvme\nremove nvme\nsoftdep nvme\n"],
    "the same again": ["options nvme a=1\noptions nvme a=1\noptions vfio_pci a=1 \noptions vfio-pci   b=2   c=3\n", "nvme.a=2"],
    "both blacklists": ["", "module_blacklist=nvme,vfio-pci modprobe.blacklist=vfio-pci,vfio_pci modprobe.blacklist=a-b "
                            "modprobe-blacklist=x"],
    "ids in both spellings": ["", 'vfio-pci.ids=1:2 vfio_pci.ids=3:4 vfio-pci.ids="5:6, 7:8" vfio_pci.ids= vfio_pci.ids'],
    "quotes that are not closed": ["", '"vfio_pci.ids=1:2 x" vfio_pci."ids=1:2" vfio_pci.ids="1:2'],
    "initcall_blacklist": ["", "initcall_blacklist=vfio_pci_init,nvme_init module_blacklist= modprobe.blacklist=,nvme,,x,"],
    "behind --": ["", "nvme.a=1 -- nvme.b=2 modprobe.blacklist=e1000e"],
    "dots": ["", "nvme..a=1 .nvme.a=1 nvme.a.b.c=1 nvme.=1 nvme.a=b=c.d nvme.a=1.2 a.b rd.driver.blacklist=nvme nvme[0-9].x=1"],
    "blanks of all kinds": ["", "nvme.a=1\tnvme.b=2  nvme.c=3\nnvme.d=4"],
    "a long line": ["", "x" * 4080 + " nvme.a=123456 nvme.b=2"],
    "single quotes": ["", "vfio-pci.ids='1:2 3:4' nvme.x='y'"],
    "letters": ["", "nvme.\u00e4=1 nvme.x=\u00e4 nvm\u00e9.x=1"],
}


@pytest.mark.parametrize("name", ODD)
def test_odd(build, root, modprobe, name):
    text, line = (ODD[name] + ["quiet"])[:2]
    conf = root / "etc/modprobe.d"
    for old in conf.iterdir():
        old.unlink()
    (conf / "a.conf").write_bytes(text.encode())
    (root / "proc/cmdline").write_text(line + "\n", encoding="utf-8")
    theirs = [l for l in said(modprobe("--showconfig").stdout) if not l.startswith("alias symbol:")]
    assert said(view(build, root)) == theirs


def test_odd_files(build, root, modprobe):
    """What is no file, what leads nowhere or elsewhere, and which names count."""
    conf = root / "etc/modprobe.d"
    shutil.rmtree(conf)
    (root / "proc/cmdline").write_text("quiet\n", encoding="utf-8")
    (conf / "dir.conf").mkdir(parents=True)
    (conf / "dir.conf/x.conf").write_text("options nvme in_dir=1\n")
    (root / "elsewhere").write_text("options nvme elsewhere=1\n")
    for name, target in (("nowhere.conf", "/nowhere"), ("null.conf", "/dev/null"), ("loop.conf", "loop.conf"),
                         ("twice.conf", "z.conf"), ("out.conf", "../../elsewhere")):
        (conf / name).symlink_to(target)
    old = int(re.search(r"kmod version (\d+)", modprobe("--version").stdout)[1]) < 33
    for name in ("z.conf", "a b.conf", ".conf", "backup.conf~", "CAPITALS.CONF", "empty.conf") + ("x.alias", ".y.alias") * old:
        (conf / name).write_text("" if name == "empty.conf" else f"options nvme {re.sub('[^a-z]', '_', name)}=1\n")
    theirs = [l for l in said(modprobe("--showconfig").stdout) if not l.startswith("alias symbol:")]
    assert len(theirs) == 4 + old and said(view(build, root)) == theirs
    shutil.rmtree(conf)
    conf.mkdir()


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
