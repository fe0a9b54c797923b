# SPDX-License-Identifier: LGPL-2.1-or-later
"""vfioadm-initramfs with stand-ins of the tools: which images it looks into and makes anew. The tools themselves
are at work in tests/guest/test_boot_trouble.py."""

import os
import re
import signal
import subprocess
import time
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
        self.programs()

    def programs(self):
        self.program("uname", f'case $1 in -r) echo {RUNNING} ;; -m) echo "${{MACHINE:-x86_64}}" ;; esac')
        # Only these of the machine; its own tools must not be found.
        for name in ("cat", "grep", "sed", "sync", "mv", "rm", "mkdir", "flock", "dirname", "ls", "stat", "readlink", "sort", "chmod",
                     "cmp", "cp", "ln"):
            self.program(name, f'exec /bin/{name} "$@"' if Path(f"/bin/{name}").exists() else "exit 9")

    def program(self, name, text):
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def tool(self, name, then="true"):
        self.program(name, f'echo "{name} $*" >>{self.log}\n{then}')

    def image(self, name, *files, below="boot"):
        """Its content is its list of files; there is an init in each that is whole."""
        path = self.top / below / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f + "\n" for f in ("init", *files)))
        return path

    def text(self):
        text = re.sub(r"(?<![\w$.}\"])/(boot|efi|etc|run|lib/modules|usr/share|usr/lib)\b", rf"{self.top}/\1",
                      SCRIPT.read_text())
        return re.sub(r'"/(boot|efi|etc|run|lib/modules|usr/share|usr/lib)/', rf'"{self.top}/\1/', text)

    def run(self, *words, **env):
        text = self.text()
        r = subprocess.run(["/bin/sh", "-c", text, "sh", *words], capture_output=True, text=True, timeout=20,
                           env={"PATH": str(self.bin), **env})
        self.said = r.stdout.replace(str(self.top), "").splitlines()
        assert r.stderr == "" and self.said[-1].startswith("vfioadm-initramfs: ")
        return self.said[-1].split(": ")[1]

    def calls(self):
        return self.log.read_text().replace(str(self.top), "").splitlines() if self.log.exists() else []


def update_initramfs(host, then=""):
    """then: what it does first for $3, a version."""
    host.tool("update-initramfs", f"""
image={host.top}/boot/initrd.img-$3
{then}
if grep -qsx init $image; then cat $image; else echo init; fi >$image.new
mv $image.new $image""")


@pytest.fixture
def debian(tmp_path):
    host = Host(tmp_path)
    host.program("mkinitramfs", "exit 9")
    update_initramfs(host)
    host.program("lsinitramfs", 'exec /bin/cat "$1"')
    return host


MADE = 'for last; do :; done; printf "init\\nmade\\n" >"$last"'


@pytest.fixture
def dracut(tmp_path):
    host = Host(tmp_path)
    host.tool("dracut", MADE)
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


@pytest.mark.parametrize("lister", ["exit 1", "true", "echo 'Image: something'", "echo squashfs-root.img; echo init"])
def test_what_cannot_be_listed_is_unknown(debian, lister):
    """Neither yes for any module, nor no: a lister that fails, says nothing, did not come to the files, or cannot
    look into the image in the image."""
    debian.image(f"initrd.img-{RUNNING}")
    debian.program("lsinitramfs", lister)
    assert debian.run("has", "nvme") == "unknown"
    assert debian.said[-2] == f"What is in /boot/initrd.img-{RUNNING} cannot be listed."
    # One that has it is enough.
    debian.image(f"initrd.img-{NEWER}")
    debian.program("lsinitramfs", f'case $1 in *{NEWER}) echo init; echo /nvme.ko ;; *) {lister} ;; esac')
    assert debian.run("has", "nvme") == "yes"


def test_a_list_of_what_is_squashed(dracut):
    dracut.image(f"initramfs-{RUNNING}.img", "squashfs-root.img", "squashfs-root/usr/lib/modules/6/nvme.ko.xz")
    assert dracut.run("has", "nvme") == "yes" and dracut.run("has", "igb") == "no"


