#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 2026-11-30, bcache-tools 1.0.8 with blkid of util-linux 2.38.1-5 (Debian 12)
#
# blkid, and so udev, says the same of a bcache's cache and of what it caches: TYPE bcache, with the UUID of the device.
# Neither which of the two it is nor the UUID of the cache set, by which they belong together, is told.
#
# Seen: cache: TYPE=bcache UUID=(of the device), backing: the same keys; the set's UUID nowhere
set -e
tmp=$(mktemp -d)
. "$(dirname "$0")/debian.inc"
fetch bookworm bcache-tools util-linux
truncate -s 64M "$tmp/cache" "$tmp/backing"
make=$(find "$tmp/bcache-tools" -path '*sbin/make-bcache')
set=$("$make" -C "$tmp/cache" | sed -n 's/^Set UUID:[[:blank:]]*//p')
"$make" -B "$tmp/backing" >"$tmp/log"
[ "$set" ] || changed "make-bcache names no set"
echo "bcache-tools $(version_of bcache-tools), util-linux $(version_of util-linux)"
for part in cache backing; do
	"$(find "$tmp/util-linux" -path '*sbin/blkid')" -p -o udev "$tmp/$part" >"$tmp/says"
	if grep -q "$set" "$tmp/says"; then changed "the set of $part is told"; fi
	echo "$part: $(sed 's/=.*//; /_ENC$/d' "$tmp/says" | sort | tr '\n' ' ')$(sed -n 's/^ID_FS_TYPE=//p' "$tmp/says")"
done | tee "$tmp/seen"
[ "$(sed 's/.*: //' "$tmp/seen" | sort -u)" = "ID_FS_TYPE ID_FS_USAGE ID_FS_UUID bcache" ] || changed "another answer"
