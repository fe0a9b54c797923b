# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which hosts there are, and which outputs of each are kept."""

import importlib.util
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


def _load(name, path):
    """By path: directories of tests have modules of the same names."""
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


archive = _load("archive", HERE / "archive.py")
_load("build", HERE / "build.py")
hwdb = _load("hwdb", HERE / "hwdb.py")

EVERY = ["list", "list --all", "list --tree", "list --tree=topology", "list --verbose", "list --json",
         "list --all --json"]


@dataclass
class Host:
    """source: NAME.root here, or made/NAME.py. extra: further commands, beyond EVERY."""
    source: str
    extra: list = field(default_factory=list)
    every: list = field(default_factory=lambda: EVERY)

    def unpack(self, root):
        root.mkdir(parents=True)
        if self.source.endswith(".root"):
            text = (HERE / self.source).read_text(encoding="utf-8")
            archive.unpack(archive.loads(text), root)
        else:
            module = _load(f"made_{self.source[:-3]}", HERE / "made" / self.source)
            if hasattr(module, "build"):
                module.build(root)
            else:
                archive.unpack(module.make(), root)
        names = root / "etc/udev/hwdb.bin"
        names.parent.mkdir(parents=True, exist_ok=True)
        names.write_bytes(hwdb.binary())


def _show(*selectors):
    return [f"show {s}{j}" for s in selectors for j in ("", " --json")]


def _dry(*commands):
    return [f"{c.split()[0]} --dry-run {' '.join(c.split()[1:])}" for c in commands]


def _check(*commands):
    return [f"check {c}{j}" for c in commands for j in ("", " --json")]


HOSTS = {
    "x86-64": Host("guest-debian-6.1.root", [
        *_show("0000:01:00.0", "0000:05:00.0", "08:01.0", "00:1f.2", "00:02.0"),
        *_dry("assign 0000:01:00.0", "assign 0000:01:00.0 --json", "assign 03:00.0 04:00.0",
              "assign 08:01.0", "assign 08:01.0 --group", "assign 0a:00.0 --json", "assign 00:1f.2",
              "assign 00:1f.2 --group --json", "assign 00:02.0", "assign serial=TWIN1",
              "assign 8086:10d3", "assign 8086:10d3 --all-matching", "assign eth0", "assign 1:2:3",
              "enable 8086:10d3", "enable 1b36:0010 --json", "disable 8086:10d3",
              "release 01:00.0"),
        *_check("08:01.0", "--group 08:01.0", "01:00.0", "/dev/sda"),
    ]),
    "s390x": Host("s390x.root", [
        *_show("uid=12", "0010:00:00.0", "fid=105"),
        *_check("fid=100", "0010:00:00.0"),
        *_dry("assign fid=100", "assign fid=0x00000105", "assign uid=0x13 --json"),
    ]),
    "assigned": Host("assigned.root", [
        *_show("0000:02:00.0", "0000:06:00.0", "0000:06:10.0", "0000:06:10.2", "0a:00.0", "0a:00.1"),
        *_dry("assign 06:00.0", "assign 06:10.2", "assign 02:00.0", "assign 0a:00.0",
              "assign 0a:00.0 --group", "release 02:00.0", "release 06:10.0", "release 06:10.0 --json",
              "assign 05:00.0", "assign 05:00.1",
              "release 0a:00.1", "enable 8086:10ca"),
        *_check("06:00.0", "02:00.0", "06:10.0", "0a:00.1", "--group 0a:00.1"),
    ]),
    "rhel-9.2": Host("rhel_9_2.py", [
        *_show("0000:02:00.0", "0000:01:00.0"),
        *_dry("assign 01:00.0", "release 02:00.0"),
    ]),
    "no-iommu": Host("no-iommu.root", [
        *_show("01:00.0"), *_check("01:00.0"), *_dry("assign 01:00.0", "assign 01:00.0 --json", "enable 8086:10d3"),
    ]),
    "multipath": Host("multipath.root", [
        *_show("0000:00:05.0"),
        *_dry("assign 00:05.0", "assign 00:05.0 00:06.0 --force in-use-mount",
              "assign 00:05.0 00:06.0 --force in-use-mount --json",
              "assign 00:05.0 --force"),
        *_check("00:05.0"), "check --force in-use-mount 00:05.0 00:06.0",
    ]),
    "in-use": Host("in-use.root", [
        *_show("0000:00:01.0", "0000:00:05.0", "0000:03:00.0", "0000:01:00.0"),
        *_dry("assign 03:00.0", "assign 00:05.0", "assign 00:05.0 --force in-use-swap",
              "assign 01:00.0", "assign 02:00.0", "assign 00:01.0 --json",
              "assign 03:00.0 --force in-use-holder"),
        *_check("00:05.0", "01:00.0", "00:01.0"), "list --users", "list --users --json",
    ]),
    "vmd": Host("vmd.py", [
        *_show("10000:e1:00.0", "0000:00:0e.0", "serial=21304A000002"),
        *_dry("assign 10000:e1:00.0", "assign 10000:e2:00.0", "assign 10000:e2:00.0 --group",
              "assign 00:0e.0", "assign 00:0e.0 --group --json", "assign group=5", "assign 10000:e1:0:0"),
    ]),
    "uses": Host("uses.py", [
        "list --users", "list --users --json",
        *_check("00:14.0", "00:17.0", "01:00.0", "02:00.0", "04:00.0", "05:00.0", "06:00.0",
                "--group 06:00.0", "07:00.0", "08:00.0", "0a:00.0", "0b:00.0", "0d:00.0", "0e:00.0",
                "0f:00.0"),
        "check 03:00.0", "check eth1", "check 0c:00.0", "check --force in-use-mount 00:17.0",
        "check --force 00:17.0", "check 03:00.0 04:00.0", "check --all-matching 144d:a80a --json",
        *_show("06:00.0", "07:00.0"),
        *_dry("assign 06:00.0 --group", "assign 02:00.0", "release 07:00.0", "release 07:00.0 --json",
              "release 08:00.0", "assign 0a:00.0", "enable 8086:37c8", "assign 07:00.0 --driver xe-vfio-pci"),
    ], ["list", "list --json"]),
    "many": Host("many.py", _show("0001:10:01.0"), ["list", "list --tree"]),
    "hostile": Host("hostile.py", [
        *_show(*(f"00:{i:02x}.0" for i in range(1, 14))), "show 00:11.0", "show 00:0e.0",
        *_check("00:01.0", "00:05.0"), "list --users", "list --users --json",
        *_dry("assign 00:01.0", "assign 00:0b.0", "release 00:01.0"),
    ]),
}
