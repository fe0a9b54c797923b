#!/bin/sh
# 2026-11-30, ifupdown 0.8.41 (Debian 12).
# "source-directory DIR" in /etc/network/interfaces passes over files whose names have a dot (lan.cfg) without a
# word, and ifquery exits 0; "source DIR/*" reads the same file. So whether an interface is configured cannot be
# told from the files in interfaces.d alone: it depends on which of the two lines names the directory.
# Seen: with source-directory "lo lan1", with source "lo lan0 lan1"; no message, status 0 both times.
# Exits 0 as long as it is so, 1 when it has changed, 2 when it could not be tried.
set -u
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
apt-get -qq -o APT::Sandbox::User=root download ifupdown=0.8.41 2>err || { cat err; exit 2; }
dpkg-deb -x ./*.deb root || exit 2
mkdir interfaces.d
printf 'auto lan0\niface lan0 inet dhcp\n' >interfaces.d/lan.cfg
printf 'auto lan1\niface lan1 inet dhcp\n' >interfaces.d/lan1
echo "source-directory $dir/interfaces.d" >by-directory
echo "source $dir/interfaces.d/*" >by-glob
ask() { # FILE: the interfaces, blanks between; whatever is said besides
	root/sbin/ifquery -i "$1" --list --all >out 2>err
	echo "$? $(tr '\n' ' ' <out | sed 's/ $//') $(cat err)"
}
one=$(ask by-directory) two=$(ask by-glob)
echo "ifupdown $(dpkg-deb -f ./*.deb Version): source-directory: $one; source: $two"
[ "$one" = "0 lo lan1 " ] && { [ "$two" = "0 lo lan0 lan1 " ] || [ "$two" = "0 lo lan1 lan0 " ]; }
