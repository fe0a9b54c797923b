#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 2026-11-30, initramfs-tools 0.148.4 (Debian 13) and the update-initramfs of dracut 112-7 (sid)
#
# Both take /boot for read-only when an option of its mount merely begins with "ro": with SELinux' rootcontext=, or vfat's
# rodir, update-initramfs says "Not updating" and exits 0, although /boot is mounted rw.
#
# Seen, of "/dev/sda1 /boot ext4 rw,relatime,rootcontext=system_u:object_r:boot_t:s0 0 0":
#   initramfs-tools 0.148.4: W: /boot is ro mounted. (status 0)
#   dracut 112-7: W: /boot is ro mounted. (status 0)
set -e
tmp=$(mktemp -d)
. "$(dirname "$0")/debian.inc"

asked() {
	sed -n '/^ro_boot_check()/,/^}/p' "$tmp/$2/usr/sbin/update-initramfs" | sed "s,/proc/mounts,$tmp/mounts,g" >"$tmp/check"
	[ -s "$tmp/check" ] || changed "$2 has no ro_boot_check"
	(
		ischroot() { return 1; }
		initramfs=/boot/initrd.img-6
		. "$tmp/check"
		ro_boot_check
		echo "goes on"
	) 2>"$tmp/err" >"$tmp/out" || changed "$2: status $?"
	echo "$1 $(version_of "$2"): $(head -n 1 "$tmp/err")$(cat "$tmp/out") (status 0)"
}

fetch trixie initramfs-tools
fetch sid dracut
echo "/dev/sda1 /boot ext4 rw,relatime,rootcontext=system_u:object_r:boot_t:s0 0 0" >"$tmp/mounts"
asked initramfs-tools initramfs-tools | tee "$tmp/seen"
asked dracut dracut | tee -a "$tmp/seen"
[ "$(grep -c 'W: /boot is ro mounted. (status 0)' "$tmp/seen")" = 2 ] || changed "another answer"
