#!/bin/sh
# 2026-11-30: kmod 30+20221128-1 (Debian 12) and 34.2-2 (Debian 13), modprobe.
#
# A soft dependency switches a module's own "install" command off. With
#     install vfio-pci /bin/false
#     softdep vfio-pci pre: vfio_iommu_type1
# modprobe loads vfio-pci: no line says that the first one does not count any more. So a module that is forbidden by
# "install … /bin/false" is free again as soon as any file names a soft dependency of it that exists.
# Seen: "insmod …/vfio_pci.ko" in place of "install /bin/false".
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

echo 'install vfio-pci /bin/false' >conf/a.conf
for suite in bookworm trixie; do
	rm -f conf/b.conf
	modprobe_of $suite --version | head -n 1
	expect "$suite, install alone" "insmod $DIR/lib/modules/6.1.0/vfio.ko 
install /bin/false " "$(modprobe_of $suite -D vfio-pci | uniq)"
	echo 'softdep vfio-pci pre: vfio_iommu_type1' >conf/b.conf
	expect "$suite, with a soft dependency" "insmod $DIR/lib/modules/6.1.0/vfio.ko 
insmod $DIR/lib/modules/6.1.0/vfio_iommu_type1.ko 
insmod $DIR/lib/modules/6.1.0/vfio_pci.ko " "$(modprobe_of $suite -D vfio-pci | uniq)"
	echo 'softdep vfio-pci pre: not_there' >conf/b.conf
	expect "$suite, with one that does not exist" "insmod $DIR/lib/modules/6.1.0/vfio.ko 
install /bin/false " "$(modprobe_of $suite -D vfio-pci | uniq)"
done
