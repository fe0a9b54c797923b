# SPDX-License-Identifier: LGPL-2.1-or-later
"""vfioadm-image-modprobe: modprobe.d means in an initramfs what it means on the host. Held against kmod's own reading
where modprobe is there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "data/libexec/vfioadm-image-modprobe"
PLACES = ("etc", "run", "usr/local/lib", "usr/lib", "lib")


@pytest.fixture
def host(tmp_path):
    """Writes files of a host, and says what the image has in etc/modprobe.d then."""
    top, image = tmp_path / "host", tmp_path / "image"

    def put(files):
        for name, text in files.items():
            path = top / (name if name.endswith(".alias") else name + ".conf")
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.symlink_to("/dev/null")
            else:
                path.write_text(text)

    def run(files, *modules, image_has=()):
        put({re.sub("/(?=[^/]*$)", "/modprobe.d/", n): t for n, t in files.items()})
        for name, text in image_has:
            (image / name).parent.mkdir(parents=True, exist_ok=True)
            (image / name).write_text(text)
        text = SCRIPT.read_text().replace('places="/etc /run /usr/local/lib /usr/lib /lib"',
                                          f'places="{" ".join(str(top / p) for p in PLACES)}"')
        r = subprocess.run(["/bin/sh", "-c", text, "sh", image, *modules], capture_output=True, text=True, timeout=20)
        assert (r.returncode, r.stdout, r.stderr) == (0, "", "")
        return {p.stem: p.read_text() for p in (image / "etc/modprobe.d").iterdir()}
    run.image = image
    return run


VFIO = "options vfio-pci ids=8086:10d3\n"


@pytest.mark.parametrize("place", PLACES)
def test_from_each_place(host, place):
    assert host({f"{place}/a": VFIO, f"{place}/b": "options snd x=1\n"}) == {"a": VFIO}


def test_both_suffixes(host):
    assert host({"etc/a.alias": VFIO, "usr/lib/b.alias": "options snd x=1\n"}) == {"a": VFIO}


@pytest.mark.parametrize("name", ["a b", "a\\nb", "*", "$(true)", "-n", "a'b"])
def test_names_as_they_are(host, name):
    assert host({f"usr/lib/{name}": "options vfio-pci ids=1\n", f"etc/{name}": VFIO, "usr/lib/other": "x\n"}) == {name: VFIO}


@pytest.mark.parametrize("mask", [None, ""])
@pytest.mark.parametrize("where", ["etc", "run", "usr/local/lib"])
def test_a_mask(host, where, mask):
    """A link to /dev/null and an empty file hide what counts less, whatever that is about."""
    assert host({"usr/lib/a": VFIO, "usr/lib/b": "blacklist snd\n", f"{where}/a": mask, f"{where}/b": mask,
                 f"{where}/of-nothing": mask}) == {"a": "", "b": ""}


def test_a_mask_that_is_itself_hidden(host):
    assert host({"etc/a": VFIO, "run/a": None, "usr/lib/a": "options vfio-pci ids=1:2\n"}) == {"a": VFIO}


def test_what_hides_another_file_goes_in_whatever_it_says(host):
    assert host({"run/a": "# not here\n", "usr/lib/a": VFIO}) == {"a": "# not here\n"}


def test_a_link_into_nothing_hides_nothing(host, tmp_path):
    (tmp_path / "host/etc/modprobe.d").mkdir(parents=True)
    (tmp_path / "host/etc/modprobe.d/a.conf").symlink_to("/nowhere/at/all")
    assert host({"usr/lib/a": VFIO}) == {"a": VFIO}


def test_what_is_in_the_image_already_is_replaced(host):
    had = [("etc/modprobe.d/a.conf", "blacklist vfio_pci\n"), ("etc/modprobe.d/b.conf", "kept\n")]
    assert host({"etc/a": None, "lib/a": "blacklist vfio_pci\n"}, image_has=had) == {"a": "", "b": "kept\n"}


@pytest.mark.parametrize("line", [
    "softdep nvme pre: vfio-pci", "blacklist nvme_core", "options nvme-core x=1", "alias pci:v00001B36d* off",
    "install mlx5_vfio_pci /bin/false", "\tremove\tvfio_iommu_type1 /bin/true", "blacklist vfio_pci \\\n snd"])
def test_which_lines_count(host, line):
    assert host({"usr/local/lib/a": line + "\n"}, "nvme", "nvme_core") == {"a": line + "\n"}


FILES = {"usr/lib/10-a": "options vfio-pci disable_vga=1\n", "etc/10-a": None, "run/20-b": VFIO,
         "usr/local/lib/30-c": "softdep nvme pre: vfio-pci\n", "usr/lib/40-d": "blacklist nvme\n",
         "run/40-d": "", "etc/50-e": "install vfio-pci /bin/true\n", "lib/60-f": "options nvme x=1\n"}


@pytest.mark.skipif(not shutil.which("modprobe", path="/usr/sbin:/sbin"), reason="no modprobe")
def test_kmod_reads_the_same(host, tmp_path):
    """All that kmod says of these modules on the host, and nothing else, it says in the image."""
    def config(*directories):
        r = subprocess.run(["/sbin/modprobe", "--showconfig", *(w for d in directories for w in ("-C", d))],
                           capture_output=True, text=True, timeout=20, check=True)
        return sorted(line for line in r.stdout.splitlines() if re.search("vfio|nvme", line)
                      and not line.startswith("alias symbol:"))

    host(FILES, "nvme")
    for place in ("usr/lib", "lib"):
        # As the tools copy them.
        shutil.copytree(tmp_path / "host" / place / "modprobe.d", host.image / place / "modprobe.d")

    def seen(top, places):
        """kmod with -C takes one directory after the other and no precedence: that is done here."""
        flat = tmp_path / ("flat-" + top.name)
        flat.mkdir()
        for place in reversed(places):
            for file in (top / place / "modprobe.d").glob("*.conf"):
                (flat / file.name).write_text(file.read_text())
        return config(flat)

    wanted = seen(tmp_path / "host", PLACES)
    assert wanted == seen(host.image, PLACES) and len(wanted) == 4, wanted


DATA = SCRIPT.parents[1]
INSTALLS = {  # the hook of each tool, and what stands in for the tool
    "initramfs-tools": ("initramfs-tools/hook.in", """
