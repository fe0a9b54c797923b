# SPDX-License-Identifier: LGPL-2.1-or-later
"""Others who bind at boot or when a guest starts, and hints that lead somewhere."""

GPU, SOUND, USB, UCSI = "0000:01:00.0", "0000:01:00.1", "0000:01:00.2", "0000:01:00.3"
_NOTHING = {"etc/udev/rules.d/99-vfio-pci-bind.rules": None, "etc/udev/rules.d/61-vfio.rules": None,
            "etc/initramfs-tools/scripts/init-top/vfio": None, "boot/config/vfio-pci.cfg": None,
            "etc/pve": None, "proc/cmdline": "root=/dev/sda intel_iommu=on\n"}


def _only(files, why, command=f"check {GPU}", **more):
    """The host of other-tools with these files in place of all the others. check refuses it for its group."""
    return Case("other-tools", command, why, change={**_NOTHING, **files},
                **{"status": 3 if command.startswith("check") else 0, **more})


def _claimed(path, line, code="bound-by-others"):
    return rf"claimed by /{path}:{line}, .*\[{code}\]"


_DRIVERCTL = "#!/bin/bash\n# set_override writes \"$syspath/vendor\" > .../drivers/pci:vfio-pci/new_id\n"
_STATUS = ("Package: drive\nStatus: install ok installed\nVersion: 9\n\nPackage: driverctl\n"
           "Status: {}\nPriority: optional\nVersion: {}\n\nPackage: z\nStatus: install ok installed\nVersion: 1\n")
_TWIN = {"sys/devices/pci0000:00/0000:00:01.0/0000:01:00.2/device": "0x2184\n",
         "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.2/modalias":
         "pci:v000010DEd00002184sv00001458sd00003FC7bc0Csc03i30\n"}
NVME, _NVME = "0000:04:00.0", "sys/devices/pci0000:00/0000:00:04.0/0000:04:00.0"
_MODALIAS = "pci:v00008086d0000{}sv00000000sd00000000bc{}sc{}i{}\n"
_ALIAS = {"lib/modules/6.1.0-18-amd64/modules.alias": "alias pci:v*d*sv*sd*bc01sc08i02* nvme\n"
          "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"}
_FREE = {**_ALIAS, f"{_NVME}/driver": None, f"sys/bus/pci/drivers/nvme/{NVME}": None}
_GRAPHICS = {f"{_NVME}/class": "0x030000\n", f"{_NVME}/modalias": _MODALIAS.format("3E92", "03", "00", "00"),
             f"{_NVME}/iommu_group": None, "sys/kernel/iommu_groups/4": None}
_SYS = "23 1 0:21 / /sys rw,relatime - sysfs sysfs rw\n"
_PVE = "etc/pve/nodes/pve1/qemu-server/100.conf"

