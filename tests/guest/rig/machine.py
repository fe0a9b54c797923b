# SPDX-License-Identifier: LGPL-2.1-or-later
"""A computer that boots from a disk of its own: what it writes there is there after the next boot.

The kernel is the one of the disk, the initramfs is read from the disk before each boot, as a boot
loader would; so whatever a program in the guest made of it is what is booted.
"""

import re
import time
from pathlib import Path

from . import initramfs, machineroot, qemu, releases
from .errors import GuestError, GuestTimeout, RigError
from .filesystem import Filesystem
from .lineups import DISK_SIZE
from .writelog import WriteLog

BOOT_TIMEOUT = 240
SHUTDOWN_TIMEOUT = 120
MEMORY = "1G"
# Each probe of a driver leaves a line in the kernel log, from the initramfs on.
APPEND = ('root=LABEL=root rw log_buf_len=4M dyndbg="func really_probe +p" '
          "systemd.show_status=error 8250.nr_uarts=2")
ROOT_DEVICE = {
    "virtio": "virtio-blk-pci,drive=root,bus=rproot,id=rootdisk",
    "nvme": "nvme,serial=ROOT,drive=root,bus=rproot,id=rootdisk",
}
# 6.1 names the device at the end, 6.12 at the beginning.
PROBING = re.compile(r"(?:(\S+): )?bus: 'pci': \w+: probing driver (\S+) with device ?(\S*)")


class Cards:
    """The -device arguments of a line-up, by their id; changes count from the next boot on."""

    def __init__(self, arguments):
        self._args = list(zip(arguments[::2], arguments[1::2], strict=True))

    def arguments(self):
        return [word for pair in self._args for word in pair]

    @staticmethod
    def _ident(pair):
        m = re.search(r"(?:^|,)id=([^,]+)", pair[1]) if pair[0] == "-device" else None
        return m[1] if m else None

    def _index(self, ident):
        for i, pair in enumerate(self._args):
            if self._ident(pair) == ident:
                return i
        raise RigError(f"there is no card {ident!r}")

    def __contains__(self, ident):
        return any(self._ident(p) == ident for p in self._args)

    def text(self, ident):
        return self._args[self._index(ident)][1]

    def add(self, device, first=False):
        """A -device argument; if it has drive=NAME, there is an empty disk of that name.

        first: before all others, for a port that is to be found before them.
        """
        new = [("-device", device)]
        drive = re.search(r"(?:^|,)drive=([^,]+)", device)
        if drive and not any(f"id={drive[1]}," in a + "," for o, a in self._args if o == "-drive"):
            new.insert(0, ("-drive", f"if=none,id={drive[1]},format=raw,cache=unsafe,"
                                     f"file={{dir}}/{drive[1]}.img"))
        self._args[0 if first else len(self._args):0 if first else len(self._args)] = new

    def remove(self, ident):
        """The device's argument as it was."""
        return self._args.pop(self._index(ident))[1]

    def move(self, ident, bus):
        """Into another port."""
        i = self._index(ident)
        self._args[i] = ("-device", re.sub(r"(^|,)bus=[^,]+", rf"\g<1>bus={bus}", self._args[i][1]))

    def replace(self, ident, device):
        """Another card in the same port."""
        bus = re.search(r"(?:^|,)bus=([^,]+)", self.remove(ident))[1]
        self.add(f"{device},bus={bus}")


class _Power(qemu.Guest):
    """The time from power-on to power-off."""

    def __init__(self, machine, append, devices):
        self._machine = machine
        self._machine_devices = devices
        # Of a release only the machine knows the kernel; it takes the same parameters.
        profile = machineroot.KERNELS[-1] if releases.is_release(machine.kernel) else machine.kernel
        super().__init__(profile, machine.lineup, append=f"{APPEND} {append}",
                         memory=machine.memory, boot_timeout=machine.boot_timeout, start=False)

    def _boot_files(self):
        initrd = self._dir / "initrd"
        self._machine.files.dump(f"/boot/initrd.img-{self._machine.release}", initrd)
        with open(initrd, "ab") as f:
            f.write(bytes(initramfs.FIRMWARE_ROOM))
        return self._machine.system.kernel, initrd

    def _devices(self):
        return self._machine_devices


