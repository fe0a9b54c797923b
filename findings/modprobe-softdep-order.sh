#!/bin/sh
# 2026-11-30: kmod 30+20221128-1 (Debian 12) and 34.2-2 (Debian 13), modprobe.
#
# The name of a file in modprobe.d decides whether its "softdep" counts at all. depmod's list modules.softdep is sorted
# among the files, and of a module's soft dependencies the first line found is the only one. vfio has one in that list
# (post: vfio_iommu_type1), without which no guest can open a group. So
#     softdep vfio pre: nvme
# in vfio.conf is never read ("v" is behind "m"), and in a.conf it takes vfio_iommu_type1 away: vfio-pci is loaded
# without the module that makes it usable, and nothing says so.
set -eu
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
cd "$DIR"

# From where this machine's apt has Debian, with lists of its own: nothing of the machine changes.
URI=$(apt-get indextargets --format '$(REPO_URI)' | grep '/debian/*$' | head -n 1)
get() { # suite, packages: unpacked in ./SUITE
	suite=$1
	shift
	mkdir -p "$suite/lists/partial" "$suite/cache/archives/partial" "$suite/deb"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $URI $suite main" >"$suite/sources.list"
	printf '%s\n' "Dir::State::Lists \"$DIR/$suite/lists\";" "Dir::Cache \"$DIR/$suite/cache\";" \
		"Dir::Etc::SourceList \"$DIR/$suite/sources.list\";" 'Dir::Etc::SourceParts "/dev/null";' \
		'APT::Sandbox::User "root";' >"$suite/apt.conf"
	(cd "$suite/deb" && APT_CONFIG="$DIR/$suite/apt.conf" apt-get -qq update &&
		APT_CONFIG="$DIR/$suite/apt.conf" apt-get -qq download "$@") >/dev/null
	for deb in "$suite"/deb/*.deb; do dpkg-deb -x "$deb" "$suite"; done
}

get bookworm kmod=30+20221128-1 libkmod2=30+20221128-1
get trixie kmod=34.2-2 libkmod2=34.2-2 liblzma5 libzstd1 libssl3t64 libc6 zlib1g

# Made modules that need one another as the real ones do; modprobe only prints (-D), also what is loaded here.
mkdir -p lib/modules/6.1.0 conf
for m in vfio vfio_pci vfio_iommu_type1 nvme; do
	case $m in
	vfio) echo 'const char e[] __attribute__((section("__ksymtab_strings"))) = "vfio_x";' ;;
	nvme) echo 'int x;' ;;
	*) echo 'extern void vfio_x(void); void f(void); void f(void) { vfio_x(); }' ;;
	esac | cc -x c -c -o "lib/modules/6.1.0/$m.ko" -
done
depmod -b "$DIR" 6.1.0 2>/dev/null
modprobe_of() { # suite, arguments
	suite=$1
	shift
	set -- -C "$DIR/conf" -d "$DIR" -S 6.1.0 "$@"
	kmod=$(ls "$suite"/usr/bin/kmod "$suite"/bin/kmod 2>/dev/null | head -n 1)
	mkdir -p "$suite/run"
	ln -sf "$DIR/$kmod" "$suite/run/modprobe"
	libs=$(find "$DIR/$suite" -name 'lib*.so.*' -printf '%h\n' | sort -u | paste -sd :)
	loader=$(find "$DIR/$suite" -name 'ld-linux-x86-64.so.2' | head -n 1)
	if [ "$loader" ]; then
		"$loader" --argv0 modprobe --library-path "$libs" "$DIR/$kmod" "$@"
	else
		LD_LIBRARY_PATH=$libs "$DIR/$suite/run/modprobe" "$@"
	fi
}
expect() { # words, what is expected, what was seen
	printf '%s:\n%s\n' "$1" "$3"
	[ "$2" = "$3" ] || { printf 'expected:\n%s\n' "$2"; exit 1; }
}

echo 'softdep vfio post: vfio_iommu_type1' >lib/modules/6.1.0/modules.softdep
for suite in bookworm trixie; do
	rm -f conf/*
	modprobe_of $suite --version | head -n 1
	expect "$suite, as packaged" "insmod $DIR/lib/modules/6.1.0/vfio.ko 
insmod $DIR/lib/modules/6.1.0/vfio_iommu_type1.ko 
insmod $DIR/lib/modules/6.1.0/vfio_pci.ko " "$(modprobe_of $suite -D vfio-pci | uniq)"
	echo 'softdep vfio pre: nvme' >conf/vfio.conf
	expect "$suite, in vfio.conf" "insmod $DIR/lib/modules/6.1.0/vfio.ko 
insmod $DIR/lib/modules/6.1.0/vfio_iommu_type1.ko 
insmod $DIR/lib/modules/6.1.0/vfio_pci.ko " "$(modprobe_of $suite -D vfio-pci | uniq)"
	mv conf/vfio.conf conf/a.conf
	expect "$suite, in a.conf" "insmod $DIR/lib/modules/6.1.0/nvme.ko 
insmod $DIR/lib/modules/6.1.0/vfio.ko 
insmod $DIR/lib/modules/6.1.0/vfio_pci.ko " "$(modprobe_of $suite -D vfio-pci | uniq)"
done
