# SPDX-License-Identifier: LGPL-2.1-or-later
"""A QEMU guest with one of our kernels, and a channel to run commands in it."""

import atexit
import concurrent.futures
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

from . import initramfs, kernels
from .errors import GuestError, GuestTimeout, RigError, Unavailable
from .lineups import DEFAULT, DISK_SIZE, LINEUPS

BOOT_TIMEOUT = 60
COMMAND_TIMEOUT = 30
# What the host allows on top of the guest's own deadline before it calls the guest dead.
CHANNEL_GRACE = 15
# Bytes that may be under way to a UART: its FIFO plus what the tty layer surely holds.
WINDOW = 2048
COMPRESSED = 0x80

FLAG_TIMEOUT, FLAG_UNKILLABLE, FLAG_NOT_STARTED = 1, 2, 4

# One thread for both processors: with two, QEMU 10.0 now and then fails an assertion
# (iotlb_to_section) when the memory map changes under an IOMMU, or the guest loses a timer.
MACHINE = {
    "x86_64": ["qemu-system-x86_64", "-machine", "q35,kernel-irqchip=split",
               "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2"],
    "s390x": ["qemu-system-s390x", "-machine", "s390-ccw-virtio,accel=tcg", "-cpu", "max",
              "-smp", "1"],
}
# Self-tests of the crypto code take seconds under emulation.
NO_SELFTESTS = "cryptomgr.notests initcall_blacklist=init_encrypted,jent_mod_init,crypto_kdf108_init"
APPEND = {
    "x86_64": f"console=ttyS0 panic=-1 quiet {NO_SELFTESTS} usb-storage.delay_use=0 "
              "tsc=reliable no_timer_check random.trust_cpu=on rig.channel=ttyS1",
    "s390x": f"console=ttysclp0 panic=-1 quiet nokaslr {NO_SELFTESTS} rig.channel=virtio",
}

# setpriv's --pdeathsig acts when the starting *thread* ends, so one thread that lives as long
# as the process starts every QEMU.
_starter = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="qemu-starter")
_running = set()


def _popen(*args, **kwargs):
    return _starter.submit(lambda: subprocess.Popen(*args, **kwargs)).result()


def _stop_all():
    for guest in list(_running):
        guest.close()


atexit.register(_stop_all)


def stop_on_sigterm():
    """Turn SIGTERM into a normal exit, so that guests are closed and files removed.

    Without it QEMU is still killed by the kernel when this process goes.
    """
    def handler(signum, frame):
        sys.exit(128 + signum)
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, handler)


class Result(tuple):
    """(rc, stdout, stderr); rc is negative for a signal. Text unless asked for bytes."""

    def __new__(cls, rc, out, err, command=""):
        self = super().__new__(cls, (rc, out, err))
        self.command = command
        return self

    rc = property(lambda self: self[0])
    out = property(lambda self: self[1])
    err = property(lambda self: self[2])

    def check(self):
        if self.rc:
            raise GuestError(f"{self.command!r} in the guest: status {self.rc}\n"
                             f"stdout: {self.out[-2000:]}\nstderr: {self.err[-2000:]}")
        return self


