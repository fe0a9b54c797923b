# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever kills vfioadm at whatever moment: what is left settles to the state before or the one asked for."""

import pytest

from tool import put_program

# What is proven here is vfioadm's own: one kernel is enough for minutes of it.
pytestmark = pytest.mark.kernels("debian-6.12")

# So often a run of assign or release on two functions makes something lasting: notes in its journal and
# records, each synced, renamed or removed.
SYNCS = 28
MODES = ("process", "group", "all")
DELAYS_US = (0, 20000, 40000, 70000, 110000, 160000, 220000, 300000)

ROUND = r"""
state() {{
	for d in {nic} {disk}; do
		l=$(readlink /sys/bus/pci/devices/$d/driver); read -r o </sys/bus/pci/devices/$d/driver_override
		echo -n "${{l##*/}} $o;"
	done
}}
for how in {hows}; do
	case $(state) in vfio*) verb=release;; *) verb=assign;; esac
	what=$({kill_at} ${{how%/*}} ${{how#*/}} vfioadm $verb {nic} {disk} 2>/dev/null |
		grep -o 'killed$\|ended$')
	vfioadm settle --timeout 20 --lock-wait 20 >/tmp/settled 2>&1
	echo "$how|$verb|$what|$?|$(state)|$(echo $(ls -A /run/vfioadm/journal))|$(tail -n 1 /tmp/settled)"
done
"""


def test_kill_at_every_boundary(host):
    nic, disk = host.nics()[0], host.disks()[0]
    kill_at = put_program(host.guest, "kill-at")
    native = "e1000e (null);nvme (null);"
    vfio = "vfio-pci vfio-pci;vfio-pci vfio-pci;"
    hows = [f"sync:{n}/{mode}" for mode in MODES for n in range(1, SYNCS + 1)]
    hows += [f"usec:{us}/{mode}" for us in DELAYS_US for mode in MODES[:2]]
    out = host.sh(ROUND.format(nic=nic, disk=disk, kill_at=kill_at, hows=" ".join(hows)),
                  timeout=400)
    rounds = [line.split("|") for line in out.splitlines()]
    assert len(rounds) == len(hows)
    bad = [r for r in rounds if r[3] != "0" or r[4] not in (native, vfio) or r[5]]
    assert not bad, bad
    killed = [r for r in rounds if r[2] == "killed"]
    assert len(killed) >= 60, f"only {len(killed)} were killed before they had ended"
    # Both ends are seen, or the test would prove little.
    assert {r[4] for r in killed} == {native, vfio}
    host.vfioadm("release", nic, disk)
    assert host.function(nic).state == ("e1000e", None)


NEXT = r"""
for us in {delays}; do
	for verb in assign release; do
		{kill_at} usec:$us process vfioadm $verb {nic} {disk} >/tmp/killed 2>/dev/null
		vfioadm $verb --timeout 20 {nic} {disk} >/tmp/next 2>&1; rc=$?
		echo "$us|$verb|$(grep -o 'killed$\|ended$' /tmp/killed)|$rc|$(echo $(ls -A /run/vfioadm/journal))|$(tail -n 2 /tmp/next)"
	done
done
"""


def test_next_change_right_after_a_kill(host):
    """The step that the killed one was at is short: the next run waits for it, and neither is busy nor pending."""
    nic, disk = host.nics()[0], host.disks()[0]
    kill_at = put_program(host.guest, "kill-at")
    out = host.sh(NEXT.format(nic=nic, disk=disk, kill_at=kill_at, delays=" ".join(map(str, range(30000, 270000, 30000)))),
                  timeout=120)
    # What the last commands said may be of two lines.
    rounds = [line.split("|") for line in out.splitlines() if line.count("|") == 5]
    assert len(rounds) == 16, out
    assert not [r for r in rounds if r[3] != "0" or r[4]], out
    assert [r for r in rounds if r[2] == "killed"], out
    assert host.function(nic).state == ("e1000e", None)


CROWD = r"""
end=$(($(cut -d. -f1 /proc/uptime) + {seconds}))
one() {{
	while [ $(cut -d. -f1 /proc/uptime) -lt $end ]; do
		case $((RANDOM % 4)) in
		0) set -- {a} {b};; 1) set -- {b} {c};; 2) set -- {c};; 3) set -- {a} {c};;
		esac
		case $((RANDOM % 2)) in 0) verb=assign;; 1) verb=release;; esac
		vfioadm $verb --lock-wait $((RANDOM % 8)) "$@" >/dev/null 2>/tmp/crowd.$ME.err
		echo $? >>/tmp/crowd.$ME
	done
}}
for ME in 0 1 2 3 4 5 6 7 8 9; do (one) & done
wait
cat /tmp/crowd.? | sort | uniq -c
rm -f /tmp/crowd.*
"""


