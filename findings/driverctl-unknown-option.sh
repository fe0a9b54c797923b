#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 2026-11-30, driverctl 0.111-1 (Debian 12), 0.115-2 (Debian 13) and 0.121-1 (sid)
#
# An option that driverctl does not know prints the usage and exits 0, so "--no-save" for "--nosave" is taken for a
# success in which nothing was done. The same option behind the command exits 1.
#
# Seen: --no-save set-override: usage, status 0; set-override ... --nosave: usage, status 1 (all three versions)
set -e
tmp=$(mktemp -d)
. "$(dirname "$0")/debian.inc"
for suite in bookworm trixie sid; do
	rm -rf "$tmp/driverctl"
	fetch "$suite" driverctl
	driverctl=$(find "$tmp/driverctl" -path '*sbin/driverctl')
	# Both end at their arguments, before any device is looked for.
	before=0; behind=0
	bash "$driverctl" --no-save set-override 0000:00:00.0 vfio-pci >"$tmp/before" 2>&1 || before=$?
	bash "$driverctl" set-override 0000:00:00.0 vfio-pci --nosave >"$tmp/behind" 2>&1 || behind=$?
	echo "driverctl $(version_of driverctl): --no-save before the command: status $before; --nosave behind it: status $behind"
	grep -qi usage "$tmp/before" || changed "no usage is printed"
	[ "$before $behind" = "0 1" ] || changed "other statuses"
done
