# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the benchmarks share: a guest with 136 functions, and commands that take turns."""

import argparse
import os
import statistics
import subprocess
from pathlib import Path

from rig import payload, qemu
from rig.errors import RigError

HERE = Path(__file__).resolve().parent
VFS = 127
FUNCTIONS = 136

# Without drivers on the VFs: these are what is handed out, and 127 NVMe probes take minutes.
MAKE_VFS = f"""
set -e
for d in /sys/bus/pci/devices/*/sriov_totalvfs; do
	read -r n <$d
	[ $n -ge {VFS} ] || continue
	d=${{d%/*}}
	echo 0 >$d/sriov_drivers_autoprobe
	echo {VFS} >$d/sriov_numvfs
	ls /sys/bus/pci/devices | wc -l
	exit 0
done
exit 1
"""


def arguments(doc):
    p = argparse.ArgumentParser(description=doc.splitlines()[0])
    p.add_argument("--kernel", default="6.12-iommufd")
    p.add_argument("--root", choices=("debian", "initramfs"), default="debian",
                   help="debian has the peers (default), initramfs boots faster")
    p.add_argument("--build", default=os.environ.get("VFIOADM_BUILD_DIR"),
                   help="meson build directory with the vfioadm to measure")
    p.add_argument("--runs", type=int, default=15, help="of each command (default %(default)s)")
    return p.parse_args()


def compiled(name, directory):
    target = Path(directory) / name
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-o", target, HERE / f"{name}.c"], check=True)
    return target


def boot(args, directory, programs, lineup="many"):
    content = payload.from_build("x86_64", args.build)
    for name in programs:
        content["programs"][f"/root/{name}"] = compiled(name, directory)
    return qemu.Guest(args.kernel, lineup, root="debian" if args.root == "debian" else None,
                      **content)


def available(guest, command):
    """Whether the command does its work here at all; a tool that fails at once is quick."""
    r = guest.run(command.split(), timeout=120)
    return r.rc == 0 and len(r.out.splitlines()) > 1


def measure(guest, commands, runs):
    """{command: ([ns], [kB])}; the first round warms up and is not counted."""
    out = guest.sh(["/root/timing", runs + 1], stdin="\n".join(commands) + "\n",
                   timeout=60 + 30 * runs)
    result = {c: ([], []) for c in commands}
    for line in out.splitlines()[len(commands):]:
        index, ns, kb, status = map(int, line.split())
        if status:
            raise RigError(f"{commands[index]} in the guest: status {status}")
        result[commands[index]][0].append(ns)
        result[commands[index]][1].append(kb)
    return result


def median(result, command):
    """Milliseconds."""
    return statistics.median(result[command][0]) / 1e6


def print_table(result, reference):
    print(f"{'':44} {'median':>9} {'least':>9} {'peak':>9}  / {reference}")
    for command, (times, peaks) in result.items():
        m = median(result, command)
        print(f"{command:44} {m:6.1f} ms {min(times) / 1e6:6.1f} ms {max(peaks):6} kB  "
              f"{m / median(result, reference):8.2f}x")
