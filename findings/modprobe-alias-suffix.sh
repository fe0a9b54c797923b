#!/bin/sh
# 2026-12-01: kmod 30+20221128-1 (Debian 12) and 34.2-2 (Debian 13), modprobe.
#
# modprobe.d(5) speaks of files *.conf only. kmod 30 reads x.alias there as well, with all directives in it; kmod 34
# does not. So an upgrade from Debian 12 to 13 drops options, blacklists and commands without a word.
# And a backslash at the very end of a file becomes part of the last value as the byte 0xff with kmod 30.
# Seen: modprobe -D nvme prints "a=1" with 30, nothing with 34; "b=2" and 0xff with 30, "b=2" with 34.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
DIR=$(mktemp -d)
. "$HERE/modprobe.inc"

insmod="insmod $DIR/lib/modules/6.1.0/nvme.ko "
for suite in bookworm trixie; do
	modprobe_of $suite --version | head -n 1
	rm -f conf/*
	echo 'options nvme a=1' >conf/x.alias
	case $suite in bookworm) seen="${insmod}a=1 " ;; *) seen=$insmod ;; esac
	expect "$suite, x.alias" "$seen" "$(modprobe_of $suite -D nvme)"
	rm -f conf/*
	printf 'options nvme b=2\\' >conf/x.conf
	case $suite in bookworm) seen="${insmod}b=2$(printf '\377') " ;; *) seen="${insmod}b=2 " ;; esac
	expect "$suite, a backslash at the end" "$seen" "$(modprobe_of $suite -D nvme)"
done
