# SPDX-License-Identifier: LGPL-2.1-or-later
# What the host lives from must end at functions: disks that the kernel links to nobody.

_ZFS_DISKS = {f"run/udev/data/b259:{n}": "E:ID_PART_ENTRY_UUID=9-9\nE:ID_FS_TYPE=zfs_member\n" for n in (3, 7)}
_EXT4 = ("23 1 0:21 / /sys rw - sysfs sysfs rw\n29 1 259:7 / / rw - ext4 /dev/nvme1n1p3 rw\n")
_XFS = ("23 1 0:21 / /sys rw - sysfs sysfs rw\n"
        "29 1 259:7 / / rw - xfs /dev/nvme1n1p3 rw,logdev=/dev/nvme0n1p3,noquota\n")
_BTRFS = "29 1 0:27 / / rw - btrfs /dev/nvme1n1p3 rw\n"
_DATA = "29 1 0:2 / / rw - rootfs rootfs rw\n30 29 259:7 / /srv rw - ext4 /dev/nvme1n1p3 rw\n"
_NO_ZFS = {"proc/spl": None}
_BLANK = {f"run/udev/data/b259:{n}": "E:ID_PART_TABLE_TYPE=gpt\n" for n in (0, 1, 2, 3)}


# A live system: /mnt is a loop device, whose file FILE is.
def _live(file, **files):
    text = (_EXT4 + "35 29 0:30 / /run rw - tmpfs tmpfs rw\n36 29 7:0 / /mnt ro - squashfs /dev/loop0 ro\n")
    return {**_NO_ZFS, **_mounts(text), **_BLANK, **files, "sys/devices/virtual/block/loop0/dev": "7:0\n",
            "sys/devices/virtual/block/loop0/loop/backing_file": f"{file}\n",
            "sys/class/block/loop0": ("link", "../../devices/virtual/block/loop0")}


def _mounts(text):
    return {"proc/self/mountinfo": text, "proc/1/mountinfo": text}


