# SPDX-License-Identifier: LGPL-2.1-or-later
"""vfioadm-initramfs with stand-ins of the tools: which images it looks into and makes anew. The tools themselves
are at work in tests/guest/test_boot_trouble.py."""

import os
import re
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "data/libexec/vfioadm-initramfs"
RUNNING, NEWER, REMOVED = "6.1.0-10-amd64", "6.1.0-11-amd64", "6.1.0-9-amd64"


class Host:
    """A directory with /boot, /lib/modules, /etc and /run, and programs that note how they were called."""

    def __init__(self, top):
        self.top, self.bin, self.log = top, top / "bin", top / "log"
        for d in ("boot", "bin", "etc/initramfs-tools", "run", *(f"lib/modules/{v}" for v in (RUNNING, NEWER, REMOVED))):
            (top / d).mkdir(parents=True)
        self.program("uname", f'case $1 in -r) echo {RUNNING} ;; -m) echo "${{MACHINE:-x86_64}}" ;; esac')
        # Only these of the machine; its own tools must not be found.
        for name in ("cat", "grep", "sed", "sync", "mv", "rm", "mkdir", "flock", "dirname", "ls"):
            self.program(name, f'exec /bin/{name} "$@"' if Path(f"/bin/{name}").exists() else "exit 9")

    def program(self, name, text):
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def tool(self, name, then="true"):
        self.program(name, f'echo "{name} $*" >>{self.log}\n{then}')

    def image(self, name, *files):
        (self.top / "boot" / name).write_text("".join(f + "\n" for f in files))

    def run(self, *words, **env):
        text = re.sub(r"(?<![\w$.}\"])/(boot|efi|etc|run|lib/modules)\b", rf"{self.top}/\1", SCRIPT.read_text())
        text = re.sub(r'"/(boot|efi|lib/modules)/', rf'"{self.top}/\1/', text)
        r = subprocess.run(["/bin/sh", "-c", text, "sh", *words], capture_output=True, text=True, timeout=20,
                           env={"PATH": str(self.bin), **env})
        self.said = r.stdout.replace(str(self.top), "").splitlines()
        assert r.stderr == "" and self.said[-1].startswith("vfioadm-initramfs: ")
        return self.said[-1].split(": ")[1]

    def calls(self):
        return self.log.read_text().replace(str(self.top), "").splitlines() if self.log.exists() else []


@pytest.fixture
def debian(tmp_path):
    host = Host(tmp_path)
    host.tool("update-initramfs")
    host.program("lsinitramfs", 'exec /bin/cat "$1"')
    return host


@pytest.fixture
def dracut(tmp_path):
    host = Host(tmp_path)
    host.tool("dracut", 'for last; do :; done; echo made >"$last"')
    host.program("lsinitrd", 'exec /bin/cat "$1"')
    return host


def test_without_tools(tmp_path):
    host = Host(tmp_path)
    assert host.run("has", "nvme") == "none" and host.run("rebuild") == "none"


def test_has(debian):
    debian.image(f"initrd.img-{RUNNING}", "usr/lib/modules/6/kernel/nvme-core.ko.xz")
    assert debian.run("has", "nvme") == "no"
    assert debian.run("has", "e1000e", "nvme_core") == "yes"
    debian.image(f"initrd.img-{RUNNING}", "etc/vfioadm.d/disk.conf")
    assert debian.run("has", "nvme") == "yes"


def test_the_kernel_of_the_next_boot_counts(debian):
    debian.image(f"initrd.img-{RUNNING}")
    assert debian.run("has", "nvme") == "no"
    debian.image(f"initrd.img-{NEWER}", "kernel/drivers/nvme/host/nvme.ko")
    assert debian.run("has", "nvme") == "yes"
    assert debian.run("rebuild") == "done"
    assert debian.calls() == [f"update-initramfs -u -k {v}" for v in (RUNNING, NEWER)]