copy_file() { :; }; copy_exec() { :; }; manual_add_modules() { :; }
CONFDIR=/nowhere DESTDIR=IMAGE; export DESTDIR
""", ""),
    "dracut": ("dracut/module-setup.sh.in", """
for f in inst_simple inst_multiple inst_libdir_file inst_hook dracut_need_initqueue; do eval "$f() { :; }"; done
dracut_module_included() { return 1; }
initdir=IMAGE dracutbasedir=/nowhere moddir=/nowhere
""", "install"),
    "mkinitcpio": ("mkinitcpio/install.in", """
for f in add_file add_binary add_module add_runscript; do eval "$f() { :; }"; done
in_array() { return 1; }
error() { echo "$@" >&2; }
BUILDROOT=IMAGE
""", "build"),
}


@pytest.mark.parametrize("tool", INSTALLS)
def test_each_tool_brings_the_same(host, tmp_path, tool):
    """The hook itself, with all that it calls stood in for but the script."""
    files = {"usr/lib/vfio": VFIO, "etc/masked": None, "usr/lib/masked": "blacklist snd\n", "run/nic": "softdep e1000e pre: x\n",
             "usr/local/lib/other": "options snd x=1\n"}
    wanted = host(files, "e1000e")
    assert sorted(wanted) == ["masked", "nic", "vfio"]
    programs, image = tmp_path / "programs", tmp_path / "made"
    programs.mkdir()
    image.mkdir()
    text = SCRIPT.read_text().replace('places="/etc /run /usr/local/lib /usr/lib /lib"',
                                      f'places="{" ".join(str(tmp_path / "host" / p) for p in PLACES)}"')
    for name, body in (("vfioadm-image-modprobe", text), ("vfioadm", "#!/bin/sh\necho /etc/vfioadm.d/nic.conf\n"),
                       ("vfioadm-early", '#!/bin/sh\n[ "$1" != --host-modules ] || echo e1000e\n')):
        (programs / name).write_text(body)
        (programs / name).chmod(0o755)
    hook, stand_ins, call = INSTALLS[tool]
    text = (DATA / hook).read_text().replace(". /usr/share/initramfs-tools/hook-functions", "")
    for place in ("@bindir@", "@libexecdir@"):
        text = text.replace(place, str(programs))
    shell = "/bin/sh" if tool == "initramfs-tools" else "bash"
    r = subprocess.run([shell, "-c", stand_ins.replace("IMAGE", str(image)) + text + "\n" + call], capture_output=True,
                       text=True, timeout=20)
    assert (r.returncode, r.stderr) == (0, "")
    assert {p.stem: p.read_text() for p in (image / "etc/modprobe.d").iterdir()} == wanted