def test_ten_at_once(host):
    """A minute of overlapping changes: no function is lost, nobody waits for ever, nothing is left over."""
    a, b = host.nics()
    c = host.disks()[0]
    before = {d: host.function(d).state for d in (a, b, c)}
    out = host.sh(CROWD.format(a=a, b=b, c=c, seconds=60), timeout=240)
    counts = {int(rc): int(n) for n, rc in (line.split() for line in out.splitlines())}
    assert set(counts) <= {0, 8}, counts
    assert counts[0] > 20, counts
    host.must("settle")
    for d in before:
        assert host.function(d).driver in ("vfio-pci", before[d][0])
    host.must("release", a, b, c)
    assert {d: host.function(d).state for d in before} == before
    assert host.sh("ls -A /run/vfioadm/journal") == ""


# The disk's helper is stopped, so that the one that settles waits for it, and can be met in the middle.
KILL_SETTLERS = r"""
vfioadm assign {nic} {disk} >/dev/null 2>&1 & run=$!
until cat /run/vfioadm/journal/* 2>/dev/null | grep -q '^begin 6'; do kill -0 $run || exit 1; done
kill -STOP $run
read -r helper rest </run/vfioadm/locks/{disk}
kill -STOP $helper
kill -9 $run
late() {{ cat /run/vfioadm/journal/* 2>/dev/null | grep -c '^late$'; }}
settlers() {{ cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -o '[v]fioadm-helper settle' | wc -l; }}
for i in $(seq 100); do [ $(late) = 0 ] || break; usleep 50000; done
usleep 200000
before=$(settlers)
for p in /proc/[0-9]*; do
	case $(tr '\0' ' ' 2>/dev/null <$p/cmdline) in "vfioadm-helper "settle*) kill -9 ${{p#/proc/}};; esac
done
usleep 1500000
between=$(settlers)
kill -CONT $helper
usleep 1500000
echo "$before $between $(settlers) $(late)"
vfioadm settle --lock-wait 5 >/dev/null 2>&1
echo "$? $(ls -A /run/vfioadm/journal | wc -l)"
"""


def test_kill_the_one_that_settles(host):
    """One try, and not one after the other without end; then settle, or whoever changes something next, does it."""
    nic, disk = host.nics()[0], host.disks()[0]
    before = host.function(nic).state, host.function(disk).state
    out = host.sh(KILL_SETTLERS.format(nic=nic, disk=disk), timeout=60)
    met, between, left, late, rc, journals = [int(word) for word in out.split()]
    assert met >= 1 and (between, left, late) == (0, 0, 1), out
    assert (rc, journals) == (0, 0), out
    assert (host.function(nic).state, host.function(disk).state) == before


LIMITS = r"""
for way in S H; do for blocks in 0 1 2 3 4 5 6 8 12; do
	(ulimit -$way -f $blocks; exec vfioadm assign {nic} {disk}) >/dev/null 2>&1
	rc=$?
	usleep 200000
	echo "$way$blocks $rc $(basename $(readlink /sys/bus/pci/devices/{nic}/driver)) $(basename $(readlink \
		/sys/bus/pci/devices/{disk}/driver)) $(pgrep -f '[v]fioadm-helper' | wc -l) $(ls -A /run/vfioadm/journal | wc -l)"
	[ $rc != 0 ] || vfioadm release {nic} {disk} >/dev/null || exit 1
done; done
"""


def test_file_size_limits(host):
    """Blocks of 512 bytes: too small for a record, for a journal, for all; an error, and no death half-way."""
    nic, disk = host.nics()[0], host.disks()[0]
    rounds = [line.split() for line in host.sh(LIMITS.format(nic=nic, disk=disk), timeout=120).splitlines()]
    assert len(rounds) == 18
    done, undone = ["0", "vfio-pci", "vfio-pci", "0", "0"], ["1", "e1000e", "nvme", "0", "0"]
    assert all(r[1:] in (done, undone) for r in rounds), rounds
    assert {r[1] for r in rounds} == {"0", "1"}, rounds