def test_one_failure_is_the_answer(debian):
    """The others are made all the same: one of them may be booted."""
    for version in (RUNNING, NEWER):
        debian.image(f"initrd.img-{version}")
    update_initramfs(debian, f"""
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
    update_initramfs(debian, f"case $* in *{RUNNING}) exit 1 ;; esac")
    assert debian.run("rebuild") == "failed"
    for _ in range(2):
        debian.log.unlink()
        assert debian.run("rebuild-back") == "kept"
        assert debian.calls() == [f"update-initramfs -u -k {NEWER}"]
    # What was made and cannot be made now is left as it should not be.
    debian.tool("update-initramfs", "exit 1")
    assert debian.run("rebuild-back") == "failed"
    # The next rebuild is another matter.
    update_initramfs(debian)
    assert debian.run("rebuild") == "done" and debian.run("rebuild-back") == "done"
    assert len(debian.calls()) == 1 + 1 + 4


def test_replaced_though_it_failed(debian):
    """The tool tells boot loaders afterwards: one of them may be what failed."""
    debian.image(f"initrd.img-{RUNNING}")
    image = debian.top / f"boot/initrd.img-{RUNNING}"
    debian.tool("update-initramfs", f"echo new >{image}.new; mv {image}.new {image}; exit 1")
    assert debian.run("rebuild") == "failed"
    update_initramfs(debian)
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
        f"initramfs-{RUNNING}.img": "init\nmade\n", f"initramfs-{NEWER}.img": "init\nmade\n"}


def test_an_image_of_dracut_that_failed_is_not_used(dracut):
    dracut.image(f"initramfs-{RUNNING}.img", "old")
    dracut.tool("dracut", 'for last; do :; done; echo half >"$last"; exit 1')
    assert dracut.run("rebuild") == "failed"
    assert [(p.name, p.read_text()) for p in (dracut.top / "boot").iterdir()] == [
        (f"initramfs-{RUNNING}.img", "init\nold\n")]


def test_all_images_of_dracut_are_replaced_or_none(dracut):
    """What zipl has noted of one that was replaced is where something else will be."""
    for version in (RUNNING, NEWER):
        dracut.image(f"initramfs-{version}.img", "old")
    dracut.tool("dracut", f'{MADE}; case $* in *{NEWER}.img.new) exit 1 ;; esac')
    for request, answer in (("rebuild", "failed"), ("rebuild-back", "kept")):
        assert dracut.run(request) == answer and len(dracut.calls()) == 2
        assert {p.name: p.read_text() for p in (dracut.top / "boot").iterdir()} == {
            f"initramfs-{RUNNING}.img": "init\nold\n", f"initramfs-{NEWER}.img": "init\nold\n"}


def stop(host, tool, **env):
    """Starts a rebuild in a process group of its own, and ends that when the tool is at work."""
    text = host.text()
    p = subprocess.Popen(["/bin/sh", "-c", text, "sh", "rebuild"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env={"PATH": str(host.bin), **env}, start_new_session=True)
    end = time.monotonic() + 10
    while not (host.top / tool).exists() and time.monotonic() < end:
        time.sleep(0.02)
    begun = time.monotonic()
    os.killpg(p.pid, signal.SIGTERM)
    p.wait(timeout=15)
    return time.monotonic() - begun, p.returncode


def test_stopped_amid_one_kernel(debian):
    """What was replaced by then is made once more of what was declared before, the other is as it was."""
    for version in (RUNNING, NEWER):
        debian.image(f"initrd.img-{version}", "old")
    debian.tool("update-initramfs", f'case $* in *{RUNNING}) echo new >{debian.top}/boot/new; '
                f'mv {debian.top}/boot/new {debian.top}/boot/initrd.img-{RUNNING} ;; '
                f'*) echo half >{debian.top}/boot/initrd.img-{NEWER}.new; >{debian.top}/at-work; /bin/sleep 60 ;; esac')
    took, status = stop(debian, "at-work")
    assert status == 1 and took < 10
    assert sorted(p.name for p in (debian.top / "boot").iterdir()) == [f"initrd.img-{RUNNING}", f"initrd.img-{NEWER}"]
    debian.tool("update-initramfs", f'i={debian.top}/boot/initrd.img-$3; echo init >$i.n; mv $i.n $i')
    assert debian.run("rebuild-back") == "kept"
    assert debian.calls()[-1].split()[-1] == RUNNING and len(debian.calls()) == 3


def test_stopped_before_anything_was_replaced(dracut):
    for version in (RUNNING, NEWER):
        dracut.image(f"initramfs-{version}.img", "old")
    dracut.tool("dracut", f'for last; do :; done; echo half >"$last"; >{dracut.top}/at-work; /bin/sleep 60')
    assert stop(dracut, "at-work")[1] == 1
    assert {p.name: p.read_text() for p in (dracut.top / "boot").iterdir()} == {
        f"initramfs-{RUNNING}.img": "init\nold\n", f"initramfs-{NEWER}.img": "init\nold\n"}
    assert dracut.run("rebuild-back") == "kept" and len(dracut.calls()) == 1


def test_zipl_is_not_stopped(debian):
    """Half of what it writes boots nothing."""
    debian.image(f"initrd.img-{RUNNING}")
    debian.tool("zipl", f">{debian.top}/at-work; /bin/sleep 1; echo written >>{debian.log}")
    (debian.top / "etc/zipl.conf").write_text("")
    stop(debian, "at-work", MACHINE="s390x")
    assert debian.calls()[-1] == "written"


def test_mkinitcpio_makes_all_by_itself(tmp_path):
    host = Host(tmp_path)
    host.tool("mkinitcpio", f"for i in {tmp_path}/boot/initramfs-*.img; do cat $i >$i.n; mv $i.n $i; done")
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


# ---- what a tool calls a success ----

NOT_UPDATING = f"""
echo "W: /boot is ro mounted." >&2
echo "W: update-initramfs: Not updating /boot/initrd.img-{RUNNING}" >&2
exit 0"""


def test_not_updating_is_no_success(debian):
    """update_initramfs=no, or /boot is read-only: its status is 0. Nothing is left to be taken back."""
    debian.image(f"initrd.img-{RUNNING}")
    update_initramfs(debian, NOT_UPDATING)
    assert debian.run("rebuild") == "failed"
    assert debian.said[-2] == (
        f"for {RUNNING}: /boot/initrd.img-{RUNNING} was not written: W: /boot is ro mounted.; "
        f"W: update-initramfs: Not updating /boot/initrd.img-{RUNNING}")
    debian.log.unlink()
    assert debian.run("rebuild-back") == "kept" and debian.calls() == []


def test_one_of_two_is_not_updated(debian):
    for version in (RUNNING, NEWER):
        debian.image(f"initrd.img-{version}")
    update_initramfs(debian, f"case $3 in {NEWER}) echo Not updating initramfs.; exit 0 ;; esac")
    assert debian.run("rebuild") == "failed"
    assert debian.said[-2] == f"for {NEWER}: /boot/initrd.img-{NEWER} was not written: Not updating initramfs."
    debian.log.unlink()
    assert debian.run("rebuild-back") == "kept" and debian.calls() == [f"update-initramfs -u -k {RUNNING}"]


@pytest.mark.parametrize("then, why", [
    (": >$image; exit 0", "is empty"),
    ("echo in >$image; exit 0", "cannot be listed"),
    ("rm $image; exit 0", "there is no image")])
def test_half_an_image_is_no_success(debian, then, why):
    """A full /boot, and what a tool leaves then."""
    debian.image(f"initrd.img-{RUNNING}")
    update_initramfs(debian, then)
    assert debian.run("rebuild") == "failed" and why in debian.said[-2]
    # It was replaced.
    update_initramfs(debian)
    assert debian.run("rebuild-back") == "done"


def test_a_file_system_that_is_full_now(debian):
    """The image is nearly as large as before; what is missing at its end is only seen by reading it."""
    image = debian.image(f"initrd.img-{RUNNING}", *"abcdefghijklmnop")
    update_initramfs(debian, "printf 'a\\nb\\nc\\nd\\ne\\nf\\ng\\nh\\ni\\nj\\nk\\nl\\nm\\nn\\no\\np\\nq\\nr\\n' >$image; exit 0")
    assert debian.run("rebuild") == "done"
    debian.program("stat", 'case $1 in -Lfc) echo 0 ;; *) exec /bin/stat "$@" ;; esac')
    assert debian.run("rebuild") == "failed" and f"{image.name} was written, but cannot be listed" in debian.said[-2]


def test_the_same_image_once_more_is_a_success(debian):
    """Reproducible ones have the same content: it is the file that is another."""
    image = debian.image(f"initrd.img-{RUNNING}")
    before = image.read_text()
    assert debian.run("rebuild") == "done" and image.read_text() == before


@pytest.mark.parametrize("then", ["exit 0", ': >"$image"', 'echo in >"$image"'])
def test_dracut_that_makes_nothing(dracut, then):
    for version in (RUNNING, NEWER):
        dracut.image(f"initramfs-{version}.img", "old")
    dracut.tool("dracut", f'for image; do :; done; case $image in *{NEWER}.img.new) {then}; exit 0 ;; esac; {MADE}')
    assert dracut.run("rebuild") == "failed" and f"for {NEWER}: /boot/initramfs-{NEWER}.img.new " in dracut.said[-2]
    assert {p.name: p.read_text() for p in (dracut.top / "boot").iterdir()} == {
        f"initramfs-{v}.img": "init\nold\n" for v in (RUNNING, NEWER)}
    assert dracut.run("rebuild-back") == "kept"


def test_what_an_earlier_run_of_dracut_left_is_not_taken(dracut):
    dracut.image(f"initramfs-{RUNNING}.img", "old")
    dracut.image(f"initramfs-{RUNNING}.img.new", "left")
    dracut.tool("dracut", "exit 0")
    assert dracut.run("rebuild") == "failed"
    assert [p.read_text() for p in (dracut.top / "boot").iterdir()] == ["init\nold\n"]


def test_dracut_writes_to_where_a_link_leads(dracut):
    """The boot loader reads the file, not the link."""
    target = dracut.image("initrd", "old", below="boot/somewhere")
    link = dracut.top / f"boot/initrd.img-{RUNNING}"
    link.symlink_to(target)
    assert dracut.run("rebuild") == "done"
    assert link.is_symlink() and target.read_text() == "init\nmade\n"


def test_update_initramfs_puts_a_file_in_the_place_of_a_link(debian):
    target = debian.image("initrd", "old", below="boot/somewhere")
    link = debian.top / f"boot/initrd.img-{RUNNING}"
    link.symlink_to("somewhere/initrd")
    update_initramfs(debian, "printf 'init\\nmade\\n' >$image.n; mv $image.n $image; exit 0")
    assert debian.run("rebuild") == "done"
    assert os.readlink(link) == "somewhere/initrd" and target.read_text() == "init\nmade\n"
    assert [p.name for p in target.parent.iterdir()] == ["initrd"]


def presets(host, text):
    (host.top / "etc/mkinitcpio.d").mkdir()
    (host.top / "etc/mkinitcpio.d/linux.preset").write_text(text.replace("TOP", str(host.top)))


@pytest.mark.parametrize("key", ["default_image", "default_uki"])
def test_mkinitcpio_that_leaves_an_image_of_a_preset(tmp_path, key):
    """A preset that is commented out, or an ESP that is read-only."""
    host = Host(tmp_path)
    host.tool("mkinitcpio")
    host.program("lsinitcpio", 'exec /bin/cat "$1"')
    image = host.image("arch.efi", "nvme.ko", below="efi/EFI/Linux")
    presets(host, f"PRESETS=('default' 'fallback')\n{key}=\"TOP/efi/EFI/Linux/arch.efi\"\n"
            "fallback_image=\"/boot/initramfs-linux-fallback.img\"\n")
    host.image("initramfs-linux-fallback.img", "igb.ko")
    host.image("initramfs-linux-old.img", "kernel/usbhid.ko")
    assert host.run("has", "igb") == "no"
    assert host.run("rebuild") == "failed" and "arch.efi was not written" in host.said[-2]
    host.log.unlink()
    assert host.run("rebuild-back") == "kept" and host.calls() == []
    host.tool("mkinitcpio", f"echo init >{image}.n; mv {image}.n {image}")
    assert host.run("rebuild") == "done"


# ---- what makes them ----

def sid(host):
    """dracut's package has an update-initramfs of its own."""
    host.tool("dracut", MADE)
    host.program("update-initramfs", 'dracut --force "$initramfs" "$version"')
    host.program("lsinitrd", 'exec /bin/cat "$1"')


def test_a_removed_initramfs_tools_leaves_its_directory(tmp_path):
    host = Host(tmp_path)
    sid(host)
    host.image(f"initrd.img-{RUNNING}", "usr/lib/dracut/build-parameter.txt")
    assert (tmp_path / "etc/initramfs-tools").is_dir()
    assert host.run("has", "nvme") == "no"
    assert host.run("rebuild") == "done"
    assert host.calls() == [f"dracut --force --kver {RUNNING} /boot/initrd.img-{RUNNING}.new"]


def test_half_of_initramfs_tools_is_left(tmp_path):
    """mkinitramfs is in a package of its own, which need not go with the other."""
    host = Host(tmp_path)
    sid(host)
    host.program("mkinitramfs", "exit 9")
    host.image(f"initrd.img-{RUNNING}")
    assert host.run("rebuild") == "done" and host.calls()[0].startswith("dracut ")


@pytest.mark.parametrize("files, tool", [
    (["conf/initramfs.conf"], "update-initramfs"), (["usr/lib/dracut/build-parameter.txt"], "dracut"),
    (["something"], "update-initramfs")])
def test_of_two_tools_the_one_whose_image_is_there(debian, files, tool):
    debian.tool("dracut", MADE)
    debian.program("lsinitrd", "exit 9")
    debian.image(f"initrd.img-{RUNNING}", *files)
    assert debian.run("rebuild") == "done" and {c.split()[0] for c in debian.calls()} == {tool}


def test_only_kernel_install_knows_what_makes_them(tmp_path):
    host = Host(tmp_path)
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef\n")
    (tmp_path / "lib/modules" / RUNNING / "vmlinuz").write_text("")
    image = host.image("initrd", below=f"efi/0123456789abcdef/{RUNNING}")
    assert host.run("has", "nvme") == "none"
    host.tool("kernel-install", f"echo init >{image}.n; mv {image}.n {image}")
    assert host.run("has", "nvme") == "unknown"
    assert host.run("rebuild") == "done"
    assert host.calls() == [f"kernel-install add {RUNNING} /lib/modules/{RUNNING}/vmlinuz"]
    host.tool("kernel-install")
    assert host.run("rebuild") == "failed" and "was not written" in host.said[-2]


# ---- where they are ----

@pytest.mark.parametrize("place", ["boot", "efi", "boot/efi"])
@pytest.mark.parametrize("token, files", [
    ("0123456789abcdef", {"etc/machine-id": "0123456789abcdef\n"}), ("mine", {"etc/kernel/entry-token": "mine\n"}),
    ("debian", {"etc/os-release": 'NAME=x\nVERSION_ID="13"\nID=debian\n'}), ("Default", {})])
def test_places_of_the_boot_loader_specification(dracut, place, token, files):
    for name, text in files.items():
        (dracut.top / name).parent.mkdir(exist_ok=True)
        (dracut.top / name).write_text(text)
    image = dracut.image("initrd", "kernel/nvme.ko", below=f"{place}/{token}/{NEWER}")
    # Somebody else's.
    dracut.image("initrd", "kernel/igb.ko", below=f"{place}/other/{NEWER}")
    assert dracut.run("has", "nvme") == "yes" and dracut.run("has", "igb") == "no"
    assert dracut.run("rebuild") == "done"
    assert dracut.calls() == [f"dracut --force --kver {NEWER} /{place}/{token}/{NEWER}/initrd.new"]
    assert image.read_text() == "init\nmade\n" and [p.name for p in image.parent.iterdir()] == ["initrd"]


HOOK = """#!/bin/sh
echo "hook $*" >>{log}
cat "$2" >{copy}.n && mv {copy}.n {copy}
"""


def copied(host, name, hook=HOOK, directory="etc/initramfs/post-update.d", mode=0o755):
    """A copy for the boot loader at NAME, and the hook that makes it."""
    (host.top / "etc/machine-id").write_text("mid\n")
    copy = host.image(name, "old", below=f"boot/efi/mid/{RUNNING}")
    path = host.top / directory / "systemd-boot"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(hook.format(log=host.log, copy=copy))
    path.chmod(mode)
    return copy


def entry(host, copy):
    path = host.top / "boot/efi/loader/entries/mid.conf"
    path.parent.mkdir(parents=True)
    path.write_text(f"title x\nlinux /mid/{RUNNING}/linux\ninitrd     /mid/{RUNNING}/{copy.name}\n")


@pytest.mark.parametrize("directory", ["etc/initramfs/post-update.d", "usr/share/initramfs/post-update.d"])
def test_boot_loaders_follow_dracut(dracut, directory):
    """As they follow update-initramfs: systemd-boot has a copy of its own."""
    dracut.image(f"initrd.img-{RUNNING}", "old")
    copy = copied(dracut, f"initrd.img-{RUNNING}", directory=directory)
    hooks = dracut.top / directory
    (hooks / "a.dpkg-old").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "a.dpkg-old").chmod(0o755)
    (hooks / "off").write_text("#!/bin/sh\nexit 1\n")
    entry(dracut, copy)
    assert dracut.run("rebuild") == "done"
    assert dracut.calls() == [f"dracut --force --kver {RUNNING} /boot/initrd.img-{RUNNING}.new",
                              f"hook {RUNNING} /boot/initrd.img-{RUNNING}"]
    assert copy.read_text() == "init\nmade\n"


