#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 2026-11-30, xfsprogs 6.1.0-1 with blkid of util-linux 2.38.1-5 (Debian 12)
#
# Of an XFS on three disks blkid, and so udev, knows two: the log is "xfs_external_log", but the real-time device, which
# has the data of files, looks blank. Nothing on it says that it is used, and udev's database has no ID_FS_TYPE for it.
#
# Seen: data: xfs; log: xfs_external_log; real-time: nothing (status 2)
set -e
tmp=$(mktemp -d)
. "$(dirname "$0")/debian.inc"
fetch bookworm xfsprogs libinih1 liburcu8 libicu72 util-linux
for package in libinih1 liburcu8 libicu72; do
	libraries=$libraries:$(find "$tmp/$package" -name '*.so.*' -printf '%h\n' | head -n 1)
done
truncate -s 512M "$tmp/data"
truncate -s 128M "$tmp/log" "$tmp/real-time"
LD_LIBRARY_PATH=$libraries "$(find "$tmp/xfsprogs" -name mkfs.xfs)" -q -f -l "logdev=$tmp/log,size=100m" \
	-r "rtdev=$tmp/real-time" "$tmp/data"
echo "xfsprogs $(version_of xfsprogs), util-linux $(version_of util-linux)"
for part in data log real-time; do
	status=0
	type=$("$(find "$tmp/util-linux" -path '*sbin/blkid')" -p -s TYPE -o value "$tmp/$part") || status=$?
	echo "$part: ${type:-nothing} (status $status)"
done | tee "$tmp/seen"
cmp -s "$tmp/seen" - <<'EOF' || changed "another answer"
data: xfs (status 0)
log: xfs_external_log (status 0)
real-time: nothing (status 2)
EOF