class Job:
    """A command that runs in the guest."""

    def __init__(self, guest, ident, command, timeout, text, on_output=None):
        self._guest, self.id, self.command = guest, ident, command
        self._on_output = on_output
        self._timeout, self._text = timeout, text
        self._out, self._err, self._data = [], [], []
        self._done = threading.Event()
        self.status = self.flags = None
        self._started = time.monotonic()

    def _frame(self, kind, payload):
        if self._on_output and kind in b"OX":
            self._on_output(1 if kind == b"O" else 2, payload)
        if kind == b"O":
            self._out.append(payload)
        elif kind == b"X":
            self._err.append(payload)
        elif kind == b"D":
            self._data.append(payload)
        elif kind == b"E":
            self.status, self.flags = struct.unpack(">iI", payload)
            self._done.set()

    @property
    def running(self):
        return not self._done.is_set()

    def output(self):
        """stdout so far."""
        return self._convert(self._out)

    def _convert(self, chunks):
        data = b"".join(chunks)
        return data.decode("utf-8", "replace") if self._text else data

    def kill(self, sig=signal.SIGKILL):
        """Signal the command's process group."""
        self._guest._send(b"K", self.id, struct.pack(">I", int(sig)))

    def wait(self, timeout=None):
        """Result of the command; GuestTimeout when its deadline (or `timeout`) passed."""
        if timeout is None and self._timeout:
            timeout = self._timeout + CHANNEL_GRACE - (time.monotonic() - self._started)
        self._guest._wait(self._done, timeout, self.command)
        if self.flags & FLAG_NOT_STARTED:
            raise GuestError(f"{self.command!r} could not be started in the guest")
        result = Result(self.status, self._convert(self._out), self._convert(self._err),
                        self.command)
        if self.flags & FLAG_TIMEOUT:
            stuck = " and cannot be killed" if self.flags & FLAG_UNKILLABLE else ""
            error = GuestTimeout(f"{self.command!r} did not finish in {self._timeout} s{stuck}\n"
                                 f"stdout: {result.out[-2000:]}\nstderr: {result.err[-2000:]}")
            error.result = result
            raise error
        return result