def test_boot_loaders_do_not_follow_what_is_made_beside_the_image(dracut):
    """Debian's dracut 106 calls them itself, with whatever it has written."""
    dracut.image(f"initrd.img-{RUNNING}", "old")
    copy = copied(dracut, f"initrd.img-{RUNNING}")
    dracut.tool("dracut", f'{MADE}; [ -n "$NO_POST_UPDATE_HOOKS" ] || {dracut.top}/etc/initramfs/post-update.d/* $3 $last')
    assert dracut.run("rebuild") == "done" and len(dracut.calls()) == 2
    assert dracut.calls()[1] == f"hook {RUNNING} /boot/initrd.img-{RUNNING}" and "made" in copy.read_text()


def test_a_hook_of_the_package_is_switched_off_in_etc(dracut):
    dracut.image(f"initrd.img-{RUNNING}", "old")
    copied(dracut, f"initrd.img-{RUNNING}", directory="usr/share/initramfs/post-update.d")
    (dracut.top / "etc/initramfs/post-update.d").mkdir(parents=True)
    (dracut.top / "etc/initramfs/post-update.d/systemd-boot").symlink_to("/dev/null")
    assert dracut.run("rebuild") == "done" and len(dracut.calls()) == 1


@pytest.mark.parametrize("hook, why", [
    ("#!/bin/sh\necho no room on the ESP >&2; exit 1\n", "no room on the ESP"),
    ("#!/bin/sh\nexit 0\n", "which the boot loader reads, was not written")])
