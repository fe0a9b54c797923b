# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures for tests on real kernels; rig/README.md tells how to use them."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
# What their asserts compared is shown as well.
pytest.register_assert_rewrite("reboots")

from rig import kernels, machineroot, payload, qemu  # noqa: E402
from rig.errors import GuestError, Unavailable  # noqa: E402
from rig.lineups import DEFAULT, LINEUPS  # noqa: E402
from rig.machine import Machine  # noqa: E402
from rig.zmachine import ZMachine  # noqa: E402
from tool import Host  # noqa: E402

# Two cores: more guests at once only make each other slow.
MAX_GUESTS = 2


def pytest_addoption(parser):
    parser.addoption("--kernel", action="append", default=[], metavar="NAME",
                     help="run on these kernels only (may be repeated): " +
                          ", ".join(kernels.KERNELS))


def pytest_configure(config):
    config.addinivalue_line("markers", "kernels(name, …): kernels this test is for")
    config.addinivalue_line("markers", "lineup(name, append=…, root=…): hardware, kernel parameters, "
                            "root='debian' for a whole Debian system")
    config.addinivalue_line("markers", "arch(name): x86_64 or s390x only")
    config.addinivalue_line("markers", "own_guest: boot one that no other test has touched")
    config.addinivalue_line("markers", "initramfs(name, …): tools that make the initramfs of `machine`; "
                            "all of them without")
    config.addinivalue_line("markers", "daily(kernel, initramfs): with other kernels and tools this test "
                            "of `machine` is a long one")
    config.addinivalue_line("markers", "long: takes minutes; only with VFIOADM_TEST_LONG")
    config.addinivalue_line("markers", "no_payload: the test does not need vfioadm in the guest")


def _wanted(config):
    names = config.getoption("--kernel") or os.environ.get("VFIOADM_TEST_KERNELS", "").split()
    unknown = [n for n in names if n not in kernels.KERNELS]
    if unknown:
        raise pytest.UsageError(f"no such kernel: {', '.join(unknown)}")
    return names or list(kernels.KERNELS)


def _arch(item_or_metafunc):
    marker = item_or_metafunc.definition.get_closest_marker("arch")
    return marker.args[0] if marker else None


def pytest_generate_tests(metafunc):
    if "initramfs" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("initramfs")
        metafunc.parametrize("initramfs", marker.args if marker else list(machineroot.TOOLS))
    if "kernel" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("kernels")
    line = metafunc.definition.get_closest_marker("lineup")
    names = [n for n in _wanted(metafunc.config) if not marker or n in marker.args]
    arch = _arch(metafunc) or (LINEUPS[line.args[0]].arch if line and line.args else None)
    if arch:
        names = [n for n in names if kernels.KERNELS[n].arch == arch]
    if "machine" in metafunc.fixturenames:
        names = [n for n in names if n in machineroot.KERNELS]
    metafunc.parametrize("kernel", names, scope="session")


def _for_no_kernel(item):
    """A test of another architecture or kernel than those asked for: pytest marks it to be skipped."""
    return any("empty parameter set" in m.kwargs.get("reason", "")
               for m in item.iter_markers("skip"))


def _is_long(item):
    daily = item.get_closest_marker("daily")
    params = item.callspec.params if daily else {}
    return item.get_closest_marker("long") or (
        daily and (params["kernel"], params["initramfs"]) != daily.args)


def _left_out(item):
    return _for_no_kernel(item) or (_is_long(item) and not os.environ.get("VFIOADM_TEST_LONG"))


def pytest_collection_modifyitems(config, items):
    """Keep tests of one guest together, so that each is booted once; leave out what is not for them."""
    config.hook.pytest_deselected(items=[i for i in items if _left_out(i)])
    items[:] = [i for i in items if not _left_out(i)]

    def key(item):
        line = item.get_closest_marker("lineup")
        name = item.callspec.params.get("kernel", "") if hasattr(item, "callspec") else ""
        order = list(kernels.KERNELS)
        return (order.index(name) if name in order else -1,
                str((line.args, sorted(line.kwargs.items()))) if line else "",
                bool(item.get_closest_marker("own_guest")))
    items.sort(key=key)