class Guest:
    """with Guest("debian-6.12", "standard") as g: g.run("lspci")

    kernel: a name of kernels.KERNELS. lineup: a name of lineups.LINEUPS.
    programs: {path in the guest: path here}, put in with their libraries; lib_dirs is searched
    first for those. files: {path in the guest: bytes or a path here}.
    root: "debian" for a whole Debian system instead of the initramfs (x86-64, much slower).
    append: further kernel parameters; a word starting with '-' removes the default of that
    name (append="-intel_iommu"). devices: further QEMU arguments.
    """

    def __init__(self, kernel=None, lineup=None, *, programs=None, lib_dirs=(), files=None,
                 lib_root=None, append="", memory=None, devices=(), console=None,
                 boot_timeout=None, interactive=False, root=None, start=True):
        kernel = kernel or kernels.DEFAULT["x86_64"]
        if kernel not in kernels.KERNELS:
            raise RigError(f"no kernel {kernel!r}; there are {', '.join(kernels.KERNELS)}")
        reason = kernels.available(kernel)
        if reason:
            raise Unavailable(reason)
        self.kernel = kernels.KERNELS[kernel]
        self.arch = self.kernel.arch
        self.lineup_name = lineup or DEFAULT[self.arch]
        if self.lineup_name not in LINEUPS:
            raise RigError(f"no line-up {lineup!r}; there are {', '.join(LINEUPS)}")
        self.lineup = LINEUPS[self.lineup_name]
        if self.lineup.arch != self.arch:
            raise RigError(f"line-up {self.lineup_name} is for {self.lineup.arch}, kernel "
                           f"{kernel} for {self.arch}")
        self.programs, self.lib_dirs, self.files = programs or {}, lib_dirs, files or {}
        self.lib_root = lib_root
        self.append, self.memory = append, memory or self.lineup.memory
        self.extra_devices, self.interactive = tuple(devices), interactive
        if root not in (None, "debian") or (root and self.arch != "x86_64"):
            raise RigError(f"no root {root!r} for {self.arch}")
        self.root = root
        if root:
            from . import debianroot
            self._debianroot = debianroot
            self.memory = memory or debianroot.MEMORY
            boot_timeout = boot_timeout or debianroot.BOOT_TIMEOUT
        # None: BOOT_TIMEOUT, and a second try.
        self.boot_timeout = boot_timeout
        self.boot_seconds = None
        self._dir = self._proc = self._agent = self._qmp = None
        self._ids = itertools.count(1)
        self._send_lock, self._qmp_lock = threading.Lock(), threading.Lock()
        self._credit = threading.Condition()
        self._flow_control = True
        self._console_copy = Path(console) if console else None
        if start:
            self.start()

    # --- life

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def start(self):
        stop_on_sigterm() if threading.current_thread() is threading.main_thread() else None
        if not shutil.which(MACHINE[self.arch][0]):
            raise Unavailable(f"{MACHINE[self.arch][0]} is not installed; run scripts/setup guest")
        try:
            self._boot(self.boot_timeout or BOOT_TIMEOUT)
        except GuestError as e:
            # A machine busy with other things, or QEMU itself; what it was is not hidden.
            if self.boot_timeout:
                raise
            print(f"rig: {e}\nrig: the guest did not come up, trying once more", file=sys.stderr)
            self._boot(2 * BOOT_TIMEOUT)

    def _boot(self, timeout):
        self._dir = Path(tempfile.mkdtemp(prefix="vfioadm-guest-"))
        self._jobs, self._unacked, self._qmp_ready = {}, 0, False
        self._hello, self._ended = threading.Event(), threading.Event()
        _running.add(self)
        try:
            self._launch()
            if not self.interactive:
                self._wait(self._hello, timeout, "booting")
        except BaseException:
            self.close()
            raise

    def _boot_files(self):
        """The kernel and the initramfs that QEMU loads."""
        files = {"/etc/motd": self.banner().encode(), **self.files}
        initrd = self._dir / "initrd"
        if self.root:
            base = self._debianroot.image() / "root.cpio"
            extra = self._debianroot.payload(self.kernel, self.programs, self.lib_dirs, files,
                                             self.lib_root)
        else:
            base = initramfs.base(self.kernel.name)
            extra = initramfs.payload(self.arch, self.programs, self.lib_dirs, files,
                                      self.lib_root)
        initramfs.assemble(initrd, base, extra)
        return kernels.fetch(self.kernel.name) / "image", initrd

    def _boot_args(self):
        kernel, initrd = self._boot_files()
        return ["-kernel", str(kernel), "-initrd", str(initrd), "-append", self.command_line()]

    def _launch(self):
        agent, agent_end = socket.socketpair()
        qmp, qmp_end = socket.socketpair()
        self.console_path.touch()
        cmd = ["setpriv", "--pdeathsig", "KILL", *MACHINE[self.arch], "-m", self.memory,
               "-nodefaults", "-no-user-config", "-no-reboot",
               "-display", "none", *self._boot_args(),
               "-chardev", f"socket,id=agent,fd={agent_end.fileno()}",
               "-chardev", f"socket,id=qmp,fd={qmp_end.fileno()}",
               "-mon", "chardev=qmp,mode=control",
               *self._console_args(), *self._platform_args(), *self._devices()]
        self.qemu_command = cmd
        started = time.monotonic()
        with open(self._dir / "qemu.log", "wb") as log:
            self._proc = _popen(cmd, stdin=None if self.interactive else subprocess.DEVNULL,
                                stdout=None if self.interactive else log, stderr=log,
                                pass_fds=(agent_end.fileno(), qmp_end.fileno()))
        agent_end.close()
        qmp_end.close()
        self._agent, self._qmp = agent, qmp.makefile("rwb", buffering=0)
        qmp.close()
        self._started = started
        # A second try has events of its own: the threads keep to those of their boot.
        threading.Thread(target=self._reader, args=(self._agent, self._ended), daemon=True).start()
        threading.Thread(target=self._watch, args=(self._proc, self._ended), daemon=True).start()

    def _console_args(self):
        port = "-serial" if self.arch == "x86_64" else "-chardev"
        if self.interactive:
            # signal=off: Ctrl-C belongs to the guest; Ctrl-A X leaves.
            backend = f"stdio,id=con,signal=off,mux=on,logfile={self.console_path}"
        else:
            backend = f"file,id=con,path={self.console_path}"
        args = ["-chardev", backend]
        if self.interactive:
            args += ["-mon", "chardev=con,mode=readline"]
        if port == "-serial":
            return args + ["-serial", "chardev:con", "-serial", "chardev:agent"]
        return args + ["-device", "sclpconsole,chardev=con", "-device", "virtio-serial-ccw",
                       "-device", "virtserialport,chardev=agent,name=vfioadm.agent"]

    def _devices(self):
        args = [a.replace("{dir}", str(self._dir))
                for a in (*self.lineup.devices, *self.extra_devices)]
        for image in re.findall(r"file(?:name)?=([^,]+\.img)", " ".join(args)):
            with open(image, "wb") as f:
                f.truncate(DISK_SIZE)
        return args

    def _platform_args(self):
        if self.arch != "x86_64":
            return []
        args = []
        if self.lineup.iommu:
            args += ["-device", self.lineup.iommu]
        if self.lineup.vga:
            args += ["-vga", "std"]
        return args

    def banner(self):
        what = "\n".join(f"  * {line}" for line in self.lineup.about)
        tool = "\nvfioadm is on the path: try 'vfioadm list'." \
            if any(t.endswith("/vfioadm") for t in self.programs) else ""
        return (f"\nAn emulated {self.arch} machine running {kernels.info(self.kernel.name)[1]}\n"
                f"Hardware:\n{what}\n{tool}\nNothing here touches the real machine. "
                f"Leave with 'poweroff', or Ctrl-A X.\n\n")

    def wait(self):
        """Until the guest powers off; for interactive ones."""
        self._ended.wait()
        return self._proc.wait()

    def command_line(self):
        words = APPEND[self.arch].split()
        if self.arch == "x86_64" and "intel_iommu" not in self.lineup.append:
            words.append("intel_iommu=on")
        words += self.kernel.append.split() + self.lineup.append.split()
        for word in self.append.split():
            if word.startswith("-"):
                words = [w for w in words if w.partition("=")[0] != word[1:]]
            else:
                words.append(word)
        return " ".join(words)

    def _watch(self, proc, ended):
        proc.wait()
        ended.set()
        with self._credit:
            self._credit.notify_all()

    def close(self):
        """End QEMU at once. The console log of a guest in trouble is read before this."""
        _running.discard(self)
        proc = self._proc
        if proc and proc.poll() is None:
            proc.kill()
        if proc:
            proc.wait()
        for f in (self._agent, self._qmp):
            if f:
                f.close()
        if self._dir:
            if self._console_copy and self.console_path.exists():
                self._console_copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.console_path, self._console_copy)
            shutil.rmtree(self._dir, ignore_errors=True)
            self._dir = None

    def shutdown(self, timeout=20):
        """Power the guest off in the regular way, then close."""
        if self.alive:
            self.popen("poweroff -f", timeout=0)
            self._ended.wait(timeout)
        self.close()

    @property
    def alive(self):
        return bool(self._proc) and self._proc.poll() is None

    @property
    def console_path(self):
        return self._dir / "console.log"

    def console(self):
        """All that the kernel and the shell said on the console."""
        try:
            return self.console_path.read_text(errors="replace")
        except (OSError, TypeError):
            return ""

    def _tail(self):
        try:
            log = (self._dir / "qemu.log").read_text(errors="replace")
        except (OSError, TypeError):
            log = ""
        return (f"kernel {self.kernel.name}, line-up {self.lineup_name}\n--- console\n"
                f"{self.console()[-4000:]}\n--- qemu\n{log[-1500:]}")

    # --- channel

    @staticmethod
    def _receive(channel, n):
        parts = []
        while n:
            data = channel.recv(min(n, 1 << 16))
            if not data:
                raise ConnectionError
            parts.append(data)
            n -= len(data)
        return b"".join(parts)

    def _reader(self, channel, ended):
        try:
            while True:
                kind, ident, length = struct.unpack(">c3xII", self._receive(channel, 12))
                payload = self._receive(channel, length)
                if kind[0] & COMPRESSED:
                    kind, payload = bytes([kind[0] & ~COMPRESSED]), zlib.decompress(payload)
                if kind == b"H":
                    self._flow_control = bool(struct.unpack_from(">I", payload)[0])
                    self.boot_seconds = time.monotonic() - self._started
                    self._hello.set()
                elif kind == b"A":
                    with self._credit:
                        self._unacked -= struct.unpack(">I", payload)[0]
                        self._credit.notify_all()
                elif ident in self._jobs:
                    self._jobs[ident]._frame(kind, payload)
                    if kind == b"E":
                        del self._jobs[ident]
        except (OSError, ConnectionError, ValueError):
            ended.set()

    def _wait(self, event, timeout, what):
        deadline = None if timeout is None else time.monotonic() + max(timeout, 0.01)
        while not event.wait(0.2 if deadline is None else
                             min(0.2, max(0.001, deadline - time.monotonic()))):
            if self._ended.is_set() and not event.wait(0.2):
                raise GuestError(f"the guest ended while {what!r}\n{self._tail()}")
            if deadline is not None and time.monotonic() >= deadline:
                raise GuestTimeout(f"the guest gave no answer to {what!r} in {timeout:.0f} s\n"
                                   f"{self._tail()}")

    def _send(self, kind, ident, payload):
        data = struct.pack(">c3xII", kind, ident, len(payload)) + payload
        with self._send_lock:
            try:
                self._send_paced(data)
            except OSError as e:
                raise GuestError(f"the guest's channel is closed: {e}\n{self._tail()}") from e

    def _send_paced(self, data):
        if not self._flow_control:
            self._agent.sendall(data)
            return
        view, deadline = memoryview(data), time.monotonic() + 60
        while view:
            with self._credit:
                while self._unacked >= WINDOW:
                    if self._ended.is_set() or time.monotonic() > deadline:
                        raise GuestError(f"the guest does not read its channel\n{self._tail()}")
                    self._credit.wait(1)
                n = min(len(view), WINDOW - self._unacked)
                self._unacked += n
            self._agent.sendall(view[:n])
            view, deadline = view[n:], time.monotonic() + 60

    def _request(self, kind, payload, command, timeout, text=True, on_output=None):
        job = Job(self, next(self._ids), command, timeout, text, on_output)
        self._jobs[job.id] = job
        self._send(kind, job.id, payload)
        return job

    # --- what tests use

    def popen(self, command, *, timeout=COMMAND_TIMEOUT, env=None, stdin=b"", text=True,
              on_output=None):
        """Start a command and return its Job. A string goes through sh, a list does not.

        on_output(1 or 2, bytes) sees stdout and stderr as they come, in a thread of its own.

        The guest kills the command's process group at `timeout` seconds; 0 means no deadline.
        """
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else list(map(str, command))
        shown = command if isinstance(command, str) else shlex.join(argv)
        env = [f"{k}={v}" for k, v in (env or {}).items()]
        payload = struct.pack(">III", int(timeout * 1000), len(argv), len(env))
        payload += b"".join(s.encode("utf-8", "surrogateescape") + b"\0" for s in argv + env)
        payload += stdin.encode() if isinstance(stdin, str) else stdin
        return self._request(b"R", payload, shown, timeout, text, on_output)

    def run(self, command, **kwargs):
        """Run a command to its end: Result (rc, stdout, stderr); GuestTimeout at its deadline."""
        return self.popen(command, **kwargs).wait()

    def sh(self, command, **kwargs):
        """stdout of a command that must succeed."""
        return self.run(command, **kwargs).check().out

    def put(self, path, data, mode=0o644):
        """Write a file in the guest, over what was there."""
        data = data.encode() if isinstance(data, str) else bytes(data)
        job = self._request(b"W", struct.pack(">I", mode) + path.encode() + b"\0" + data,
                            f"put {path}", 60 + len(data) / 20000)
        self._file_result(job, path)

    def get(self, path):
        """Bytes of a file in the guest."""
        job = self._request(b"G", path.encode() + b"\0", f"get {path}", 120)
        self._file_result(job, path)
        return b"".join(job._data)

    @staticmethod
    def _file_result(job, path):
        job.wait()
        if job.status:
            raise OSError(job.status, os.strerror(job.status), path)

    def kernel_log(self):
        return self.sh("dmesg")

    def qmp(self, command, **arguments):
        """One QMP command; returns its result, raises RigError for QEMU's error."""
        with self._qmp_lock:
            if not self._qmp_ready:
                json.loads(self._qmp.readline())
                self._qmp_ready = True
                self._qmp_roundtrip({"execute": "qmp_capabilities"})
            # QMP names have dashes where Python's arguments have underscores.
            return self._qmp_roundtrip({"execute": command, "arguments": arguments})

    def _qmp_roundtrip(self, request):
        self._qmp.write(json.dumps(request).encode() + b"\n")
        while True:
            line = self._qmp.readline()
            if not line:
                raise GuestError(f"QMP ended\n{self._tail()}")
            answer = json.loads(line)
            if "error" in answer:
                raise RigError(f"QMP {request['execute']}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