def test_the_copy_of_the_boot_loader_stays_old(dracut, hook, why):
    """An ESP that is full or read-only, or a hook that finds nothing to do. The image itself was replaced."""
    dracut.image(f"initrd.img-{RUNNING}", "old")
    copy = copied(dracut, f"initrd.img-{RUNNING}", hook)
    entry(dracut, copy)
    assert dracut.run("rebuild") == "failed" and why in dracut.said[-2] and RUNNING in dracut.said[-2]
    assert copy.read_text() == "init\nold\n"
    assert dracut.run("rebuild-back") == "failed" and dracut.calls()[-1].startswith("dracut ")


def test_no_entry_boots_the_copy(dracut):
    """Left from another boot loader."""
    dracut.image(f"initrd.img-{RUNNING}", "old")
    copied(dracut, f"initrd.img-{RUNNING}", "#!/bin/sh\nexit 0\n")
    assert dracut.run("rebuild") == "done"


def test_copies_are_looked_into_as_well(debian):
    """What the boot loader reads may be older than what it was copied from."""
    debian.image(f"initrd.img-{RUNNING}")
    (debian.top / "etc/machine-id").write_text("mid\n")
    debian.image(f"initrd.img-{RUNNING}", "kernel/nvme.ko", below=f"boot/efi/mid/{RUNNING}")
    assert debian.run("has", "nvme") == "yes"


