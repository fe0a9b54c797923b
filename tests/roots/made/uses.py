# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workstation on which everything is in use by somebody: one function for each kind of user.

/ is in LVM on a SATA disk; containers, virtual machines, a desktop and a compute job share the rest.
"""

from build import Tree

SLOT = "pci0000:00/0000:00:{:02x}.0"
PORT = "pci0000:00/0000:00:{:02x}.0/0000:{:02x}:00.{}"
LETTERS = "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe"


def _storage(t):
    ahci = t.function("pci0000:00/0000:00:17.0", "8086:a352", "010601", 6, "ahci", "1028:0a5d", "10")
    scsi = f"{ahci}/ata1/host0/target0:0:0/0:0:0:0/block/sda"
    t.block(scsi, "8:0")
    t.block(f"{scsi}/sda1", "8:1", scsi)
    t.block(f"{scsi}/sda2", "8:2", scsi)
    t.mapped("dm-0", "254:0", ["sda2"], "vg0-root")
    t.mapped("dm-1", "254:1", ["sda2"], "vg0-swap")
    t.mount("8:1", "/boot", "/dev/sda1")
    t.mount("254:0", "/", "/dev/mapper/vg0-root")
    t.file("proc/swaps", "Filename Type Size Used Priority\n/dev/dm-1 partition 8388604 0 -2\n")
    disks = []
    for i, serial in enumerate(("CONTAINER", "FSTAB", "RAW", "FREE")):
        nvme = t.function(PORT.format(0x1b, i + 1, 0), "144d:a80a", "010802", 20 + i, "nvme", "144d:a801")
        t.config(nvme)
        disks.append(t.nvme(nvme, i, serial, i * 4))
    t.udev("259:4", ID_FS_TYPE="xfs", ID_FS_UUID="0b8b8d4c-1111-4222-8333-444455556666", ID_FS_USAGE="filesystem")
    t.udev("259:12", ID_FS_TYPE="LVM2_member", ID_FS_USAGE="raid")
    t.file("etc/fstab", "/dev/mapper/vg0-root / ext4 defaults 0 1\n"
                        "UUID=0b8b8d4c-1111-4222-8333-444455556666 /backup xfs noauto 0 2\n")
    t.process(4711, "postgres", mnt="4026532500")
    t.file("proc/4711/mountinfo", "61 60 254:0 /c / rw - ext4 /dev/mapper/vg0-root rw\n"
                                  "62 61 259:0 / /var/lib/postgresql rw - ext4 /dev/nvme0n1 rw\n")
    t.process(4800, "spdk_tgt", files=["/dev/nvme2n1"])


def _network(t):
    first = t.function(PORT.format(0x1c, 5, 0), "8086:1521", "020000", 30, "igb", "8086:0002")
    t.net(first, "eth0", "02:00:00:00:05:00", up=True)
    second = t.function(PORT.format(0x1c, 5, 1), "8086:1521", "020000", 31, "igb", "8086:0002")
    t.net(second, "eth1", "02:00:00:00:05:01", up=True)
    t.net("sys/devices/virtual", "br0", "02:00:00:00:05:00", up=True)
    eth0, br0 = f"{first}/net/eth0", "sys/devices/virtual/net/br0"
    t.to(f"{eth0}/upper_br0", br0)
    t.to(f"{eth0}/master", br0)
    t.to(f"{br0}/lower_eth0", eth0)
    t.directory(f"{br0}/bridge")
    t.file("proc/net/route", "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
                             "eth1 00000000 01020000 0003 0 0 100 00000000 0 0 0\n")


def _desktop(t):
    gpu = t.function(PORT.format(0x1, 6, 0), "1002:73bf", "030000", 40, "amdgpu", "1002:0e3a", boot_vga="1")
    t.config(gpu)
    t.line(f"{gpu}/graphics/fb0/name", "amdgpudrmfb")
    t.to("sys/class/graphics/fb0", f"{gpu}/graphics/fb0")
    t.node(f"{gpu}/drm/card0", "226:0", "drm")
    t.node(f"{gpu}/drm/renderD128", "226:128", "drm")
    connector = f"{gpu}/drm/card0/card0-DP-1"
    t.line(f"{connector}/status", "connected")
    t.line(f"{connector}/enabled", "enabled")
    for name, path in (("card0", f"{gpu}/drm/card0"), ("card0-DP-1", connector)):
        t.to(f"sys/class/drm/{name}", path)
    audio = t.function(PORT.format(0x1, 6, 1), "1002:ab28", "040300", 40, "snd_hda_intel", "1002:ab28")
    t.node(f"{audio}/sound/card0/pcmC0D3p", "116:3", "sound")
    t.line("sys/class/vtconsole/vtcon0/name", "(M) frame buffer device")
    t.line("sys/class/vtconsole/vtcon0/bind", "1")
    t.process(1200, "Xorg", files=["/dev/dri/card0"])
    t.process(1300, "pipewire", files=["/dev/snd/pcmC0D3p"])
    usb = t.function("pci0000:00/0000:00:14.0", "8086:a36d", "0c0330", 8, "xhci_hcd")
    keyboard = f"{usb}/usb1/1-3/1-3:1.0/0003:046D:C31C.0001/input/input5"
    t.line(f"{keyboard}/capabilities/key", LETTERS)
    t.line(f"{keyboard}/name", "Logitech USB Keyboard")
    t.to("sys/class/input/input5", keyboard)
    for name, number, path in (("card0", "226:0", "dri"), ("pcmC0D3p", "116:3", "snd")):
        t.device(f"dev/{path}/{name}", "c", *map(int, number.split(":")))


def _guests(t):
    for i in range(3):
        nic = t.function(PORT.format(0x1d, 7 + i, 0), "8086:10d3", "020000", 50 + i, "vfio-pci", "8086:a01f")
        path = f"sys/devices/virtual/vfio/{50 + i}"
        t.line(f"{path}/dev", f"510:{i}")
        t.to(f"sys/class/vfio/{50 + i}", path)
        t.to(f"sys/dev/char/510:{i}", path)
        t.config(nic)
    t.process(9000, "qemu-system-x86", files=["/dev/vfio/vfio", "/dev/vfio/50", "anon_inode:[vfio-device]"],
              cmdline="/usr/bin/qemu-system-x86_64 -name guest=web,debug-threads=on -S")
    claim = ("<domain type='kvm'><name>{}</name><devices><hostdev mode='subsystem' type='pci' managed='{}'>"
             "<source><address domain='0x0000' bus='0x{:02x}' slot='0x00' function='0x0'/></source>"
             "</hostdev></devices></domain>\n")
    t.file("run/libvirt/qemu/web.xml", "<domstatus state='running' reason='booted' pid='9000'>"
                                       f"{claim.format('web', 'yes', 7)}</domstatus>\n")
    t.file("etc/libvirt/qemu/db.xml", claim.format("db", "no", 4))
    t.line("etc/driverctl.d/0000:04:00.0", "vfio-pci")


def _oddities(t):
    t.function(PORT.format(0x1e, 10, 0), "8086:37c8", "0b4000", 60, "c6xx", "8086:0000")
    t.config(t.function(PORT.format(0x1e, 11, 0), "15b3:1017", "020000", 61), gone=True)
    t.config(t.function(PORT.format(0x1e, 12, 0), "10b5:8796", "068000", 62), header_type=1)
    t.config(t.function(PORT.format(0x1e, 13, 0), "10b5:8796", "088000", 63), header_type=0x81)
    t.function(PORT.format(0x1e, 14, 0), "10de:1eb8", "030200", 64, power_state="D3cold")
    pf = t.function(PORT.format(0x1f, 15, 0), "8086:1572", "020000", 70, "i40e", sriov_totalvfs="64",
                    sriov_numvfs="1")
    vf = t.function("pci0000:00/0000:00:1f.0/0000:0f:02.0", "8086:154c", "020000", 71, "iavf")
    t.to(f"{vf}/physfn", pf)
    t.to(f"{pf}/virtfn0", vf)


def make():
    t = Tree("a workstation with a user for everything")
    t.iommu("dmar0")
    for driver in ("ahci", "nvme", "igb", "amdgpu", "snd_hda_intel", "xhci_hcd", "vfio-pci", "c6xx", "i40e", "iavf"):
        t.driver(driver, driver.replace("-", "_"))
    t.modules(["pci:v*d*sv*sd*bc01sc08i02* nvme", "vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci"],
              ["kernel/drivers/nvme/host/nvme.ko:", "kernel/drivers/vfio/vfio.ko:",
               "kernel/drivers/vfio/pci/vfio-pci.ko: kernel/drivers/vfio/vfio.ko"])
    t.process(1, "systemd", parent=0)
    t.directory("sys/dev/char")
    t.line("sys/module/vfio_pci/parameters/disable_denylist", "N")
    _storage(t)
    _network(t)
    _desktop(t)
    _guests(t)
    _oddities(t)
    t.file("proc/1/mountinfo", t.text("proc/self/mountinfo"))
    return t
