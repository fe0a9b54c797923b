#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 2026-11-30, initramfs-tools 0.148.4 (Debian 13) and the update-initramfs of dracut 112-7 (sid)
#
# Where /boot/initrd.img-VERSION is a link to the file that a boot loader reads, initramfs-tools puts a new file in the
# link's place, and the boot loader's stays old; status 0. dracut's hands the link's name to dracut, which follows it.
# And dracut's obeys /etc/initramfs-tools/update-initramfs.conf, which a removed initramfs-tools leaves behind.
#
# Seen:
#   initramfs-tools 0.148.4: status 0, the link became a file, its target is old
#   dracut 112-7: with update_initramfs=no of initramfs-tools: update-initramfs: Not updating initramfs. (status 0)
set -e
tmp=$(mktemp -d)
. "$(dirname "$0")/debian.inc"

fetch trixie initramfs-tools
fetch sid dracut

# Only what takes minutes is stood in for: mkinitramfs -o FILE VERSION writes FILE.
mkdir "$tmp/bin" "$tmp/boot" "$tmp/esp"
printf '#!/bin/sh\necho new >"$2"\n' >"$tmp/bin/mkinitramfs"
chmod +x "$tmp/bin/mkinitramfs"
echo old >"$tmp/esp/initrd"
ln -s "$tmp/esp/initrd" "$tmp/boot/initrd.img-6"
sed "s,/etc/initramfs,$tmp/etc/initramfs,g; s,/proc/mounts,$tmp/none,g" "$tmp/initramfs-tools/usr/sbin/update-initramfs" >"$tmp/u"
PATH=$tmp/bin:$PATH sh "$tmp/u" -u -k 6 -b "$tmp/boot" >"$tmp/out" || changed "status $?"
if [ -L "$tmp/boot/initrd.img-6" ] || [ "$(cat "$tmp/esp/initrd")" != old ]; then changed "the link is followed"; fi
echo "initramfs-tools $(version_of initramfs-tools): status 0, the link became a file, its target is old"

mkdir -p "$tmp/etc/initramfs-tools"
cp "$tmp/initramfs-tools/etc/initramfs-tools/update-initramfs.conf" "$tmp/etc/initramfs-tools/"
sed -i 's/^update_initramfs=.*/update_initramfs=no/' "$tmp/etc/initramfs-tools/update-initramfs.conf"
sed "s,/etc/initramfs,$tmp/etc/initramfs,g" "$tmp/dracut/usr/sbin/update-initramfs" >"$tmp/u"
said=$(sh "$tmp/u" -u -k 6 -b "$tmp/boot") || changed "status $?"
[ "$said" = "update-initramfs: Not updating initramfs." ] || changed "dracut's says: $said"
echo "dracut $(version_of dracut): with update_initramfs=no of initramfs-tools: $said (status 0)"