def test_no_image(debian):
    assert debian.run("has", "nvme") == "none"


def test_what_cannot_be_listed_may_have_anything(debian):
    debian.image(f"initrd.img-{RUNNING}")
    debian.program("lsinitramfs", "exit 1")
    assert debian.run("has", "nvme") == "yes"


def test_one_failure_is_the_answer(debian):
    """The others are made all the same: one of them may be booted."""
    for version in (RUNNING, NEWER):
        debian.image(f"initrd.img-{version}")
    debian.tool("update-initramfs", f"""
echo "Generating $3"
case $3 in {RUNNING})
	echo E: hook failed >&2
	echo
	echo "failed for $3 with 1."
	exit 1
esac""")
    assert debian.run("rebuild") == "failed" and len(debian.calls()) == 2
    # Whose it was and why stands last, whatever else was made behind it.
    assert f"Generating {NEWER}" in debian.said
    assert debian.said[-2] == f"for {RUNNING}: Generating {RUNNING}; E: hook failed; failed for {RUNNING} with 1."


def test_each_failure_is_told(debian):
    for version in (RUNNING, NEWER):
        debian.image(f"initrd.img-{version}")
    debian.tool("update-initramfs", "echo no room; exit 1")
    assert debian.run("rebuild") == "failed"
    assert debian.said[-2] == f"for {RUNNING}: no room; for {NEWER}: no room"


def test_back_is_about_what_was_made(debian):
    """An image that could not be made, and cannot be now, is what it was: nothing of it is left to be taken back."""
    for version in (RUNNING, NEWER):
        debian.image(f"initrd.img-{version}")
    debian.tool("update-initramfs", f"case $* in *{RUNNING}) exit 1 ;; esac")
    assert debian.run("rebuild") == "failed"
    for _ in range(2):
        debian.log.unlink()
        assert debian.run("rebuild-back") == "kept"
        assert debian.calls() == [f"update-initramfs -u -k {NEWER}"]
    # What was made and cannot be made now is left as it should not be.
    debian.tool("update-initramfs", "exit 1")
    assert debian.run("rebuild-back") == "failed"
    # The next rebuild is another matter.
    debian.tool("update-initramfs")
    assert debian.run("rebuild") == "done" and debian.run("rebuild-back") == "done"
    assert len(debian.calls()) == 1 + 1 + 4


def test_replaced_though_it_failed(debian):
    """The tool tells boot loaders afterwards: one of them may be what failed."""
    debian.image(f"initrd.img-{RUNNING}")
    image = debian.top / f"boot/initrd.img-{RUNNING}"
    debian.tool("update-initramfs", f"echo new >{image}.new; mv {image}.new {image}; exit 1")
    assert debian.run("rebuild") == "failed"
    debian.tool("update-initramfs")
    assert debian.run("rebuild-back") == "done" and len(debian.calls()) == 2


def test_back_after_a_rebuild_that_was_killed(debian):
    """What it came to is not known."""
    debian.image(f"initrd.img-{RUNNING}")
    debian.image(f"initrd.img-{NEWER}")
    assert debian.run("rebuild-back") == "done" and len(debian.calls()) == 2


@pytest.mark.parametrize("gone", ["boot", "lib/modules"])
def test_the_running_kernel_was_removed(debian, gone):
    """After an upgrade: what is booted next is another one."""
    debian.image(f"initrd.img-{RUNNING}")
    debian.image(f"initrd.img-{NEWER}", "kernel/nvme.ko")
    path = debian.top / gone
    if gone == "boot":
        (path / f"initrd.img-{RUNNING}").unlink()
    else:
        (path / RUNNING).rmdir()
    assert debian.run("has", "nvme") == "yes"
    assert debian.run("rebuild") == "done" and debian.calls() == [f"update-initramfs -u -k {NEWER}"]


