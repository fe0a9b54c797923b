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
HERE=$(cd "$(dirname "$0")" && pwd)
DIR=$(mktemp -d)
. "$HERE/modprobe.inc"

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
