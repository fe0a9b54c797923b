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
HERE=$(cd "$(dirname "$0")" && pwd)
DIR=$(mktemp -d)
. "$HERE/modprobe.inc"

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