class Machine:
    """with Machine("debian-6.12", "dracut") as m: m.boot(); m.sh("…"); m.reboot()

    kernel: of machineroot.KERNELS, or of releases.RELEASES. tool: of machineroot.TOOLS. installed: a directory with what
    `meson install` put there, or None. append: kernel parameters for each boot. root: where the
    root file system is, "virtio" or "nvme". others: further kernels on its disk; use() boots them.

    Commands are for the boot that is running: run, sh, popen, put, get, qmp, kernel_log.
    `cards` is the hardware of the next boot, `files` the disk while the machine is off.
    """

    def __init__(self, kernel, tool, lineup="boot", *, installed=None, append="", memory=None,
                 root="virtio", boot_timeout=BOOT_TIMEOUT, others=()):
        if root not in ROOT_DEVICE:
            raise RigError(f"no root {root!r}; there are {', '.join(ROOT_DEVICE)}")
        self.kernel, self.tool, self.lineup = kernel, tool, lineup
        self.append, self.memory, self.root, self.others = append, memory or MEMORY, root, others
        self.boot_timeout = boot_timeout
        self.cards = Cards(qemu.LINEUPS[lineup].devices)
        self.boots = 0
        self.guest = None
        self._log = self._start = None
        # Removed with this object, or at the process's end.
        self._scratch = machineroot.scratch("machine", 2 << 30)
        self._dir = Path(self._scratch.name)
        self._image = self._dir / "root.img"
        self.system = self._make_disk(installed)
        self.release = self.system.release
        self._files = Filesystem(self._image)
        self._quick = False

    def _make_disk(self, installed):
        return machineroot.disk(self.kernel, self.tool, self._image, installed, others=self.others)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def use(self, kernel):
        """Boot with another kernel that is on the disk, as one would choose in a boot loader's menu."""
        self.kernel, self.system = kernel, machineroot.booted_with(kernel, self.tool)
        self.release = self.system.release

    # --- power

    _power = _Power

    @property
    def alive(self):
        return bool(self.guest) and self.guest.alive

    def boot(self, append="", record=False):
        """Switch on and wait until all units have started.

        record: note each write to the disk in order, for power_cut(lose_cache=True) and
        crash_states().
        """
        if self.alive:
            raise RigError("the machine is on")
        self._end()
        self.fulfil_wishes()
        if record:
            self._start = self._dir / "start.img"
            machineroot.copy_sparse(self._image, self._start)
            self._log = self._dir / "writes.log"
            self._log.unlink(missing_ok=True)
            self._log.touch()
        guest = self._power(self, f"{self.append} {append}", self._devices(record))
        # Known before it has booted: a console is wanted most of a boot that fails.
        self.guest = guest
        self.boots += 1
        guest.start()
        return self

    def _devices(self, record):
        root = ["-blockdev", f"driver=file,filename={self._image},node-name=file,cache.no-flush=on",
                "-blockdev", "driver=raw,file=file,node-name=root"]
        if record:
            root[-1] = "driver=raw,file=file,node-name=raw"
            root += ["-blockdev", f"driver=file,filename={self._log},node-name=log,"
                     "cache.no-flush=on", "-blockdev",
                     "driver=blklogwrites,node-name=root,file=raw,log=log,log-sector-size=512"]
        args = [a.replace("{dir}", str(self._dir)) for a in self.cards.arguments()]
        for name in re.findall(r"file=([^,]+\.img)", " ".join(args)):
            self._blank(Path(name))
        return [*args, *root, *self._root_device()]

    def _root_device(self):
        # Last, so that nothing that is added shifts it.
        return ["-device", "pcie-root-port,id=rproot,chassis=200,slot=200,addr=0x1c",
                "-device", ROOT_DEVICE[self.root]]

    def _leave(self, command, timeout):
        self._need_on()
        guest = self.guest
        guest.popen(command, timeout=0)
        if not guest._ended.wait(timeout) or guest._proc.wait(10):
            raise GuestTimeout(f"{command!r} did not end the machine in {timeout} s\n{guest._tail()}")
        self._end()

    def _need_on(self):
        if not self.alive:
            raise GuestError("the machine is off")

    def _end(self):
        if self.guest:
            self.guest.close()
            self.guest = None

    def reboot(self, append="", timeout=SHUTDOWN_TIMEOUT, record=False):
        """In the regular way: all units are stopped, file systems unmounted."""
        self._leave("systemctl reboot", timeout)
        return self.boot(append, record)

    def shutdown(self, timeout=SHUTDOWN_TIMEOUT):
        """In the regular way."""
        self._leave("systemctl poweroff", timeout)

    def power_cut(self, lose_cache=False):
        """At once. What the guest has in memory is lost; what it wrote to its disk stays.

        lose_cache: of that only what it flushed (the boot must have been recorded), as with a
        disk that has a volatile cache and loses all of it.
        """
        self._need_on()
        if lose_cache and not self._log:
            raise RigError("power_cut(lose_cache=True) needs boot(record=True)")
        self._end()
        if lose_cache:
            machineroot.copy_sparse(self._start, self._image)
            WriteLog(self._log).last_state(self._image)

    def close(self):
        self._end()
        self._scratch.cleanup()

    # --- cards while it runs

    def plug(self, device):
        """Put a card in, and leave it in for later boots: "nvme,serial=X,drive=x,bus=rp9,id=new"."""
        self._need_on()
        driver, *rest = device.split(",")
        properties = dict(p.split("=", 1) for p in rest)
        self.cards.add(device)
        if "drive" in properties:
            image = self._dir / f"{properties['drive']}.img"
            self._blank(image)
            self.qmp("blockdev-add", **{"driver": "raw", "node-name": properties["drive"],
                                        "file": {"driver": "file", "filename": str(image)}})
        self.qmp("device_add", driver=driver, **properties)

    def unplug(self, ident, timeout=60):
        """Take a card out; the guest's kernel lets go of it first."""
        address = self.address(ident)
        self.qmp("device_del", id=ident)
        self.wait_for(f"test ! -e /sys/bus/pci/devices/{address}", timeout)
        self.cards.remove(ident)

    @staticmethod
    def _blank(image):
        if not image.exists():
            with open(image, "wb") as f:
                f.truncate(DISK_SIZE)

    # --- the disk

    @property
    def files(self):
        """The root file system, to be looked at and changed while the machine is off."""
        if self.alive:
            raise RigError("the machine is on: its disk cannot be looked at")
        self._files.replay()
        return self._files

    def quick_initramfs(self):
        """From now on the guest's update-initramfs or dracut only notes that it was called.

        The next boot begins with the same program making the initramfs here, out of the guest's
        files: ten seconds instead of a hundred. Its hooks do not see the guest's /sys then.
        """
        program = machineroot.PROGRAM[self.tool]
        self.files.rename(program, program + ".real")
        self.files.write(program, machineroot.STAND_IN, 0o755)
        self._quick = True

    def fulfil_wishes(self):
        """After quick_initramfs(): make each initramfs that was asked for. Returns the calls."""
        if not self._quick or not self.files.exists(machineroot.WISHES):
            return []
        wishes = self.files.read(machineroot.WISHES).decode().splitlines()
        words = " ".join(wishes).split()
        named = [r for r in self.files.names("/usr/lib/modules") if r in words]
        machineroot.make_initramfs(self.files, named or [self.release], self.tool)
        self.files.remove(machineroot.WISHES)
        return wishes

    def mark(self):
        """Where the recording is now, for crash_states(); all that is written before is on disk."""
        self.sh("sync")
        return WriteLog(self._log).length()

    def crash_states(self, start=0):
        """After a recorded boot: the disk as it would be had the power failed at each flush.

        Yields Filesystems, each only good until the next; keep(), to boot from one.
        """
        if self.alive:
            raise RigError("the machine is on: what it wrote cannot be looked at")
        work, state = self._dir / "work.img", self._dir / "state.img"
        machineroot.copy_sparse(self._start, work)
        for point in WriteLog(self._log).states(work, start):
            machineroot.copy_sparse(work, state)
            files = Filesystem(state)
            files.replay()
            files.point = point
            files.keep = lambda s=state: machineroot.copy_sparse(s, self._image)
            yield files

    # --- the boot that is running

    def __getattr__(self, name):
        if name in ("run", "sh", "popen", "put", "get", "qmp", "qemu_command"):
            self._need_on()
            return getattr(self.guest, name)
        raise AttributeError(name)

    @property
    def boot_seconds(self):
        """From power-on to the agent's first word."""
        return self.guest.boot_seconds

    def console(self):
        return self.guest.console() if self.guest else ""

    def kernel_log(self):
        """All of it, the boot's first line included."""
        text = self.sh("dmesg")
        if "Linux version" not in text:
            raise GuestError("the kernel log has lost its beginning")
        return text

    def journal(self, *options):
        return self.run(["journalctl", "-b", "--no-pager", "-o", "short-monotonic", *options]).check().out

    def probes(self, address):
        """The drivers that probed a function in this boot, in order."""
        return [d for before, d, behind in PROBING.findall(self.kernel_log())
                if address in (before, behind)]

    def driver(self, address):
        """The driver that a function is bound to, or ""."""
        return self.sh(f"basename $(readlink /sys/bus/pci/devices/{address}/driver) 2>/dev/null "
                       "|| true").strip()

    def address(self, ident):
        """Where the card is in this boot: behind the port that its bus= names."""
        card = self.cards.text(ident)
        port = self.cards.text(re.search(r"(?:^|,)bus=([^,]+)", card)[1])
        slot, _, function = re.search(r"(?:^|,)addr=0x([0-9a-f.]+)", port)[1].partition(".")
        path = f"/sys/bus/pci/devices/0000:00:{int(slot, 16):02x}.{function or 0}"
        found = re.findall(r"^[0-9a-f]{4}:[0-9a-f]{2}:00\.0$", self.sh(f"ls {path}"), re.M)
        if len(found) != 1:
            raise RigError(f"behind the port of {ident} there are {found or 'no functions'}")
        return found[0]

    def startup(self):
        """Seconds from the kernel's start to multi-user.target."""
        usec = self.sh("systemctl show -P ActiveEnterTimestampMonotonic multi-user.target")
        return int(usec) / 1e6

    def wait_for(self, condition, timeout=30):
        """Until the shell command succeeds."""
        deadline = time.monotonic() + timeout
        while self.run(condition).rc:
            if time.monotonic() > deadline:
                raise GuestTimeout(f"{condition!r} did not become true in {timeout} s")
            time.sleep(0.2)
