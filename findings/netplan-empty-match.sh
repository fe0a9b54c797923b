#!/bin/sh
# 2026-11-30, netplan.io 0.106-2+deb12u1 (Debian 12).
# An ethernet entry with an empty match ("lan: {match: {}, …}") is not about an interface "lan": netplan writes a
# .network file with an empty [Match] section, which systemd-networkd applies to every interface. Nothing in the
# generated file names "lan" or any interface, and generate exits 0 without a warning. Without "match" the same
# entry becomes "[Match] Name=lan".
# Seen: "[Match]" followed by "[Network]"; without match "Name=lan"; status 0 both times.
# Exits 0 as long as it is so, 1 when it has changed, 2 when it could not be tried.
set -u
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
apt-get -qq -o APT::Sandbox::User=root download netplan.io=0.106-2+deb12u1 libnetplan0=0.106-2+deb12u1 2>err ||
	{ cat err; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root || exit 2; done
library=$(dirname "$(find root -name 'libnetplan.so*' | head -n 1)")
match() { # TEXT of the entry: what the section [Match] holds
	rm -rf host && mkdir -p host/etc/netplan
	printf 'network:\n  version: 2\n  ethernets:\n    lan:\n%s      dhcp4: true\n' "$1" >host/etc/netplan/01.yaml
	chmod 600 host/etc/netplan/01.yaml
	LD_LIBRARY_PATH=$library root/usr/libexec/netplan/generate --root-dir host >out 2>&1
	echo "$? $(sed -n '/^\[Match\]/,/^\[Network\]/p' host/run/systemd/network/10-netplan-lan.network |
		grep -v '^\[' | tr -d '\n')$(cat out)"
}
with=$(match '      match: {}
') without=$(match '')
echo "netplan.io $(dpkg-deb -f netplan.io_*.deb Version): empty match: '$with'; no match: '$without'"
[ "$with" = "0 " ] && [ "$without" = "0 Name=lan" ]
