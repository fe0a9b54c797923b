# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hook for mkinitcpio, which Debian does not have: its functions are stood in for, the hook is ours."""

import os
import subprocess
from pathlib import Path

import pytest

HOOKS = Path(__file__).resolve().parents[2] / "data/mkinitcpio"
# What mkinitcpio offers to its hooks, each of which says how it was called.
FUNCTIONS = """
BUILDROOT=/image
for f in add_file add_binary add_module add_runscript add_symlink warning error; do eval "$f() { echo $f \\"\\$@\\"; }"; done
in_array() { local x=$1 i; shift; for i; do [[ $i = "$x" ]] && return 0; done; return 1; }
map() { local f=$1 a; shift; for a; do "$f" "$a"; done; }
"""
SYSTEMD = 'add_systemd_unit() { echo add_systemd_unit "$@"; }\n'


@pytest.fixture
def hook(tmp_path):
    """Runs a part of the hook after some preparations; what the functions were called with."""
    def program(name, text):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(file, script, listed="echo /etc/vfioadm.d/disk.conf; echo '/etc/vfioadm.d/a nic.conf'"):
        program("vfioadm", f'[ "$*" = "config list --initramfs" ] || exit 9\n{listed}')
        program("vfioadm-early", """case $1 in
            --modules) echo mlx5_vfio_pci ;;
            --host-modules) printf '%s\\n' nvme mlx5_core ;;
            *) echo early "$@" ;;
        esac""")
        program("vfioadm-image-modprobe", 'echo image-modprobe "$@"; [ "$1" != /full ]')
        text = (HOOKS / file).read_text()
        for place in ("@bindir@", "@libexecdir@", "/run/vfioadm"):
            text = text.replace(place, str(tmp_path))
        r = subprocess.run(["bash", "-c", f"{FUNCTIONS}{text}\n{script}"], capture_output=True, text=True,
                           env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, timeout=20)
        assert (r.returncode, r.stderr) == (0, "")
        return r.stdout.replace(str(tmp_path), "DIR").splitlines()
    return run


def test_all_that_is_needed_goes_in(hook):
    calls = hook("install.in", "build")
    assert calls[:4] == ["add_file /etc/vfioadm.d/disk.conf", "add_file /etc/vfioadm.d/a nic.conf",
                         "add_binary DIR/vfioadm-early", "add_binary DIR/vfioadm-helper"]
    # What modprobe.d says of VFIO's modules and of those that the functions would have otherwise.
    assert "image-modprobe /image nvme mlx5_core" in calls
    assert calls[-4:] == ["add_module vfio-pci?", "add_module vfio_iommu_type1?", "add_module mlx5_vfio_pci?",
                          "add_runscript"]


def test_an_image_without_modprobe_d_is_not_made(hook):
    calls = hook("install.in", "BUILDROOT=/full; build || echo status $?")
    assert [c for c in calls if c.startswith("error vfioadm: ")] and calls[-1] == "status 1"


def test_units_where_systemd_is_in_the_image(hook):
    calls = hook("install.in", SYSTEMD + "build")
    assert [c for c in calls if "systemd" in c] == [
        "add_systemd_unit vfioadm-early.service", "add_systemd_unit vfioadm-give-back.service",
        "add_systemd_unit vfioadm-give-back.timer",
        "add_symlink /usr/lib/systemd/system/initrd.target.wants/vfioadm-give-back.timer "
        "/usr/lib/systemd/system/vfioadm-give-back.timer"]
    assert "add_runscript" not in calls


def test_nothing_in_the_fallback_image(hook):
    assert hook("install.in", "_optskiphooks=(autodetect); build") == []


def test_nothing_without_declarations(hook):
    assert hook("install.in", "build", listed="true") == []


def test_an_error_is_said_and_the_image_is_made(hook):
    said = hook("install.in", "build", listed="exit 1")
    assert len(said) == 1 and said[0].startswith("warning vfioadm: ") and said[0].endswith("none is included.")


MOUNTING = """
default_mount() { echo mounted "$@"; }
mount_handler=default_mount root=/dev/x
udevadm() { echo udevadm "$@"; }
resolve_device() { [ "$1" = "$there" ]; }
run_hook
"""


@pytest.mark.parametrize("claims, there, given_back", [
    (False, "", False), (False, "/dev/x", False), (True, "/dev/x", False), (True, "", True)])
def test_claims_are_given_back_when_root_is_missing(hook, tmp_path, claims, there, given_back):
    if claims:
        (tmp_path / "early").write_text("")
    calls = hook("hook.in", f"{MOUNTING}there={there}; $mount_handler /new_root")
    assert calls == ["early --give-back", "udevadm settle"] * given_back + ["mounted /new_root"]


def test_the_other_points_of_a_boot(hook, tmp_path):
    assert hook("hook.in", "run_earlyhook") == ["early --initramfs"]
    assert hook("hook.in", "run_emergencyhook") == []
    (tmp_path / "early").write_text("")
    assert hook("hook.in", "run_emergencyhook") == ["early --give-back"]
