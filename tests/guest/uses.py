# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ways in which a host uses its devices, for guests with the line-up "users" or "s390x".

Each is begun and ended by shell commands, and the kernel itself is asked whether it is so: `seen` must
succeed while the use lasts, and fail before and after it. Names are those of NAMES and PRELUDE.
"""

from dataclasses import dataclass

NAMES = {
    "users": """
NIC0=0000:01:00.0 NIC1=0000:02:00.0 D0=0000:03:00.0 D1=0000:04:00.0 P0=0000:05:00.0 P1=0000:06:00.0
PF=0000:07:00.0 STANDBY=0000:08:00.0 PRIMARY=0000:09:00.0 V=0000:0a:00.0 UDISK=0000:0b:00.0
UKBD=0000:0c:00.0 VGA=0000:00:10.0 SOUND=0000:00:11.0 SERIAL=0000:00:12.0
""",
    "s390x": """
D0=0010:00:00.0 D1=0011:00:00.0 NIC0=0012:00:00.0 NIC1=0013:00:00.0 VNET=0014:00:00.0
""",
}

# B0: disk of D0, E0: interface of NIC0, C0: NVMe controller of D0, … Names change when a driver comes back,
# so they are looked up each time; by builtins, for forks are slow.
PRELUDE = r"""
S=/sys/bus/pci/devices VIRTIO_NET=/sys/bus/virtio/drivers/virtio_net USE=/root/use-devices
PLAYS=/proc/asound/card0/pcm0p/sub0/status
first() {
	for f in "$@"; do
		[ -e $f ] && found=${f##*/} && return
	done
	found=
}
disk() {
	first $S/$1/nvme/nvme*/nvme*c*n* $S/$1/nvme/nvme*/nvme*n* $S/$1/virtio*/block/* \
		$S/$1/usb*/*/*/host*/target*/*/block/*
	case $found in nvme*c*n*) found=${found%%c*}n${found##*n} ;; esac
}
disk $D0; B0=$found; disk $D1; B1=$found; disk $P0; BP=$found; disk $V; BV=$found; disk $UDISK; BU=$found
first $S/$NIC0/net/*; E0=$found; first $S/$NIC1/net/*; E1=$found; first $S/$VNET/virtio*/net/*; EV=$found
first $S/$D0/nvme/*; C0=$found; first $S/$PRIMARY/net/*; EP=$found
first $S/$SERIAL/tty/* $S/$SERIAL/*/*/tty/*; T=$found
first $S/$STANDBY/virtio*; VS=$found
for p in 1 2; do case $B1 in *[0-9]) eval B1P$p=${B1}p$p ;; esac; done

# busybox's shell prefers its own.
ip() { /usr/sbin/ip "$@"; }
mke2fs() { /usr/sbin/mke2fs "$@"; }

wait_for() { n=0; while ! eval "$1"; do n=$((n+1)); [ $n -lt 400 ] || return 1; sleep 0.05; done; }
# A process in the background until "end"; reading FILE: with that as its standard input.
reading() {
	input=$1
	shift
	"$@" >/tmp/begun.out 2>&1 <$input &
	echo $! >/tmp/begun
	# Until then it is this shell once more, and has not opened the file.
	wait_for '! cmp -s /proc/$$/cmdline /proc/$(pid)/cmdline' && reads $input
}
begin() { reading /dev/null "$@"; }
ready() { wait_for 'grep -q ready /tmp/begun.out'; }
pid() { read -r p 2>/dev/null </tmp/begun && echo $p; }
reads() { [ "$(readlink /proc/$(pid)/fd/0)" = $1 ]; }
end() { kill -9 $(pid); wait_for '[ ! -d /proc/$(pid) ]'; }

mounted() { grep -q "^$1 $2 " /proc/${3:-self}/mounts; }
wipe() { dd if=/dev/zero of=/dev/$1 bs=64k count=16 2>/dev/null; }
ext4() { wipe $1; mke2fs -q -F -t ext4 -O ^has_journal /dev/$1; }
# The kernel forgets partitions as well.
both_blank() { wipe $B0; wipe $B1; blockdev --rereadpt /dev/$B0; blockdev --rereadpt /dev/$B1; }
# mkfs.xfs wants 300 MiB but for its own tests.
xfs_on() {
	where=/dev/$1
	shift
	both_blank && modprobe xfs && TEST_DIR=/tmp TEST_DEV=/dev/null QA_CHECK_FS=1 mkfs.xfs -q -f "$@" $where
}
mount_disk() { mount -t ext4 /dev/$1 /mnt 2>/dev/null || { ext4 $1 && mount -t ext4 /dev/$1 /mnt; }; }
partitions() {
	[ -b /dev/${B1}p2 ] && return
	wipe $B1
	printf 'n\np\n1\n\n+32M\nn\np\n2\n\n+32M\nw\n' | fdisk /dev/$B1 >/dev/null 2>&1
	wait_for '[ -b /dev/${B1}p2 ]' && ext4 ${B1}p1 && mkswap /dev/${B1}p2 >/dev/null
}
loop() { modprobe loop && losetup /dev/loop0 $1; }
file() { dd if=/dev/zero of=$1 bs=64k count=16 2>/dev/null && chmod 600 $1; }
raid() {
	wipe $B0; wipe $B1
	mdadm --quiet --create /dev/md0 --run --assume-clean --level=1 --raid-devices=2 --metadata=1.2 \
		/dev/$B0 /dev/$B1
}
unraid() { mdadm --quiet --stop /dev/md0; mdadm --quiet --zero-superblock /dev/$B0 /dev/$B1; }
encrypt() {
	echo -n 0123456789abcdef0123456789abcdef | cryptsetup open --type plain --cipher aes-xts-plain64 \
		--key-size 256 --key-file - $1 secret
}
# No udev here to answer it.
lvm() {
	verb=$1
	shift
	/usr/sbin/lvm $verb -qq --config 'activation { udev_sync=0 udev_rules=0 verify_udev_operations=0 }
		devices { obtain_device_list_from_udev=0 }' "$@" 2>/tmp/lvm.err || { cat /tmp/lvm.err >&2; return 1; }
}
volume() { lvm vgcreate guest $1 && lvm lvcreate -Zn -an -L 32M -n one guest && lvm lvchange -ay guest/one; }
configfs() { grep -q " /sys/kernel/config " /proc/mounts || mount -t configfs none /sys/kernel/config; }
target=/sys/kernel/config/target/core/iblock_0
subsystem=/sys/kernel/config/nvmet/subsystems/s
# The other end of the wire, in a network namespace of its own: what comes from there comes in through a NIC.
far() {
	ip netns add far && ip link set $E1 netns far && ip netns exec far ip addr add 192.0.2.1/24 dev $far_end &&
		ip netns exec far ip link set $far_end up && address $E0 && wait_for 'ping -c 1 -W 1 192.0.2.1 >/dev/null'
}
# Moved by itself: how long the kernel takes to end a namespace depends on what was open in it.
near() {
	down $E0
	for i in $(ip netns exec far ls /sys/class/net); do ip netns exec far ip link set $i netns 1 2>/dev/null; done
	ip netns del far
	back $NIC1
}
far_end=$E1
port=/sys/kernel/config/nvmet/ports/1
fabric() { first /sys/devices/virtual/nvme-fabrics/ctl/nvme*; CF=$found; }
fabric_disk() { fabric; first /sys/devices/virtual/nvme-subsystem/nvme-subsys*/nvme*n1; BF=; for f in \
	/sys/devices/virtual/nvme-fabrics/ctl/$CF/nvme*c*n1; do [ -e $f ] || continue; f=${f##*/}; BF=${f%%c*}n1; done; }
over_tcp() {
	far && modprobe -a nvmet nvmet_tcp nvme_tcp && configfs && file /tmp/remote && dd if=/dev/zero of=/tmp/remote bs=1M \
		count=16 2>/dev/null && loop /tmp/remote &&
	mkdir $subsystem $subsystem/namespaces/1 $port && echo 1 >$subsystem/attr_allow_any_host &&
		echo -n /dev/loop0 >$subsystem/namespaces/1/device_path && echo 1 >$subsystem/namespaces/1/enable &&
		echo tcp >$port/addr_trtype && echo ipv4 >$port/addr_adrfam && echo 192.0.2.1 >$port/addr_traddr &&
		echo 4420 >$port/addr_trsvcid && nsenter --net=/var/run/netns/far ln -s $subsystem $port/subsystems/s &&
		echo transport=tcp,traddr=192.0.2.1,trsvcid=4420,nqn=s >/dev/nvme-fabrics &&
		wait_for 'fabric_disk; [ "$BF" ] && [ -b /dev/$BF ]'
}
not_over_tcp() {
	fabric
	[ ! "$CF" ] || echo 1 >/sys/class/nvme/$CF/delete_controller
	rm -f $port/subsystems/s; echo 0 >$subsystem/namespaces/1/enable
	rmdir $subsystem/namespaces/1 $port $subsystem
	losetup -d /dev/loop0; near
}
over_nbd() {
	far && modprobe nbd nbds_max=1 && { ip netns exec far $USE nbd serve 192.0.2.1 >/tmp/served 2>&1 & echo $! >/tmp/server; } &&
		wait_for 'grep -q ready /tmp/served' && begin $USE nbd connect 192.0.2.1 /dev/nbd0 &&
		wait_for '[ -e /sys/block/nbd0/pid ]'
}
not_over_nbd() { end; kill -9 $(cat /tmp/server) 2>/dev/null; wait_for '[ ! -e /sys/block/nbd0/pid ]'; near; }
# The kernel's own target; its portal belongs to the network namespace of whoever makes it.
portal=/sys/kernel/config/target/iscsi/iqn.2026-01.example:far/tpgt_1 backstore=/sys/kernel/config/target/core/fileio_7
node="-m node -T iqn.2026-01.example:far -p 192.0.2.1:3260,1"
session_disk() { first /sys/devices/platform/host*/session*/target*/*/block/*; BI=$found; }
over_iscsi() {
	far && modprobe -a iscsi_target_mod target_core_file iscsi_tcp sd_mod && configfs && {
		dd if=/dev/zero of=/tmp/remote bs=1M count=16 2>/dev/null
		mkdir -p $backstore/d && echo -n fd_dev_name=/tmp/remote,fd_dev_size=16777216 >$backstore/d/control &&
			echo 1 >$backstore/d/enable
	} && mkdir -p $portal/lun/lun_0 && ln -s $backstore/d $portal/lun/lun_0/d && {
		for i in authentication=0 demo_mode_write_protect=0 generate_node_acls=1 cache_dynamic_acls=1; do
			echo ${i#*=} >$portal/attrib/${i%=*} || return 1
		done
	} && nsenter --net=/var/run/netns/far mkdir $portal/np/192.0.2.1:3260 && echo 1 >$portal/enable &&
		mkdir -p /etc/iscsi /run/lock/iscsi && : >/etc/iscsi/iscsid.conf &&
		echo InitiatorName=iqn.2026-01.example:near >/etc/iscsi/initiatorname.iscsi &&
		begin iscsid -f && wait_for 'iscsiadm $node -o new >/dev/null 2>&1' &&
		wait_for 'iscsiadm $node -l >/tmp/login.out 2>&1' && wait_for 'session_disk; [ "$BI" ] && [ -b /dev/$BI ]'
}
not_over_iscsi() {
	iscsiadm $node -u >/dev/null; iscsiadm $node -o delete
	end
	echo 0 >$portal/enable; rmdir $portal/np/*; rm $portal/lun/lun_0/d; rmdir $portal/lun/lun_0 $portal ${portal%/*}
	rmdir $backstore/d $backstore
	near
}
# What mountd would tell the kernel when it asks: who this client is, and what it may have (9234: fsid=0, async,
# insecure, no_subtree_check). Files cannot be opened in the server's grace period, which nothing ends in a namespace
# but time; looking works.
over_nfs() {
	far && modprobe -a nfsd nfsv4 && mkdir -p /tmp/served && mount -t tmpfs none /tmp/served &&
		nsenter --net=/var/run/netns/far sh -c 'mount -t nfsd none /proc/fs/nfsd && cd /proc/net/rpc &&
			echo nfsd 192.0.2.22 2147483647 near >auth.unix.ip/channel &&
			echo near /tmp/served 2147483647 9234 65534 65534 0 >nfsd.export/channel &&
			echo "near 1 \\x00000000 2147483647 /tmp/served" >nfsd.fh/channel &&
			echo -3 +4 >/proc/fs/nfsd/versions && echo 1 >/proc/fs/nfsd/threads' && : >/tmp/served/from-far &&
		mount -t nfs4 -o addr=192.0.2.1,clientaddr=192.0.2.22,vers=$1 192.0.2.1:/ /mnt && [ -e /mnt/from-far ]
}
not_over_nfs() {
	! mounted 192.0.2.1:/ /mnt || umount /mnt
	echo 0 >/proc/fs/nfsd/threads; umount /proc/fs/nfsd; umount /tmp/served; near
}
address() { ip link set $1 up && ip addr add 192.0.2.22/24 dev $1; }
down() { ip addr flush dev $1; ip link set $1 down; }
back() { where=$S/$1/net; wait_for '[ "$(ls $where)" ]'; }
no_standby() { [ ! -e $VIRTIO_NET/$VS ] || echo $VS >$VIRTIO_NET/unbind; }
mkdir -p /mnt /mnt2 /bind
"""

# Enumerating USB takes as long as it takes.
HARDWARE = {
    "users": r"""
modprobe -a usb_storage sd_mod usbhid hid_generic evdev snd_ens1370 bochs
wait_for 'disk $UDISK; [ "$found" ]' && wait_for 'grep -q kbd /proc/bus/input/devices' &&
	wait_for '[ -e /dev/snd/pcmC0D0p ]' && wait_for '[ -e /dev/dri/card0 ]'
""",
    "s390x": "true",
}


@dataclass(frozen=True)
class Use:
    name: str
    # Names of the functions that are used by it.
    on: str
    # {finding code: words that one message of it must have, separated by |}
    codes: dict
    start: str
    seen: str
    stop: str
    # Nothing tells of it but an exclusive open: only assign can find it.
    hidden: bool = False
    severity: str = "refuses"
    forceable: bool = True
    prepare: str = ""

    def __str__(self):
        return self.name


UNSHARE = 'begin unshare -m sh -c "mount --make-rprivate /; %s echo ready; exec sleep 1000"'

STORAGE = (
    Use("mount", "D0", {"in-use-mount": "$B0|/mnt"},
        "mount_disk $B0", "mounted /dev/$B0 /mnt", "umount /mnt"),
    Use("mount-partition", "D1", {"in-use-mount": "${B1}p1|/mnt"},
        "mount_disk ${B1}p1", "mounted /dev/${B1}p1 /mnt", "umount /mnt", prepare="partitions"),
    Use("mount-by-bind-only", "D0", {"in-use-mount": "$B0|/bind"},
        "mount_disk $B0 && mkdir -p /mnt/sub && mount --bind /mnt/sub /bind && umount /mnt",
        "mounted /dev/$B0 /bind && ! mounted /dev/$B0 /mnt", "umount /bind"),
    Use("mount-elsewhere", "D0", {"in-use-mount-namespace": "$B0|/mnt|sleep (pid $(pid))"},
        UNSHARE % "mount -t ext4 /dev/$B0 /mnt || exit 1;" + " && ready",
        "mounted /dev/$B0 /mnt $(pid) && ! mounted /dev/$B0 /mnt", "end", prepare="ext4 $B0"),
    Use("mount-left-elsewhere", "D0", {"in-use-mount-namespace": "$B0|/mnt|sleep (pid $(pid))"},
        "mount_disk $B0 && " + UNSHARE % "" + " && ready && umount /mnt",
        "mounted /dev/$B0 /mnt $(pid) && ! mounted /dev/$B0 /mnt", "end"),
    Use("btrfs-over-two", "D0 D1", {"in-use-mount": "/mnt"},
        "modprobe btrfs && mkfs.btrfs -q -f /dev/$B0 /dev/$B1 && "
        "mount -t btrfs -o device=/dev/$B1 /dev/$B0 /mnt",
        "mounted '[^ ]*' '/mnt btrfs' && ls /sys/fs/btrfs/*-*/devices | grep -qx $B1",
        "umount /mnt; wipe $B0; wipe $B1"),
    # Disks that the kernel claims and links to nobody: an exclusive open finds them, a file tells whose they are.
    Use("journal-elsewhere", "D1", {"in-use-mount": "$B1|holding the journal of the file system|mounted at /mnt"},
        "both_blank && mke2fs -q -F -b 4096 -O journal_dev /dev/$B1 && "
        "mke2fs -q -F -t ext4 -b 4096 -J device=/dev/$B1 /dev/$B0 && mount -t ext4 /dev/$B0 /mnt",
        "mounted /dev/$B0 /mnt && [ -d /proc/fs/jbd2/$B1 ] && [ ! \"$(ls /sys/class/block/$B1/holders)\" ]",
        "umount /mnt; both_blank"),
    Use("xfs-log-elsewhere", "D1", {"in-use-mount": "$B1|holding the log of the file system|mounted at /mnt"},
        "xfs_on $B0 -l logdev=/dev/$B1,size=4096b && mount -t xfs -o logdev=/dev/$B1 /dev/$B0 /mnt",
        "mounted /dev/$B0 /mnt && [ ! \"$(ls /sys/class/block/$B1/holders)\" ]",
        "umount /mnt; both_blank"),
    Use("xfs-real-time", "D1", {"in-use-mount": "$B1|holding the real-time device of the file system|/mnt"},
        "xfs_on $B0 -m reflink=0,rmapbt=0 -r rtdev=/dev/$B1,extsize=64k && "
        "mount -t xfs -o rtdev=/dev/$B1 /dev/$B0 /mnt",
        "mounted /dev/$B0 /mnt && [ ! \"$(ls /sys/class/block/$B1/holders)\" ]",
        "umount /mnt; both_blank"),
    # Where it has one device only, the other disk is not in doubt.
    Use("f2fs-over-two", "D1", {"in-use-mount": "$B1|holding the data of the file system|mounted at /mnt"},
        "both_blank && modprobe f2fs && mkfs.f2fs -q -f /dev/$B0 >/dev/null && mount -t f2fs /dev/$B0 /mnt && "
        "{ ! vfioadm check $D1 | grep f2fs; } && umount /mnt && "
        "mkfs.f2fs -q -f -c /dev/$B1 /dev/$B0 >/dev/null && mount -t f2fs /dev/$B0 /mnt",
        "mounted /dev/$B0 /mnt && [ ! \"$(ls /sys/class/block/$B1/holders)\" ]",
        "umount /mnt; both_blank"),
    # The kernel tells nobody which these are.
    Use("jfs-log-elsewhere", "D1", {"not-looked-at": "The log of /mnt (jfs)|may be on $B1"},
        "both_blank && modprobe jfs && mkfs.jfs -q -J journal_dev /dev/$B1 >/dev/null && "
        "mkfs.jfs -q -J device=/dev/$B1 /dev/$B0 >/dev/null && mount -t jfs /dev/$B0 /mnt",
        "mounted /dev/$B0 /mnt && [ ! \"$(ls /sys/class/block/$B1/holders)\" ]",
        "umount /mnt; both_blank"),
    Use("erofs-device", "D1", {"not-looked-at": "The further devices of /mnt (erofs)|may be on $B1"},
        "both_blank && modprobe erofs && mkdir -p /tmp/tree && file /tmp/tree/a && "
        "mkfs.erofs --chunksize=4096 --blobdev=/dev/$B1 /dev/$B0 /tmp/tree >/dev/null && "
        "mount -t erofs -o device=/dev/$B1 /dev/$B0 /mnt && cat /mnt/a >/dev/null",
        "mounted /dev/$B0 /mnt && [ ! \"$(ls /sys/class/block/$B1/holders)\" ]",
        "umount /mnt; rm -rf /tmp/tree; both_blank"),
    Use("overlay-lower", "D0", {"in-use-mount": "$B0|/mnt"},
        "mount_disk $B0 && mkdir -p /tmp/u /tmp/w && "
        "mount -t overlay -o lowerdir=/mnt,upperdir=/tmp/u,workdir=/tmp/w none /mnt2",
        "mounted none '/mnt2 overlay'", "umount /mnt2; umount /mnt"),
    # The file system has no place in any tree any more; only the overlay keeps it.
    Use("overlay-lower-detached", "D0", {"in-use-mount": "$B0|lazily"},
        "mount_disk $B0 && mkdir -p /tmp/u /tmp/w && "
        "mount -t overlay -o lowerdir=/mnt,upperdir=/tmp/u,workdir=/tmp/w none /mnt2 && umount -l /mnt",
        "mounted none '/mnt2 overlay' && ! mounted /dev/$B0 /mnt", "umount /mnt2"),
    Use("swap-partition", "D1", {"in-use-swap": "${B1}p2"},
        "swapon /dev/${B1}p2", "grep -q ^/dev/${B1}p2 /proc/swaps", "swapoff /dev/${B1}p2",
        prepare="partitions"),
    Use("swap-file", "D0", {"in-use-swap": "/mnt/swap", "in-use-mount": "/mnt"},
        "mount_disk $B0 && file /mnt/swap && mkswap /mnt/swap >/dev/null && swapon /mnt/swap",
        "grep -q ^/mnt/swap /proc/swaps", "swapoff /mnt/swap; rm /mnt/swap; umount /mnt"),
    Use("lvm", "V", {"in-use-holder": "$BV|guest"},
        "wipe $BV && volume /dev/$BV", "dmsetup ls | grep -q guest-one",
        "lvm vgremove -f guest && lvm pvremove /dev/$BV"),
    Use("md-raid1", "D0 D1", {"in-use-holder": "md0"},
        "raid", "grep -q ^md0.*active /proc/mdstat", "unraid"),
    Use("dm-crypt", "D0", {"in-use-holder": "$B0|secret"},
        "encrypt /dev/$B0", "dmsetup table secret 2>/dev/null | grep -q crypt", "cryptsetup close secret"),
    Use("stack", "D0 D1", {"in-use-holder": "md0|secret|guest-one|mounted at /mnt"},
        "raid && encrypt /dev/md0 && volume /dev/mapper/secret && "
        "mke2fs -q -F -t ext4 /dev/mapper/guest-one && "
        "mount -t ext4 /dev/mapper/guest-one /mnt",
        "mounted /dev/mapper/guest-one /mnt && grep -q ^md0 /proc/mdstat",
        "umount /mnt; lvm vgchange -an guest; cryptsetup close secret; unraid"),
    Use("swap-on-crypt", "D0", {"in-use-holder": "$B0|secret|swap"},
        "encrypt /dev/$B0 && mkswap /dev/mapper/secret >/dev/null && swapon /dev/mapper/secret",
        "grep -q ^/dev/ /proc/swaps", "swapoff /dev/mapper/secret; cryptsetup close secret"),
    Use("dm-on-partition", "D1", {"in-use-holder": "${B1}p1|part"},
        "dmsetup create part --table \"0 2048 linear /dev/${B1}p1 0\"", "dmsetup ls | grep -q part",
        "dmsetup remove part", prepare="partitions"),
    Use("loop-on-file", "D0", {"in-use-mount": "/mnt"},
        "mount_disk $B0 && file /mnt/image && loop /mnt/image",
        "grep -qx /mnt/image /sys/block/loop0/loop/backing_file",
        "losetup -d /dev/loop0; rm /mnt/image; umount /mnt"),
    # The mount is gone from the tree, the loop device keeps the file.
    Use("loop-on-file-detached", "D0", {"in-use-mount": "$B0|lazily"},
        "mount_disk $B0 && file /mnt/image && loop /mnt/image && umount -l /mnt",
        "[ -e /sys/block/loop0/loop/backing_file ] && ! mounted /dev/$B0 /mnt", "losetup -d /dev/loop0"),
    # For a loop device on a disk the kernel claims nothing, and shows no holder.
    Use("loop-on-disk", "V", {"in-use-holder": "$BV|loop0"},
        "loop /dev/$BV", "grep -qx /dev/$BV /sys/block/loop0/loop/backing_file",
        "losetup -d /dev/loop0"),
    Use("mount-of-loop-on-disk", "V", {"in-use-holder": "$BV|loop0|mounted at /mnt"},
        "ext4 $BV && loop /dev/$BV && mount -t ext4 /dev/loop0 /mnt", "mounted /dev/loop0 /mnt",
        "umount /mnt; losetup -d /dev/loop0"),
    Use("multipath", "P0 P1", {"in-use-mount": "$BP|/mnt"},
        "mount_disk $BP", "mounted /dev/$BP /mnt && [ -e /sys/devices/virtual/nvme-subsystem/*/$BP ]",
        "umount /mnt"),
    Use("open", "D0", {"in-use-open": "$B0|sleep (pid $(pid))"},
        "reading /dev/$B0 sleep 1000", "reads /dev/$B0", "end"),
    Use("open-partition", "D1", {"in-use-open": "${B1}p1|sleep (pid $(pid))"},
        "reading /dev/${B1}p1 sleep 1000", "reads /dev/${B1}p1", "end", prepare="partitions"),
    Use("open-controller", "D0", {"in-use-open": "sleep (pid $(pid))"},
        "reading /dev/$C0 sleep 1000", "reads /dev/$C0", "end"),
    Use("nvmet", "D0", {"in-use-export": "$B0"},
        "modprobe nvmet && configfs && mkdir $subsystem $subsystem/namespaces/1 && "
        "cd $subsystem/namespaces/1 && "
        "echo -n /dev/$B0 >device_path && echo 1 >enable",
        "grep -qs 1 $subsystem/namespaces/1/enable",
        "echo 0 >$subsystem/namespaces/1/enable; rmdir $subsystem/namespaces/1 $subsystem"),
    Use("lio", "D0", {"in-use-export": "$B0"},
        "modprobe -a target_core_mod target_core_iblock && configfs && mkdir -p $target/d && cd $target/d && "
        "echo -n udev_path=/dev/$B0 >control && echo -n /dev/$B0 >udev_path && echo 1 >enable",
        "grep -qs 1 $target/d/enable", "rmdir $target/d $target"),
    Use("zram-backing", "V", {"in-use-holder": "$BV|zram0"},
        "modprobe zram && echo /dev/$BV >/sys/block/zram0/backing_dev",
        "grep -qs $BV /sys/block/zram0/backing_dev", "echo 1 >/sys/block/zram0/reset"),
    # An open file that is on its way through a socket is no process's: only the kernel knows of the claim.
    Use("claimed", "V", {"in-use-claimed": "$BV"},
        "begin $USE claim /dev/$BV && ready", "! $USE claims /dev/$BV", "end", hidden=True),
    Use("resume", "D1", {"in-use-resume": "${B1}p2"},
        "cat /sys/class/block/${B1}p2/dev >/sys/power/resume; true",
        "cmp -s /sys/power/resume /sys/class/block/${B1}p2/dev", "echo 0:0 >/sys/power/resume; true",
        prepare="partitions"),
    Use("kdump", "D1", {"in-use-kdump": "$B1"},
        "echo \"ext4 /dev/${B1}p1\" >/etc/kdump.conf && $USE kdump on",
        "grep -q 1 /sys/kernel/kexec_crash_loaded", "$USE kdump off; rm /etc/kdump.conf",
        prepare="partitions"),
    Use("usb-disk", "UDISK", {"in-use-mount": "$BU|/mnt"},
        "mount_disk $BU", "mounted /dev/$BU /mnt", "umount /mnt"),
    Use("virtio-disk", "V", {"in-use-mount": "$BV|/mnt"},
        "mount_disk $BV", "mounted /dev/$BV /mnt", "umount /mnt"),
)

NET = (
    Use("address", "NIC0", {"in-use-net": "$E0|192.0.2.22"},
        "address $E0", "ip -o -4 addr show $E0 | grep -q 192.0.2.22", "down $E0"),
    Use("address-6", "NIC0", {"in-use-net": "$E0|2001:db8::2"},
        "ip link set $E0 up && ip addr add 2001:db8::2/64 dev $E0 nodad",
        "ip -o -6 addr show $E0 | grep -q 2001:db8::2", "down $E0"),
    Use("default-route", "NIC0", {"in-use-net": "$E0", "in-use-default-route": "$E0"},
        "address $E0 && ip route add default via 192.0.2.1", "ip route show default | grep -q $E0",
        "down $E0"),
    Use("default-route-6", "NIC0", {"in-use-default-route": "$E0"},
        "ip link set $E0 up && ip addr add 2001:db8::2/64 dev $E0 nodad && "
        "ip -6 route add default via 2001:db8::1 dev $E0",
        "ip -6 route show default | grep -q $E0", "down $E0"),
    # What comes from other machines: over the wire to the other NIC, which is in a namespace of its own.
    Use("nvme-over-tcp", "NIC0", {"in-use-remote-disk": "NVMe/tcp|192.0.2.1|$E0"},
        "over_tcp", "fabric; [ \"$CF\" ]", "not_over_tcp"),
    Use("nvme-over-tcp-mounted", "NIC0", {"in-use-mount": "/dev/$BF|/mnt|NVMe/tcp|192.0.2.1|$E0"},
        "over_tcp && mount_disk $BF", "fabric_disk; mounted /dev/$BF /mnt", "umount /mnt; not_over_tcp"),
    Use("nbd-mounted", "NIC0", {"in-use-mount": "/dev/nbd0|/mnt|NBD|192.0.2.1|$E0"},
        "over_nbd && mount_disk nbd0", "mounted /dev/nbd0 /mnt", "umount /mnt; not_over_nbd"),
    Use("nbd-swap-over-bridge", "NIC0", {"in-use-swap": "/dev/nbd0|NBD|192.0.2.1|br7 and $E0"},
        "over_nbd && mkswap /dev/nbd0 >/dev/null && swapon /dev/nbd0 && ip link add br7 type bridge && "
        "ip addr flush dev $E0 && ip link set $E0 master br7 && address br7",
        "grep -q ^/dev/nbd0 /proc/swaps", "swapoff /dev/nbd0; ip link del br7; not_over_nbd"),
    Use("iscsi", "NIC0", {"in-use-remote-disk": "$BI|iSCSI|iqn.2026-01.example:far|192.0.2.1|$E0"},
        "over_iscsi", "[ \"$(ls /sys/class/iscsi_session 2>/dev/null)\" ]", "not_over_iscsi"),
    Use("iscsi-mounted", "NIC0", {"in-use-mount": "/dev/$BI|/mnt|iSCSI|192.0.2.1|$E0"},
        "over_iscsi && mount_disk $BI", "session_disk; mounted /dev/$BI /mnt", "umount /mnt; not_over_iscsi"),
    Use("nfs", "NIC0", {"in-use-mount": "192.0.2.1:/|/mnt|$E0"},
        "over_nfs 4.2", "mounted 192.0.2.1:/ '/mnt nfs4'", "not_over_nfs"),
    Use("iscsi-swap-over-bridge", "NIC0", {"in-use-swap": "/dev/$BI|iSCSI|192.0.2.1|br7 and $E0"},
        "over_iscsi && mkswap /dev/$BI >/dev/null && swapon /dev/$BI && ip link add br7 type bridge && "
        "ip addr flush dev $E0 && ip link set $E0 master br7 && address br7",
        "session_disk; grep -q \"^/dev/${BI:-none} \" /proc/swaps",
        "swapoff /dev/$BI; ip link del br7; address $E0; not_over_iscsi"),
    Use("nfs-elsewhere", "NIC0", {"in-use-mount-namespace": "192.0.2.1:/|/mnt|$E0|sleep (pid $(pid))"},
        "over_nfs 4.2 && " + UNSHARE % "" + " && ready && umount /mnt",
        "mounted 192.0.2.1:/ '/mnt nfs4' $(pid) && ! mounted 192.0.2.1:/ '/mnt nfs4'", "end; not_over_nfs"),
    Use("nfs-4.0", "NIC0", {"in-use-mount": "192.0.2.1:/|/mnt|$E0"},
        "over_nfs 4.0", "mounted 192.0.2.1:/ '/mnt nfs4'", "not_over_nfs"),
    Use("bridge", "NIC0", {"in-use-net-member": "$E0|br7"},
        "ip link add br7 type bridge && ip link set $E0 master br7", "[ -e /sys/class/net/br7/brif/$E0 ]",
        "ip link del br7"),
    Use("default-route-over-bridge", "NIC0", {"in-use-net-member": "$E0|br7", "in-use-default-route": "br7"},
        "ip link add br7 type bridge && ip link set $E0 master br7 && ip link set $E0 up && address br7 && "
        "ip route add default via 192.0.2.1",
        "ip route show default | grep -q br7", "ip link del br7; down $E0"),
    Use("bond", "NIC0", {"in-use-net-member": "$E0|bond7"},
        "ip link add bond7 type bond && ip link set $E0 master bond7",
        "grep -qs $E0 /sys/class/net/bond7/bonding/slaves", "ip link del bond7; down $E0"),
    Use("team", "NIC0", {"in-use-net-member": "$E0|team7"},
        "ip link add team7 type team && ip link set $E0 master team7",
        "ip -o link show $E0 | grep -q 'master team7'", "ip link del team7; down $E0"),
    Use("open-vswitch", "NIC0", {"in-use-net-member": "$E0|ovs-system"},
        "modprobe openvswitch && $USE ovs add ovs-system $E0",
        "ip -d -o link show $E0 | grep -q openvswitch_slave", "$USE ovs del ovs-system; down $E0"),
    Use("vlan", "NIC0", {"in-use-net-member": "$E0|lan7"},
        "ip link add link $E0 name lan7 type vlan id 7", "[ -e /proc/net/vlan/lan7 ]", "ip link del lan7"),
    Use("macvtap", "NIC0", {"in-use-net-member": "$E0|tap7"},
        "ip link add link $E0 name tap7 type macvtap", "ip -o link show tap7 2>/dev/null | grep -q @$E0",
        "ip link del tap7"),
    Use("other-net-namespace", "NIC0", {"in-use-net-namespace": "sleep (pid $(pid))"},
        "begin unshare -n sh -c 'echo ready; exec sleep 1000' && ready && ip link set $E0 netns $(pid)",
        '[ -z "$(ls $S/$NIC0/net)" ]', "end; back $NIC0"),
    Use("named-net-namespace", "NIC0", {"in-use-net-namespace": ""},
        "ip netns add guest7 && ip link set $E0 netns guest7", '[ -z "$(ls $S/$NIC0/net)" ]',
        "ip netns del guest7; back $NIC0"),
    Use("failover", "PRIMARY", {"in-use-net-member": "$EP|failover"},
        "echo $VS >$VIRTIO_NET/bind; wait_for '[ -e /sys/class/net/$EP/master ]'",
        "[ -e /sys/class/net/$EP/master ]", "echo $VS >$VIRTIO_NET/unbind",
        prepare="no_standby"),
    Use("rdma", "NIC1", {"in-use-rdma": "sleep (pid $(pid))"},
        "modprobe -a rdma_rxe ib_uverbs && rdma link add rxe7 type rxe netdev $E1 && "
        "wait_for '[ -e /dev/infiniband/uverbs0 ]' && reading /dev/infiniband/uverbs0 sleep 1000",
        "reads /dev/infiniband/uverbs0", "end; rdma link del rxe7"),
    Use("virtual-functions", "PF", {"has-vfs": ""},
        "echo 2 >$S/$PF/sriov_numvfs", "[ -e $S/$PF/virtfn1 ]", "echo 0 >$S/$PF/sriov_numvfs",
        severity="blocks", forceable=False),
)

S390X = (
    Use("address-virtio", "VNET", {"in-use-net": "$EV|192.0.2.22"},
        "address $EV", "ip -o -4 addr show $EV | grep -q 192.0.2.22", "down $EV"),
)

OTHERS = (
    Use("console", "VGA", {"in-use-console": ""},
        "echo 1 >/sys/class/vtconsole/vtcon1/bind", "grep -q 1 /sys/class/vtconsole/vtcon1/bind",
        "echo 0 >/sys/class/vtconsole/vtcon1/bind", prepare="echo 0 >/sys/class/vtconsole/vtcon1/bind"),
    Use("draw", "VGA", {"in-use-display": "sleep (pid $(pid))"},
        "reading /dev/dri/card0 sleep 1000", "reads /dev/dri/card0", "end"),
    Use("sound", "SOUND", {"in-use-sound": "sleep (pid $(pid))"},
        "begin sh -c 'exec sleep 1000 3<>/dev/snd/pcmC0D0p'; wait_for '! grep -q closed $PLAYS'",
        "! grep -q closed $PLAYS", "end"),
    Use("input", "UKBD", {"in-use-open": "sleep (pid $(pid))"},
        "modprobe evdev; reading /dev/input/event0 sleep 1000", "reads /dev/input/event0", "end"),
    Use("serial", "SERIAL", {"in-use-open": "sleep (pid $(pid))"},
        "reading /dev/$T sleep 1000", "reads /dev/$T", "end"),
)
