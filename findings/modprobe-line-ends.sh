#!/bin/sh
# 2026-11-30: kmod 30+20221128-1 (Debian 12) and 34.2-2 (Debian 13), modprobe.
#
# A file of modprobe.d with the line ends of DOS forbids nothing: the carriage return is part of a module's name.
# "blacklist nvme\r" blacklists "nvme\r", so "modprobe -b" loads nvme, and nothing warns. "options" in the same file
# work, as the kernel takes the carriage return for a blank.
# Seen: --showconfig prints the name with the carriage return; modprobe -D -b nvme prints insmod.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
DIR=$(mktemp -d)
. "$HERE/modprobe.inc"

for suite in bookworm trixie; do
	modprobe_of $suite --version | head -n 1
	printf 'blacklist nvme\n' >conf/a.conf
	expect "$suite, blacklisted" "" "$(modprobe_of $suite -D -b nvme)"
	printf 'blacklist nvme\r\n' >conf/a.conf
	expect "$suite, with line ends of DOS" "insmod $DIR/lib/modules/6.1.0/nvme.ko " "$(modprobe_of $suite -D -b nvme)"
	modprobe_of $suite --showconfig | grep -q "^blacklist nvme$(printf '\r')$"
done