def test_an_image_without_a_version(dracut):
    dracut.image("initramfs-linux.img", "kernel/nvme.ko")
    assert dracut.run("has", "nvme") == "yes" and dracut.run("rebuild") == "done"
    assert dracut.calls() == [f"dracut --force --kver {RUNNING} /boot/initramfs-linux.img.new"]


def test_dracut_writes_beside_each_image(dracut):
    dracut.image(f"initramfs-{RUNNING}.img", "old")
    dracut.image(f"initramfs-{NEWER}.img", "old")
    assert dracut.run("rebuild") == "done"
    assert dracut.calls() == [f"dracut --force --kver {v} /boot/initramfs-{v}.img.new" for v in (RUNNING, NEWER)]
    assert {p.name: p.read_text() for p in (dracut.top / "boot").iterdir()} == {
        f"initramfs-{RUNNING}.img": "made\n", f"initramfs-{NEWER}.img": "made\n"}


def test_an_image_of_dracut_that_failed_is_not_used(dracut):
    dracut.image(f"initramfs-{RUNNING}.img", "old")
    dracut.tool("dracut", 'for last; do :; done; echo half >"$last"; exit 1')
    assert dracut.run("rebuild") == "failed"
    assert [(p.name, p.read_text()) for p in (dracut.top / "boot").iterdir()] == [
        (f"initramfs-{RUNNING}.img", "old\n")]


def test_all_images_of_dracut_are_replaced_or_none(dracut):
    """What zipl has noted of one that was replaced is where something else will be."""
    for version in (RUNNING, NEWER):
        dracut.image(f"initramfs-{version}.img", "old")
    dracut.tool("dracut", f'for last; do :; done; echo half >"$last"; case $* in *{NEWER}.img.new) exit 1 ;; esac')
    for request, answer in (("rebuild", "failed"), ("rebuild-back", "kept")):
        assert dracut.run(request) == answer and len(dracut.calls()) == 2
        assert {p.name: p.read_text() for p in (dracut.top / "boot").iterdir()} == {
            f"initramfs-{RUNNING}.img": "old\n", f"initramfs-{NEWER}.img": "old\n"}


def test_mkinitcpio_makes_all_by_itself(tmp_path):
    host = Host(tmp_path)
    host.tool("mkinitcpio")
    host.program("lsinitcpio", 'exec /bin/cat "$1"')
    host.image("initramfs-linux.img")
    # Made with all modules and without our hook.
    host.image("initramfs-linux-fallback.img", "usr/lib/modules/6/nvme.ko.zst")
    assert host.run("has", "nvme") == "no"
    host.image("initramfs-linux-lts.img", "usr/lib/modules/6/nvme.ko.zst")
    assert host.run("has", "nvme") == "yes"
    assert host.run("rebuild") == "done" and host.calls() == ["mkinitcpio -P"]
    assert host.run("rebuild-back") == "done" and host.calls() == ["mkinitcpio -P"] * 2


@pytest.mark.parametrize("machine, calls", [("x86_64", []), ("s390x", ["zipl "])])
def test_zipl_once_and_only_on_z(debian, machine, calls):
    for version in (RUNNING, NEWER):
        debian.image(f"initrd.img-{version}")
    debian.tool("zipl")
    (debian.top / "etc/zipl.conf").write_text("")
    assert debian.run("rebuild", MACHINE=machine) == "done"
    assert debian.calls()[2:] == calls


def test_zipl_notes_what_was_made_also_after_a_failure(debian):
    debian.image(f"initrd.img-{RUNNING}")
    debian.tool("update-initramfs", "exit 1")
    debian.tool("zipl")
    (debian.top / "etc/zipl.conf").write_text("")
    assert debian.run("rebuild", MACHINE="s390x") == "failed"
    assert debian.calls()[-1] == "zipl "


def test_zipl_fails(debian):
    debian.tool("zipl", "exit 1")
    (debian.top / "etc/zipl.conf").write_text("")
    assert debian.run("rebuild", MACHINE="s390x") == "failed"