CASES = [
    # ---- lists of modules
    Case("ids-initramfs-modules", "import",
         says=[r"type-1002-67df\.conf\n# Taken over from /etc/initramfs-tools/modules:4", r"CardType=1002:aaf0",
               r"/etc/modules:2: 1002:67df has no effect: systemd-modules-load",
               r"Remove \"ids=\" from line 4 of /etc/initramfs-tools/modules, then rebuild"],
         why="the initramfs passes the line to modprobe; systemd-modules-load looks for a module of that whole name"),
    Case("ids-initramfs-modules", "import", says=[r"CardType=1002:67df", r"Taken over from /etc/modules:2"],
         change={"etc/initramfs-tools/modules": None, "proc/1/comm": "init\n"},
         why="a boot script of sysvinit passes the arguments of /etc/modules on"),
    Case("ids-initramfs-modules", "import", says=[r"nothing to import", r"initramfs-tools is not installed"],
         change={"usr/bin/dracut": "x", "etc/modules": None}, why="dracut makes the images and reads no such file"),
    Case("ids-initramfs-modules", "import",
         says=[r"CardType=1002:67df", r":2: 1002:aaf0 has no effect: vfio-pci is loaded by an earlier line"],
         never=[r"CardType=1002:aaf0", r"dead"],
         change={"etc/initramfs-tools/modules": "vfio-pci  ids=dead:beef disable_vga=1 ids=1002:67df\n"
                                                "vfio_pci ids=1002:aaf0\n#vfio_pci ids=dead:0001\n",
                 "etc/modules": None},
         why="the module is loaded once, and the kernel keeps the last of a parameter"),
    # ---- other tools
    Case("other-tools", "import",
         says=[r"from /boot/config/vfio-pci.cfg:1", r"61-vfio\.rules:1: A udev rule binds 0000:01:00\.2",
               r"99-vfio-pci-bind\.rules:2: A udev rule binds 0000:01:00\.1", r"init-top/vfio:2: .* 0000:01:00\.0",
               r"100\.conf:2: Virtual machine 100 of Proxmox VE has 0000:01:00\.", r"pci\.cfg:2: .*as \"gpu\"",
               r"pci-stub takes 10de:1aed", r"xen-pciback takes 0000:01:00\.0"],
         why="BIND= has a fixed form; the others are named by file and line"),
    Case("other-tools", f"check {GPU} {USB}", status=3,
         says=[_claimed(r"etc/udev/rules.d/99-vfio-pci-bind.rules", 1), _claimed("etc/udev/rules.d/61-vfio.rules", 1),
               _claimed("etc/initramfs-tools/scripts/init-top/vfio", 2), r"Unraid, which binds it to vfio-pci",
               r"virtual machine 100 of Proxmox VE.*hostpci0 .*is started at boot\. \[guest-defined\]",
               r"0000:01:00\.3 is claimed by pci-stub"],
         never=[r"0000:01:00\.2 .*99-vfio"],
         why="each of them moves the function behind vfioadm's back"),
    # ---- udev rules
    _only({"usr/lib/udev/rules.d/80-x.rules":
           'SUBSYSTEM=="pci", ATTR{vendor}=="0x10de", ATTR{device}=="0x2184", \\\n  ATTR{driver_override}="vfio-pci"\n'},
          "a rule of a package that matches by IDs", says=[_claimed("usr/lib/udev/rules.d/80-x.rules", 1)]),
    _only({"usr/lib/udev/rules.d/80-x.rules": f'KERNEL=="{GPU}", ATTR{{driver_override}}="vfio-pci"\n',
           "run/udev/rules.d/80-x.rules": ("link", "/dev/null")},
          "a masked rule is read by nobody", never=[r"bound-by-others"]),
    _only({"etc/udev/rules.d/80-x.rules":
           '# KERNEL=="0000:01:00.1", ATTR{driver_override}="vfio-pci"\nKERNEL=="0000:01:00.[0-1]", TAG+="mine"\n'
           'TAG=="mine", RUN+="/bin/sh -c \'echo vfio-pci > /sys$devpath/driver_override\'"\n'},
          "a tag marks on one line what another line binds", says=[_claimed("etc/udev/rules.d/80-x.rules", 2)]),
    _only({"etc/udev/rules.d/80-x.rules": 'SUBSYSTEM=="usb-serial", RUN+="/bin/sh -c \'echo 10de 2184 > '
           '/sys/bus/usb-serial/drivers/ftdi_sio/new_id\'"\n',
           "etc/udev/rules.d/81-y.rules": f'KERNEL=="{GPU}", ATTR{{power/control}}="auto"\n'},
          "drivers of other buses, and rules that bind nothing", never=[r"bound-by-others"]),
    *(_only({"etc/udev/rules.d/80-x.rules": rule}, why, command=f"check {GPU} {USB}", says=[_claimed("etc/udev/rules.d/80-x.rules", n)],
            never=[r"0000:01:00\.2 .*bound-by-others"]) for n, rule, why in (
        (1, 'KERNEL=="0000:01:00.0", ATTR{[drivers/pci:vfio-pci]bind}="%k"\n', "a rule writes to the driver's bind"),
        (1, 'ENV{MODALIAS}=="pci:v000010DEd00002184*", ATTR{driver_override}="vfio-pci"\n', "a rule knows it by its modalias"),
        (1, 'ENV{MODALIAS}=="pci:v*d*sv*sd*bc03sc00i*", ATTR{driver_override}="vfio-pci"\n', "a rule knows its class by its modalias"),
        (1, 'SUBSYSTEM=="pci", ATTR{class}=="0x0300*", ATTR{driver_override}="vfio-pci"\n', "a rule about all graphics cards"),
        (1, 'ATTR{vendor}=="0x1002|0x10de", ATTR{device}=="0x73bf|0x2184", ATTR{driver_override}="vfio-pci"\n',
         "one of several IDs of a rule"),
        (1, 'ATTRS{vendor}=="0x10DE", ATTRS{device} == "0x218?", ATTRS{class}=="0x030000", ATTR{driver_override}="vfio-pci"\n',
         "a rule with a wildcard in the device's ID"),
        (4, 'ATTR{vendor}!="0x10de", GOTO="end"\nATTR{device}!="0x2184", GOTO="end"\n'
            'ENV{X}="y"\nATTR{driver_override}="vfio-pci"\nLABEL="end"\n', "a rule that jumps over what is another card"),
        (1, 'ATTR{vendor}=="0x10de", ATTR{device}=="0x2184", TAG+="v"\nTAG=="v", ATTR{driver_override}="vfio-pci"\n',
         "a card type is marked on one line and bound on another"))),
    _only({"etc/udev/rules.d/80-x.rules": 'SUBSYSTEM=="pci", ATTR{class}=="0x030000", ATTR{driver_override}="vfio-pci"\n'},
          "a class in words", command="import", says=[r"A udev rule binds every function of class 030000\."]),
    _only({"etc/udev/rules.d/80-x.rules": 'KERNEL=="0000:01:00.1", ATTR{vendor}=="0x10de", ATTR{device}=="0x2184", '
           'ATTR{driver_override}="vfio-pci"\n'}, "a slot says more than the card that is to be in it",
          says=[r"0000:01:00\.1 .*bound-by-others"], never=[r"0000:01:00\.0 .*bound-by-others"]),
    # ---- settings that scripts read
    *(_only(files, why, command=f"check {GPU} {USB}", says=[_claimed(path, line)], never=[r"0000:01:00\.2 .*bound-by-others"])
      for path, line, files, why in (
        ("etc/conf.d/vfio", 1, {"etc/init.d/vfio": '#!/sbin/openrc-run\nstart() {\n for d in $VFIO; do echo vfio-pci > '
                                '/sys/bus/pci/devices/$d/driver_override; done\n}\n',
                                "etc/conf.d/vfio": 'VFIO="0000:01:00.0"\n'}, "settings of an init script of OpenRC"),
        ("etc/default/vfio", 1, {"etc/systemd/system/v.service": "[Service]\nEnvironmentFile=-/etc/default/vfio\n"
                                 "ExecStart=/usr/local/bin/v\n", "usr/local/bin/v":
                                 "#!/bin/sh\necho vfio-pci > /sys/bus/pci/devices/$DEVICE/driver_override\n",
                                 "etc/default/vfio": "DEVICE=01:00.0\n"}, "the environment of a unit"),
        ("etc/vfio.conf", 1, {"etc/rc.local": "#!/bin/sh\n. /etc/vfio.conf\necho $D > /sys/bus/pci/drivers/vfio-pci/bind\n",
                              "etc/vfio.conf": "D=0000:01:00.0\n"}, "a file that rc.local sources"),
        ("etc/systemd/system/multi-user.target.wants/vfio@0000:01:00.0.service", 2,
         {"etc/systemd/system/vfio@.service": "[Service]\nExecStart=/usr/bin/driverctl --nosave set-override %i vfio-pci\n",
          "etc/systemd/system/multi-user.target.wants/vfio@0000:01:00.0.service": ("link", "../vfio@.service")},
         "the instance of a unit is in its name"),
        ("root/bind.py", 1, {"etc/rc.local": "#!/bin/sh\npython3 /root/bind.py\n", "root/bind.py":
                             'open("/sys/bus/pci/devices/0000:01:00.0/driver_override", "w").write("vfio-pci")\n'},
         "a script that an interpreter gets"),
        ("etc/tmpfiles.d/v.conf", 1, {"etc/tmpfiles.d/v.conf":
                                      "w /sys/bus/pci/devices/0000:01:00.0/driver_override - - - - vfio-pci\n"},
         "tmpfiles.d writes to sysfs"),
        ("etc/sysfs.d/v.conf", 1, {"etc/sysfs.d/v.conf": "bus/pci/devices/0000:01:00.0/driver_override = vfio-pci\n"},
         "sysfsutils write to sysfs"),
        ("etc/dpdk/interfaces", 2, {"etc/dpdk/interfaces": "# pci 0000:01:00.2 vfio-pci\npci 0000:01:00.0 uio_pci_generic\n"},
         "DPDK's list of interfaces"))),
    _only({"etc/modprobe.d/v.conf": "# x\ninstall vfio-pci /sbin/override.sh\n", "sbin/override.sh":
           "#!/bin/sh\nfor i in 0000:01:00.0; do\n echo vfio-pci > /sys/bus/pci/devices/$i/driver_override\ndone\n"
           "modprobe -i vfio-pci\n"}, "modprobe runs a script in place of loading vfio-pci",
          says=[_claimed("sbin/override.sh", 2)]),
    _only({"etc/modprobe.d/v.conf": "# x\ninstall vfio-pci echo vfio-pci > /sys/bus/pci/devices/0000:01:00.0/driver_override; "
           "modprobe -i vfio-pci\n"}, "modprobe runs a command that binds", says=[_claimed("etc/modprobe.d/v.conf", 2)]),
    _only({"etc/modprobe.d/v.conf": "install vfio-pci /sbin/override.sh\n",
           "sbin/override.sh": "#!/bin/sh\nlogger loading 0000:01:00.0\nmodprobe -i vfio-pci\n"},
          "modprobe runs a script that binds nothing", never=[r"bound-by-others"]),
    # ---- scripts
    _only({"etc/initramfs-tools/scripts/init-premount/vfio":
           '#!/bin/sh\nDEVS="0000:01:00.0 0000:01:00.1"\nfor DEV in $DEVS; do\n'
           '\techo vfio-pci > /sys/bus/pci/devices/$DEV/driver_override\ndone\n'},
          "a loop over a variable", says=[_claimed("etc/initramfs-tools/scripts/init-premount/vfio", 2)]),
    _only({"usr/lib/dracut/modules.d/90mine/bind.sh":
           "echo 10de 2184 > /sys/bus/pci/drivers/vfio-pci/new_id\n"},
          "a dracut module writes the card type", says=[_claimed("usr/lib/dracut/modules.d/90mine/bind.sh", 1)]),
    _only({"etc/rc.local": f"#!/bin/sh\necho {GPU} > /sys/bus/pci/drivers/nouveau/unbind\n"},
          "rc.local unbinds it", says=[_claimed("etc/rc.local", 2)]),
    _only({"etc/systemd/system/vfio.service":
           "[Service]\nExecStart=-/usr/local/bin/bind-it 01:00.0\n",
           "usr/local/bin/bind-it": '#!/bin/sh\necho vfio-pci > /sys/bus/pci/devices/0000:$1/driver_override\n'},
          "a unit calls a script with the address", says=[_claimed("etc/systemd/system/vfio.service", 2)]),
    _only({"var/spool/cron/crontabs/root": "0 4 * * * echo 0000:01:00.1 > /sys/bus/pci/drivers/vfio-pci/bind\n"
                                           "@reboot /root/gpu.sh\n",
           "root/gpu.sh": "#!/bin/bash\n# the card\nG=0000:01:00.0\ndriverctl --nosave set-override $G vfio-pci\n"},
          "cron runs a script at boot", command=f"check {GPU} {SOUND}", says=[_claimed("root/gpu.sh", 3)],
          never=[r"crontabs"]),
    _only({"etc/libvirt/hooks/kvm.conf": "VIRSH_GPU=pci_0000_01_00_0\n",
           "etc/libvirt/hooks/qemu.d/win/prepare/begin/start.sh":
           "#!/bin/sh\n. /etc/libvirt/hooks/kvm.conf\nvirsh nodedev-detach $VIRSH_GPU\n"},
          "a hook of libvirt detaches what its settings name",
          says=[r"hooks/kvm\.conf:1, which binds it when a guest starts"]),
    _only({"etc/local.d/gpu.start": "for i in /sys/bus/pci/devices/*/boot_vga; do\n"
                                    " echo vfio-pci > ${i%/*}/driver_override; done\n"},
          "a script that computes what it binds", command="import",
          says=[r"/etc/local\.d/gpu\.start:2: A script or setting binds functions at each boot and computes"]),
    _only({"etc/rc.local": "#!/bin/sh\nmount --bind /a /b\necho 1-1 > /sys/bus/usb/drivers/usb/unbind\n"
                           "# echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/bind\n"
                           "logger 0000:01:00.0 # new_id\n", "etc/rc.local~": "driver_override 0000:01:00.0\n",
           "etc/init.d/vfio.dpkg-old": "driver_override 0000:01:00.0\n"},
          "lines that bind nothing", never=[r"bound-by-others"]),
    # ---- Unraid and Proxmox VE
    _only({"boot/config/vfio-pci.cfg": "BIND=01:00.0|10de:1111 0000:01:00.1\n"}, "another card is in the slot",
          command="import", says=[r"0000:01:00\.0 is expected to be a 10de:1111", r"media-0000-01-00\.1\.conf",
                                  r"Remove 0000:01:00\.1 from BIND= in /boot/config/vfio-pci\.cfg\."]),
    _only({_PVE: "name: a\nhostpci1: mapping=gpu,pcie=1\n[snap]\nhostpci2: 01:00.3\n",
           "etc/pve/nodes/pve2/qemu-server/101.conf": "hostpci0: 01:00.2\n", "etc/hostname": "pve1\n",
           "etc/pve/mapping/pci.cfg": "gpu\n\tdescription x\n\tmap id=10de:1aeb,node=pve2,path=0000:01:00.1\n"
           "\tmap id=10de:2184,node=pve1,path=0000:01:00.0\n"},
          "machines and mappings of this node of the cluster, without snapshots",
          command=f"check {GPU} {SOUND} {USB} {UCSI}", status=0,
          says=[r"0000:01:00\.0 .*machine 100 .*hostpci1 \(/etc/pve/nodes/pve1/qemu-server/100\.conf:2\)"],
          never=[r"0000:01:00\.[123].*guest-defined", r"101"]),
    _only({"etc/pve/local": ("link", "nodes/pve1"), "etc/pve/qemu-server": ("link", "nodes/pve1/qemu-server"),
           _PVE: "hostpci0: host=0000:02:00;01:00.3,pcie=1\nhostpci1: 0000:01:00.1,mdev=x\n[PENDING]\n"
           "hostpci3: 01:00.0\n"}, "several devices of one entry, and what is pending",
          command=f"check {GPU} {SOUND} {USB} {UCSI}", status=0,
          says=[r"0000:01:00\.3 .*hostpci0 ", r"0000:01:00\.1 .*hostpci1 ", r"0000:01:00\.0 .*hostpci3 "],
          never=[r"0000:01:00\.2 .*guest-defined", r"started at boot"]),
    _only({"var/lib/vz/snippets/gpu.pl": 'system("echo 0000:01:00.0 > /sys/bus/pci/drivers/nouveau/unbind");\n'},
          "a hook script of Proxmox VE", says=[r"snippets/gpu\.pl:1, which binds it when a guest starts"]),
    # ---- libvirt
    Case("lv-qemu-cmdline", "import", says=[r"gpu-0000-01-00\.0\.conf", r"media-0000-01-00\.1\.conf",
                                            r"Taken over from /etc/libvirt/qemu/win10\.xml"],
         why="libvirt binds nothing for what it passes on to QEMU"),
    Case("lv-qemu-cmdline", f"check {GPU}", status=3, says=[r"libvirt domain mac, .*\[libvirt-defined\]"],
         why="the domain names it on QEMU's command line"),
    Case("lv-qemu-cmdline", "import", says=[r"nvme-0000-04-00\.0\.conf", r"gpu-0000-01-00\.0\.conf"],
         never=[r"0002-06", r"10000"],
         change={"etc/libvirt/qemu/win10.xml": "<domain type='kvm' xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>"
                 "<name>j</name><q:commandline><q:arg value='-device'/><q:arg value='{\"driver\":\"vfio-pci\",\"id\":"
                 "\"h\",\"host\": \"0000:04:00.0\"}'/><q:arg value='-device'/>"
                 "<q:arg value='vfio-pci,id=ghost,sysfsdev=/sys/bus/pci/devices/0000:01:00.0'/>"
                 "<q:arg value='vhost-scsi-pci,host=0002:06:00.0'/><q:env name='X' value='vfio-pci,host=10000:e1:00.0'/>"
                 "</q:commandline></domain>"},
         why="JSON, sysfsdev and another prefix of the name space; other devices and variables are none"),
    Case("lv-managed-default", "import", says=[r"net-0002-06-00\.0\.conf", r"gpu-0000-01-00\.0\.conf"],
         why="managed is 'no' where it is not given"),
    # ---- driverctl
    Case("gtx-driverctl", "import", says=[r"gpu-0000-01-00\.0\.conf", r"media-0000-01-00\.1\.conf",
                                          r"01:00\.3 to none, which is no VFIO driver"], never=[r"whole card type"],
         why="what driverctl of an unknown version does to card types is not known"),
    Case("gtx-driverctl", "import", says=[r"driverctl has given vfio-pci the whole card type, until a reboot"],
         change={"usr/sbin/driverctl": _DRIVERCTL}, why="0.115 gives the card type and never takes it back"),
    Case("gtx-driverctl", "import", says=[r"whole card type, until \"driverctl unset-override\" or a reboot"],
         change={"usr/bin/driverctl": _DRIVERCTL + "echo > .../remove_id\n"}, why="0.121 takes it back"),
    Case("gtx-driverctl", "import", says=[r"Run \"rm /etc/driverctl\.d/pci-0000:09:00\.0\"\."],
         never=[r"Run \"driverctl unset-override"], change={"etc/driverctl.d/pci-0000:09:00.0": "vfio-pci\n"},
         why="unset-override refuses a device that is not there"),
    Case("gtx-driverctl", f"check {USB}", status=3,
         says=[r"claimed by driverctl, which gives the card type 10de:2184 to vfio-pci because of 0000:01:00\.0 "
               r".*\[driverctl-type\]"],
         change={"usr/sbin/driverctl": _DRIVERCTL, **_TWIN}, why="a twin goes along"),
    Case("gtx-driverctl", f"check {USB}", status=3, says=[r"\[driverctl-type\]"],
         change={"var/lib/dpkg/status": _STATUS.format("install ok installed", "0.115-2"), **_TWIN},
         why="the version is known from dpkg"),
    Case("gtx-driverctl", f"check {USB}", status=3, says=[r"\[driverctl-type\]"],
         change={"var/lib/dpkg/status": _STATUS.format("hold ok installed", "1:0.115-1~bpo12+1"), **_TWIN},
         why="a package that is held is installed"),
    Case("gtx-driverctl", f"check {USB}", status=3, never=[r"\[driverctl-type\]"],
         change={"var/lib/dpkg/status": _STATUS.format("install ok installed", "0.111-1"), **_TWIN},
         why="0.111 gives the function alone"),
    Case("gtx-driverctl", f"check {USB}", status=3, never=[r"\[driverctl-type\]"],
         change={"var/lib/dpkg/status": _STATUS.format("deinstall ok config-files", "0.121-1"), **_TWIN},
         why="a driverctl that was removed does nothing"),
    Case("gtx-driverctl", "list --enabled", says=[r"10de:2184 +driverctl", r"10de:1aeb +driverctl"],
         change={"usr/sbin/driverctl": _DRIVERCTL}, why="vfio-pci holds the types of its overrides"),
    Case("gtx-driverctl", "list --enabled", says=[r"no card types are known"], why="an old driverctl enables none"),
    Case("gtx-driverctl", "list --enabled", says=[r"no card types are known"],
         change={"usr/sbin/driverctl": _DRIVERCTL, "sys/bus/pci/drivers/vfio-pci": None},
         why="without the driver there is nobody who holds a type"),
    # ---- hints lead somewhere
    Case("b450-group", "check 0000:07:00.0", status=3,
         says=[r"0000:07:00\.0: not-assignable, cannot be assigned",
               r"shares IOMMU group 12 with 0000:03:00\.0 \(nvme\), which cannot leave the host: nvme0n1p2 is mounted "
               r"at /\. .*\[group-member\]", r"0000:03:00\.0 .*\[root-filesystem\]", r"slot with an IOMMU group of its own"],
         never=[r"--group", r"in-use-net"], why="/ is in its group, so nothing that is taken along helps"),
    Case("b450-group", "list", says=[r"0000:07:00\.0 .* not-assignable\n", r"0000:03:00\.0 .* in-use\n"],
         never=[r"needs-group"], why="list knows of / as well"),
    Case("b450-group", "assign --dry-run --group 0000:07:00.0", status=3, says=[r"0000:03:00\.0 \(nvme\), which cannot"],
         why="the group was taken along, and cannot leave either"),
    Case("b450-group", "check 0000:07:00.0", status=3,
         says=[r"0000:07:00\.0: needs-group", r"\[group-split\]",
               r"End the use of 0000:0[34]:00\.0 first \(.*\); then take them along: vfioadm assign --group 0000:07:00\.0"],
         never=[r"group-member"],
         change={"proc/self/mountinfo": _SYS + "41 1 259:2 / /data rw,relatime - ext4 /dev/nvme0n1p2 rw\n",
                 "proc/1/mountinfo": _SYS},
         why="a mount of data can be ended, then the group can come along"),
    Case("b450-group", "assign --dry-run --group 0000:07:00.0", says=[r"bind 0000:07:00\.0 to vfio-pci"],
         change={"proc/self/mountinfo": _SYS, "proc/1/mountinfo": _SYS, "sys/class/net/enp4s0": None, "proc/net": None,
                 "sys/devices/pci0000:00/0000:00:01.3/0000:01:00.2/0000:02:01.0/0000:04:00.0/net": None},
         why="nothing of the group is used"),
    Case("gtx-driverctl", f"show {GPU}", says=[rf"To give it back: +vfioadm release --group {GPU}"],
         why="a group member is on VFIO as well"),
    # ---- left over
    Case("lv-managed-default", f"check {NVME}", says=[r"has no driver, and only vfio-pci can be bound.*\[left-over\]",
                                                      rf"vfioadm release {NVME}"],
         change={**_FREE, f"{_NVME}/driver_override": "vfio-pci\n"}, why="an override was left over"),
    Case("lv-managed-default", f"release --dry-run {NVME}",
         says=[rf"clear driver_override of {NVME}", rf"load module nvme|bind {NVME} to nvme|bind {NVME} to the best host driver"],
         change={**_FREE, f"{_NVME}/driver_override": "vfio-pci\n"}, why="release clears the override and binds it"),
    Case("lv-managed-default", f"release --dry-run {NVME}", says=[rf"bind {NVME} to nvme|bind {NVME} to the best host driver"],
         never=[r"is not assigned", r"driver_override"], change=_FREE, why="no driver and no override"),
    Case("lv-managed-default", f"release --dry-run --group {NVME}", says=[r"is not assigned"], change=_FREE,
         why="what had no driver before stays so where the group is released"),
    Case("lv-managed-default", f"release --dry-run {NVME}",
         says=[rf"clear driver_override of {NVME}", r"keeps its host driver"], never=[r"unbind"],
         change={**_ALIAS, f"{_NVME}/driver_override": "vfio-pci\n"}, why="only the override was left over"),
    Case("lv-managed-default", f"release --dry-run {NVME}",
         says=[rf"unbind {NVME} from uio_pci_generic", rf"bind {NVME} to nvme|bind {NVME} to the best host driver"],
         change={**_ALIAS, f"{_NVME}/driver": ("link", "../../../../bus/pci/drivers/uio_pci_generic"),
                 "sys/bus/pci/drivers/uio_pci_generic": ("dir",)}, why="a driver for programs"),
    Case("lv-managed-default", f"check {NVME}", says=[r"is bound to igb_uio, .*\[left-over\]"],
         change={**_ALIAS, f"{_NVME}/driver": ("link", "../../../../bus/pci/drivers/igb_uio"),
                 "sys/bus/pci/drivers/igb_uio": ("dir",)}, why="DPDK's driver"),
    # ---- the firmware's flash, graphics without an IOMMU
    Case("lv-managed-default", f"check {NVME}", says=[r"\[firmware-flash\]"],
         change={f"{_NVME}/class": "0x0c8000\n", f"{_NVME}/modalias": _MODALIAS.format("A324", "0C", "80", "00"),
                 f"{_NVME}/driver": ("link", "../../../../bus/pci/drivers/intel-spi"),
                 "sys/bus/pci/drivers/intel-spi": ("dir",)}, why="the SPI controller, by its driver"),
    Case("lv-managed-default", f"check {NVME}", never=[r"firmware-flash"],
         change={f"{_NVME}/class": "0x0c8000\n", f"{_NVME}/modalias": _MODALIAS.format("A368", "0C", "80", "00"),
                 f"{_NVME}/driver": ("link", "../../../../bus/pci/drivers/intel-lpss"),
                 "sys/bus/pci/drivers/intel-lpss": ("dir",)}, why="a controller of I2C is of the same class"),
    Case("lv-managed-default", f"check {NVME}", status=3,
         says=[r"intel_iommu=igfx_off keeps the IOMMU off Intel's graphics\. \[no-group\]", r"Remove igfx_off"],
         change={**_GRAPHICS, "proc/cmdline": "root=/dev/sda intel_iommu=on,igfx_off quiet\n"},
         why="igfx_off among other options"),
    Case("lv-managed-default", f"check {NVME}", status=3, says=[r"Remove igfx_off"],
         change={**_GRAPHICS, "proc/cmdline": "intel_iommu=igfx_off intel_iommu=on\n"}, why="igfx_off alone"),
    Case("lv-managed-default", f"check {NVME}", status=3, never=[r"igfx_off"], says=[r"\[no-group\]"],
         change={**_GRAPHICS, "proc/cmdline": "xintel_iommu=igfx_off intel_iommu=on,igfx_offx\n"},
         why="other parameters of a similar name"),
    Case("lv-managed-default", f"check {NVME}", status=3, never=[r"igfx_off"], says=[r"\[no-group\]"],
         change={f"{_NVME}/iommu_group": None, "sys/kernel/iommu_groups/4": None,
                 "proc/cmdline": "intel_iommu=on,igfx_off\n"}, why="igfx_off is about graphics only"),
]