CASES = [
    # ---- ZFS ----
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         says=[r"blocks: .*nvme0n1p3, mounted at /, in the ZFS pool rpool.*\[root-filesystem\]"],
         never=[r"--force in-use-claimed overrides", r"[Uu]nmount"],
         why="/ is a dataset of rpool, and one of the pool's mirrored disks is on it"),
    Case("zfs-root-mirror", "assign --dry-run --force in-use-claimed 0000:01:00.0 0000:02:00.0", status=3,
         says=[r"0000:01:00\.0 .*mounted at /.*root file system", r"0000:02:00\.0 .*mounted at /.*root file system"],
         never=[r"driver_override"],
         why="force for what is claimed must not give away both legs of the root pool"),
    Case("zfs-root-mirror", "assign --dry-run --force in-use-claimed,not-looked-at,in-use-mount 0000:01:00.0", status=3,
         says=[r"root file system"], why="nothing overrides root-filesystem"),
    Case("zfs-root-mirror", "enable --persist --dry-run 1344:51c0", status=3,
         says=[r"nvme0n1p3 mounted at /"], never=[r"overrides"],
         why="the card type has the disks of the root pool"),
    Case("zfs-root-mirror", "enable --persist --dry-run --force needed-at-boot,not-looked-at 1344:51c0", status=3,
         says=[r"nvme0n1p3 mounted at /"], why="nothing gives the root pool away, at the next boot neither"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3, change={"proc/spl": None},
         says=[r"\[root-filesystem\]"], why="the mount alone tells that the pool is imported"),
    Case("zfs-nolabel", "check 0000:01:00.0", status=3,
         says=[r"refuses: .*ZFS pool rpool, which is imported, could not be followed.*nvme0n1p3.*\[not-looked-at\]"],
         why="a member without a name may be of the pool that / is on"),
    Case("zfs-nolabel", "assign --dry-run --force not-looked-at 0000:01:00.0", status=0,
         says=[r"nvme0n1p3"], why="it can be forced by that name"),
    Case("zfs-nolabel", "assign --dry-run --force in-use-claimed,in-use-mount 0000:01:00.0", status=3,
         why="it can be forced by that name alone"),
    Case("zfs-nolabel", "enable --persist --dry-run 1344:51c0", status=3,
         says=[r"ZFS pool rpool"], why="what may be the root pool's is not taken at the next boot either"),
    Case("zfs-nolabel", "check 0000:01:00.0", status=3,
         change={"proc/spl/kstat/zfs/rpool/guid": "123\n"},
         says=[r"\[root-filesystem\]"], why="the pool's GUID is in udev's data where its name is not"),
    Case("zfs-nolabel", "list --users", status=0, never=[r"nvme[01]n1 .*assignable"],
         says=[r"0000:01:00\.0 .* \?"], why="list --users says as check does that it is not known"),
    Case("zfs-exported", "check 0000:01:00.0", status=0,
         says=[r"ZFS pool named \"rpool\".*\[signature\]"], never=[r"not-looked-at"],
         why="no pool is imported: the data are told of, by the pool's name"),
    Case("zfs-exported", "check 0000:01:00.0", status=0,
         change={"proc/spl/kstat/zfs/other/state": "ONLINE\n", "run/udev/data/b259:7":
                 "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=other\n",
                 "run/udev/data/b259:1": "E:ID_FS_TYPE=vfat\n"},
         says=[r"ZFS pool named \"rpool\".*\[signature\]"], never=[r"not-looked-at"],
         why="another pool is imported, and that one is exported"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={"run/udev/data/b259:3": "E:ID_PART_ENTRY_TYPE=6a898cc3-1dd2-11b2-99a6-080020736631\n"},
         says=[r"refuses: .*An imported ZFS pool may have more disks than are known, and may be on nvme0n1p3\. "
               r"\[not-looked-at\]"],
         why="a partition of ZFS' type without a signature may be its log, special or spare device"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_BLANK, "proc/spl/kstat/zfs/arcstats": "13 1 0x01 3 816\nname type data\nl2_size 4 81920\n"},
         says=[r"has a cache device that is not known, and may be on nvme0n1p1.*\[not-looked-at\]"],
         why="udev finds nothing on a cache device"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=0,
         change={**_BLANK, "proc/spl/kstat/zfs/arcstats": "13 1 0x01 3 816\nname type data\nl2_size 4 0\n"},
         never=[r"not-looked-at"], why="all disks of the pools are known, and this one is blank"),

    # ---- ext4, XFS, btrfs ----
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_EXT4), **_BLANK, "run/udev/data/b259:3": "E:ID_FS_TYPE=jbd\n",
                 "proc/fs/jbd2/nvme0n1p3/info": "", "sys/fs/ext4/nvme1n1p3/journal_task": "301\n",
                 "proc/301/comm": "jbd2/nvme0n1p3\n"},
         says=[r"blocks: .*nvme0n1p3, holding the journal of the file system mounted at /.*\[root-filesystem\]"],
         why="the journal of / is on another disk, and no holder tells"),
    Case("zfs-root-mirror", "enable --persist --dry-run 1344:51c0", status=3,
         change={**_NO_ZFS, **_mounts(_DATA), **_BLANK, "run/udev/data/b259:3": "E:ID_FS_TYPE=jbd\n",
                 "proc/fs/jbd2/nvme0n1p3/info": ""},
         says=[r"nvme0n1p3,? holding the journal of the file system mounted at /srv"],
         why="the journal of a data file system counts for the next boot as well"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_DATA), **_BLANK, "run/udev/data/b259:3": "E:ID_FS_TYPE=jbd\n"},
         says=[r"The journal of /srv \(ext4\) is not known, and may be on nvme0n1p3\. \[not-looked-at\]"],
         why="a journal without its file system, where the kernel's list of journals is not there"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_XFS), **_BLANK},
         says=[r"nvme0n1p3, holding the log of the file system mounted at /.*\[root-filesystem\]"],
         never=[r"[Uu]nmount"], why="the log of / is on another disk"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_XFS.replace("logdev=/dev/nvme0n1p3", "rtdev=/dev/nvme0n1")), **_BLANK},
         says=[r"nvme0n1, holding the real-time device of the file system mounted at /.*\[root-filesystem\]"],
         why="the data of / are on its real-time device"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_XFS.replace("/dev/nvme0n1p3", "/dev/disk/by-id/lost")), **_BLANK},
         says=[r"/ \(xfs on log /dev/disk/by-id/lost\) could not be followed.*\[not-looked-at\]"],
         why="the log of / is on a disk whose name is not known any more"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_BTRFS), **_BLANK, "sys/fs/btrfs/1-2/devices/nvme0n1p3": ("link", "x"),
                 "sys/fs/btrfs/1-2/devices/nvme1n1p3": ("link", "x")},
         says=[r"nvme0n1p3, mounted at /, on one of 2 disks of its file system.*\[root-filesystem\]"],
         why="/ is a btrfs on two disks"),

    # ---- file systems whose further devices no mount names ----
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_EXT4.replace("ext4", "f2fs")), **_BLANK, "proc/fs/f2fs/nvme1n1p3/disk_map":
                 "Address Layout   :  4096B Block address (# of Segments)\n\nDisk Map for multi devices:\n"
                 "Disk: 0 (zoned=0): 0x0000000000 - 0x00000003ff on /dev/nvme1n1p3\n"
                 "Disk: 1 (zoned=0): 0x0000000400 - 0x00000007ff on /dev/nvme0n1p3\n"},
         says=[r"blocks: .*nvme0n1p3, holding the data of the file system mounted at /.*\[root-filesystem\]"],
         never=[r"[Uu]nmount"], why="/ is an f2fs on two disks"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_EXT4.replace("ext4", "f2fs")), **_BLANK},
         says=[r"devices of / \(f2fs\), if it has any, are not known, and may be on nvme0n1p1.*\[not-looked-at\]"],
         why="/ is an f2fs, and the kernel tells nothing of its disks"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_DATA.replace("ext4", "jfs")), **_BLANK},
         says=[r"The log of /srv \(jfs\), if it is not inside, is not known, and may be on .*\[not-looked-at\]"],
         why="nothing tells where a JFS has its log"),
    Case("zfs-root-mirror", "enable --persist --dry-run 1344:51c0", status=3,
         change={**_NO_ZFS, **_mounts(_DATA.replace("ext4", "jfs")), **_BLANK},
         says=[r"The log of /srv \(jfs\)"], why="the log of a JFS counts for the next boot as well"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3,
         change={**_NO_ZFS, **_mounts(_DATA.replace("ext4", "erofs")), **_BLANK},
         says=[r"The further devices of /srv \(erofs\), if it has any, are not known, .*\[not-looked-at\]"],
         why="nothing tells what an erofs was mounted with as device="),
    Case("zfs-root-mirror", "assign --dry-run --force not-looked-at 0000:01:00.0", status=0,
         change={**_NO_ZFS, **_mounts(_DATA.replace("ext4", "erofs")), **_BLANK},
         why="what is in doubt can be forced by that name, where nothing tells the devices of an erofs"),

    # ---- drivers that link no disks ----
    Case("unraid-md", "check 0000:06:00.0", status=3,
         says=[r"/dev/sdb, part of md1p1, mounted at /mnt/disk1\. \[in-use-holder\]"],
         why="Unraid's array tells its disks in /proc/mdstat only"),
    Case("unraid-md", "check 0000:06:00.0", status=3, change={"proc/mdstat": None},
         says=[r"/mnt/disk1 \(xfs on md1p1\) could not be followed to its disks, and may be on .*\[not-looked-at\]"],
         never=[r"can be assigned"], why="nothing tells which disks the array is on"),
    Case("unraid-md", "assign --dry-run --force not-looked-at 0000:06:00.0", status=0, change={"proc/mdstat": None},
         why="what is in doubt can be forced by that name, where nothing tells the disks of the array"),
    Case("unraid-md", "check 0000:06:00.0", status=3,
         change={**_mounts("29 1 9:1 / / rw - ext4 /dev/md1p1 rw\n")},
         says=[r"blocks: .*/dev/sdb, part of md1p1, mounted at /"], why="/ is on the array"),
    Case("unraid-md", "check 0000:06:00.0", status=3,
         change={**_mounts("29 1 147:0 / / rw - ext4 /dev/drbd0 rw\n"), "proc/mdstat": None,
                 "sys/devices/virtual/block/drbd0/dev": "147:0\n",
                 "sys/class/block/drbd0": ("link", "../../devices/virtual/block/drbd0"),
                 "etc/drbd.d/r.res": "resource r { device /dev/drbd0; disk /dev/sdb1; meta-disk internal; }\n"},
         says=[r"/dev/sdb1, part of drbd0, mounted at /.*\[root-filesystem\]"], why="/ is on DRBD"),
    Case("unraid-md", "check 0000:06:00.0", status=3,
         change={**_mounts("29 1 147:0 / / rw - ext4 /dev/drbd0 rw\n"), "proc/mdstat": None,
                 "sys/devices/virtual/block/drbd0/dev": "147:0\n",
                 "sys/class/block/drbd0": ("link", "../../devices/virtual/block/drbd0")},
         says=[r"/ \(ext4 on drbd0\) could not be followed.*\[not-looked-at\]"],
         why="/ is on DRBD, and nothing tells what that is on"),
    Case("unraid-md", "check 0000:06:00.0", status=3,
         change={**_mounts("29 1 9:126 / /boot rw - ext4 /dev/md126 rw\n"), "proc/mdstat": "Personalities : [raid1]\n",
                 "sys/devices/virtual/block/md126/dev": "9:126\n",
                 "sys/class/block/md126": ("link", "../../devices/virtual/block/md126"),
                 "sys/devices/virtual/block/md126/slaves/sdb1": ("link", "x"),
                 "sys/devices/virtual/block/md126/slaves/sdc1": ("link", "x")},
         says=[r"/dev/sdb1, part of md126, mounted at /boot"], never=[r"not-looked-at"],
         why="/boot is a mirror, which the kernel does link"),

    # ---- memory ----
    Case("zfs-root-mirror", "check 0000:01:00.0", change=_live("/run/live.squashfs", **{"run/live.squashfs": "x"}),
         never=[r"not-looked-at"], why="a file in memory is on no disk"),
    Case("zfs-root-mirror", "check 0000:01:00.0", status=3, change=_live("/run/live.squashfs"),
         says=[r"/mnt \(squashfs on loop0\) could not be followed.*\[not-looked-at\]"],
         why="a file that is not in this namespace may be on a disk"),

    # ---- right before ----
    Case("bcache-root", "check 0000:00:17.0", status=3, says=[r"part of bcache0.*\[root-filesystem\]"],
         why="/ is on bcache, whose backing disk is here"),
    Case("bcache-root", "check 0000:02:00.0", status=3, says=[r"part of bcache0.*\[root-filesystem\]"],
         why="/ is on bcache, whose cache is here"),
]
