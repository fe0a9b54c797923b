#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 2026-11-30, initramfs-tools-core 0.142+deb12u3 (Debian 12) and 0.148.4 (Debian 13)
#
# A comment behind a module in /etc/initramfs-tools/modules is no comment: the whole line goes into the image, whose
# init gives each word of it to modprobe. "vfio_pci ids=A # ids=B" so gives ids=A and ids=B, and the kernel keeps B.
#
# Seen: conf/modules of the image has "vfio_pci ids=10de:2184 # ids=10de:1aeb"; init runs "modprobe $m", unquoted
set -e
tmp=$(mktemp -d)
. "$(dirname "$0")/debian.inc"
for suite in bookworm trixie; do
	rm -rf "$tmp/initramfs-tools-core" "$tmp/image"
	fetch "$suite" initramfs-tools-core
	tools=$tmp/initramfs-tools-core/usr/share/initramfs-tools
	mkdir -p "$tmp/image/conf"
	echo 'vfio_pci ids=10de:2184 # ids=10de:1aeb' >"$tmp/modules"
	# Only the list is of interest, not the modules themselves.
	DESTDIR=$tmp/image sh -c '. "$1/hook-functions"; manual_add_modules() { :; }; add_modules_from_file "$2"' \
		sh "$tools" "$tmp/modules"
	echo "initramfs-tools-core $(version_of initramfs-tools-core): $(cat "$tmp/image/conf/modules")"
	[ "$(cat "$tmp/image/conf/modules")" = "$(cat "$tmp/modules")" ] || changed "the comment is not copied"
	grep -q '/sbin/modprobe $m$' "$tools/scripts/functions" || changed "init calls modprobe in another way"
done
