#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 2026-11-30, dracut-core 106-6 (Debian 13)
#
# Debian's dracut runs /etc/initramfs/post-update.d after each image that it makes, whatever the image is for: one in
# /tmp is handed to the boot loader's hooks as if it were the host's. A hook that fails leaves dracut's status 0.
# NO_POST_UPDATE_HOOKS in the environment, of which its manual pages do not speak, switches that off.
#
# Seen:
#   dracut 106-6: /etc/initramfs/post-update.d is run for any output file, its status is ignored
#   NO_POST_UPDATE_HOOKS is not documented
set -e
tmp=$(mktemp -d)
. "$(dirname "$0")/debian.inc"

fetch trixie dracut-core
version=$(version_of dracut-core)
script=$tmp/dracut-core/usr/bin/dracut

# The end of the program, as it is, with its own variables: the hooks, then "exit 0".
grep -q '^# Invoke policy-conformant bootloader hooks' "$script" || changed "the hooks are not run any more"
sed -n '/^# Invoke policy-conformant bootloader hooks/,$p' "$script" |
	sed "s,/etc/initramfs/post-update.d/,$tmp/hooks/," >"$tmp/end"
mkdir "$tmp/hooks"
printf '#!/bin/sh\necho "$@" >%s\nexit 1\n' "$tmp/called" >"$tmp/hooks/loader"
chmod +x "$tmp/hooks/loader"

kernel=6.12 outfile=/tmp/test.img bash "$tmp/end" 2>/dev/null || changed "a hook's failure is dracut's now"
[ "$(cat "$tmp/called")" = "6.12 /tmp/test.img" ] || changed "an image elsewhere is not handed to the hooks any more"
rm "$tmp/called"
kernel=6.12 outfile=/tmp/test.img NO_POST_UPDATE_HOOKS=1 bash "$tmp/end" || changed "status with NO_POST_UPDATE_HOOKS"
[ ! -e "$tmp/called" ] || changed "NO_POST_UPDATE_HOOKS does not switch it off"
echo "dracut $version: /etc/initramfs/post-update.d is run for any output file, its status is ignored"

! zcat "$tmp"/dracut-core/usr/share/man/man*/dracut*.gz | grep -q POST_UPDATE || changed "it is documented"
echo "NO_POST_UPDATE_HOOKS is not documented"