class Guests:
    """Booted guests by what makes them different; the least recently used one gives way."""

    def __init__(self):
        self._guests = {}

    def get(self, key, boot):
        guest = self._guests.pop(key, None)
        if guest and not guest.alive:
            guest.close()
            guest = None
        if not guest:
            self.make_room()
            guest = boot()
        self._guests[key] = guest
        return guest

    def make_room(self):
        while len(self._guests) >= MAX_GUESTS:
            self._guests.pop(next(iter(self._guests))).close()

    def drop(self, key):
        guest = self._guests.pop(key, None)
        if guest:
            guest.close()

    def close(self):
        for key in list(self._guests):
            self.drop(key)


@pytest.fixture(scope="session")
def guests():
    pool = Guests()
    yield pool
    pool.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    guest = getattr(item, "_guest", None)
    if report.failed and guest:
        report.sections.append(("guest console (end)", guest.console()[-6000:]))
    if report.failed and call.excinfo and call.excinfo.errisinstance(GuestError):
        item._guest_broken = True


def _payload(request, arch):
    if request.node.get_closest_marker("no_payload"):
        return {}
    return payload.from_build(arch)


@pytest.fixture
def guest(request, kernel, guests):
    """A running guest with vfioadm in it, shared by all tests with the same kernel and line-up.

    A test that leaves something changed behind marks itself own_guest or cleans up.
    """
    arch = kernels.KERNELS[kernel].arch
    marker = request.node.get_closest_marker("lineup")
    lineup = marker.args[0] if marker and marker.args else DEFAULT[arch]
    options = {"append": "", "root": None, **(marker.kwargs if marker else {})}
    own = request.node.get_closest_marker("own_guest") is not None
    try:
        content = _payload(request, arch)
        key = (kernel, lineup, *sorted(options.items()), bool(content),
               request.node.nodeid if own else None)
        booted = guests.get(key, lambda: qemu.Guest(kernel, lineup, **options, **content))
    except Unavailable as e:
        pytest.skip(str(e))
    request.node._guest = booted
    yield booted
    # A guest that did not answer is of no use to the next test.
    if own or getattr(request.node, "_guest_broken", False) or not booted.alive:
        guests.drop(key)


def _own_machine(request, guests, build):
    try:
        built = build()
    except Unavailable as e:
        pytest.skip(str(e))
    guests.make_room()
    request.node._guest = built
    yield built
    built.close()


@pytest.fixture
def machine(request, kernel, initramfs, guests):
    """A computer with a disk of its own and vfioadm installed on it; the test switches it on.

    lineup("boot", append=…, root="virtio" or "nvme") says which; each test has one for itself.
    """
    marker = request.node.get_closest_marker("lineup")
    lineup = marker.args[0] if marker and marker.args else "boot"
    bare = request.node.get_closest_marker("no_payload")
    yield from _own_machine(request, guests, lambda: Machine(
        kernel, initramfs, lineup, installed=None if bare else payload.installed("x86_64"),
        **(marker.kwargs if marker else {})))


@pytest.fixture
def zmachine(request, kernel, guests):
    """The same for s390x, IPLed from its disk; a test of it marks itself arch("s390x")."""
    yield from _own_machine(request, guests,
                            lambda: ZMachine(kernel, installed=payload.installed("s390x")))


@pytest.fixture
def host(request, guest):
    """vfioadm and the kernel in a guest; a test must leave every function as it found it."""
    h = Host(guest)
    before = h.state()
    yield h
    after = h.state()
    if before != after:
        request.node._guest_broken = True
        changed = [f"{a}: {before.get(a)} before, {after.get(a)} after"
                   for a in sorted(set(before) | set(after)) if before.get(a) != after.get(a)]
        pytest.fail("the test left the host changed: " + "; ".join(changed))