def test_update_initramfs_whose_copy_stays_old(debian):
    debian.image(f"initrd.img-{RUNNING}")
    (debian.top / "etc/machine-id").write_text("mid\n")
    copy = debian.image(f"initrd.img-{RUNNING}", "old", below=f"boot/efi/mid/{RUNNING}")
    entry(debian, copy)
    assert debian.run("rebuild") == "failed" and f"/boot/efi/mid/{RUNNING}/initrd.img" in debian.said[-2]
    update_initramfs(debian, f"echo init >{copy}.n; mv {copy}.n {copy}")
    assert debian.run("rebuild") == "done"


UKI = f"debian-{RUNNING}.efi"


def test_a_unified_image_that_nothing_here_makes(dracut):
    """It is named, and nothing is begun that could not end well."""
    dracut.image(UKI, "nvme.ko", below="efi/EFI/Linux")
    assert dracut.run("has", "nvme") == "none"
    assert dracut.said[0].startswith(f"/efi/EFI/Linux/{UKI} is a unified kernel image")
    assert dracut.run("rebuild") == "failed" and UKI in dracut.said[-2] and dracut.calls() == []
    # Beside an image that is made, it is left to whoever made it, and named all the same.
    dracut.image(f"initramfs-{RUNNING}.img", "kernel/igb.ko")
    assert dracut.run("has", "nvme") == "no" and UKI in dracut.said[0]
    assert dracut.run("has", "igb") == "yes" and UKI in dracut.said[0]
    assert dracut.run("rebuild") == "done"


def test_a_unified_image_of_kernel_install(dracut):
    uki = dracut.image(UKI, "kernel/nvme.ko", below="efi/EFI/Linux")
    (dracut.top / "etc/kernel").mkdir()
    (dracut.top / "etc/kernel/install.conf").write_text("layout=uki\n")
    (dracut.top / "boot" / f"vmlinuz-{RUNNING}").write_text("")
    dracut.tool("kernel-install", f"echo init >{uki}.n; mv {uki}.n {uki}")
    assert dracut.run("has", "nvme") == "yes"
    assert dracut.run("rebuild") == "done"
    assert dracut.calls() == [f"kernel-install add {RUNNING} /boot/vmlinuz-{RUNNING}"]
    dracut.tool("kernel-install", "exit 0")
    assert dracut.run("rebuild") == "failed" and f"{UKI} was not written" in dracut.said[-2]
