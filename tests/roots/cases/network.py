# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the host has from other machines, and interfaces that it is set up to use."""

ROUTES = ("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
          "eno1\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
          "eno1\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
          "{0}\t0000090A\t00000000\t0001\t0\t0\t101\t00FFFFFF\t0\t0\t0\n")
SYS = "23 1 0:21 / /sys rw,relatime - sysfs sysfs rw\n"
NIC = "sys/devices/pci0000:00/0000:00:1d.0/0000:06:00.0/net/eno2"
BY_ROOT = [r"\[root-filesystem\]", r"It cannot be assigned"]
DOWN = [r"[Tt]ake the interface down", r"--force in-use"]


def mounts(*lines):
    """Of the first process as well as of this one."""
    text = SYS + "".join(f"{30 + i} 29 {line}\n" for i, line in enumerate(lines))
    return {"proc/self/mountinfo": text, "proc/1/mountinfo": text}


def virtual(name, *lower):
    """An interface above others: the links that the kernel makes on both sides."""
    change = {f"sys/devices/virtual/net/{name}/flags": "0x1003\n",
              f"sys/class/net/{name}": ("link", f"../../devices/virtual/net/{name}")}
    for below in lower:
        at = NIC if below == "eno2" else f"sys/devices/virtual/net/{below}"
        change[f"{at}/upper_{name}"] = ("link", f"../../../../virtual/net/{name}")
        change[f"sys/devices/virtual/net/{name}/lower_{below}"] = ("link", "x")
    return change


def bare(command="check 0000:06:00.0", **more):
    """nfs-root with other mounts."""
    return dict(root="nfs-root", command=command, **more)


ROOT = "0:27 / / rw - ext4 /dev/gone rw"
DATA = "0:40 / /srv/data rw - "
NVME = {"sys/devices/virtual/nvme-fabrics/ctl/nvme0/transport": "tcp\n",
        "sys/devices/virtual/nvme-fabrics/ctl/nvme0/address": "traddr=10.9.0.1,trsvcid=4420,src_addr=10.9.0.7\n",
        "sys/class/nvme/nvme0": ("link", "../../devices/virtual/nvme-fabrics/ctl/nvme0"),
        "sys/devices/virtual/nvme-fabrics/ctl/nvme0/nvme0c0n1/hidden": "1\n",
        "sys/class/block/nvme0c0n1": ("link", "../../devices/virtual/nvme-fabrics/ctl/nvme0/nvme0c0n1"),
        "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/dev": "259:0\n",
        "sys/class/block/nvme0n1": ("link", "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1")}

CASES = [
    # ---- NFS ----
    Case("nfs-root", "check 0000:06:00.0", status=3, says=[*BY_ROOT, r"10\.9\.0\.1:/export/root, mounted at /.*eno2"],
         never=DOWN, why="/ is mounted from a server that is reached through eno2"),
    Case("nfs-root", "assign --dry-run --force in-use-net 0000:06:00.0", status=3, says=[r"the root file system"],
         never=[r"[Tt]ake the interface down", r"unbind"], why="no force helps against the loss of /"),
    Case("nfs-root", "check 0000:05:00.0", status=3, says=[r"\[in-use-default-route\]"],
         never=[r"root-filesystem", r"not-looked-at"], why="the other interface has nothing to do with /"),
    Case(**bare(status=3, says=[*BY_ROOT, r"fd00:9::1.*vlan9 and eno2"], never=DOWN,
                change={**mounts("0:27 / / rw - nfs [fd00:9::1]:/root rw,vers=3,addr=fd00:9::1"),
                        **virtual("vlan9", "eno2"),
                        "proc/net/ipv6_route": "fd000009000000000000000000000000 40 " + "0" * 32 + " 00 " + "0" * 32
                        + " 00000100 00000001 00000000 00000001    vlan9\n"},
                why="NFS over IPv6 through a VLAN")),
    Case(**bare(status=3, says=[*BY_ROOT, r"br0 and eno2"], never=DOWN,
                change={"proc/net/route": ROUTES.format("br0"), **virtual("bond0", "eno2"), **virtual("br0", "bond0")},
                why="the way to / is a bridge above a bond above eno2")),
    Case(**bare(status=3, says=[*BY_ROOT, r"below the overlay at /"], never=DOWN,
                change=mounts("0:26 / /run/ro rw - nfs4 10.9.0.1:/image ro,addr=10.9.0.1",
                              "0:27 / / rw - overlay overlay rw,lowerdir=/run/ro,upperdir=/run/rw,workdir=/run/w"),
                why="/ is an overlay above an NFS file system")),
    Case(**bare(status=3, says=[r"\[in-use-mount\]", r"10\.9\.0\.1:/x, mounted at /srv/data", r"unmount that"],
                never=[r"[Tt]ake the interface down", r"root-filesystem"],
                change=mounts(ROOT, DATA + "nfs4 10.9.0.1:/x rw,addr=10.9.0.1"), why="data over NFS")),
    Case(**bare(status=3, says=[r"mounted at /var", r"move that elsewhere"],
                never=[r"[Tt]ake the interface down", r"Unmount it"],
                change=mounts(ROOT, "0:41 / /var rw - nfs4 10.9.0.1:/var rw,addr=10.9.0.1"), why="/var over NFS")),
    Case(**bare(status=3, says=[r"\[in-use-swap\]", r"swap file /srv/data/swap"], never=DOWN[:1],
                change={**mounts(ROOT, DATA + "nfs 10.9.0.1:/x rw,addr=10.9.0.1"),
                        "proc/swaps": "Filename Type Size Used Priority\n/srv/data/swap file 1 0 -2\n"},
                why="a swap file on NFS")),
    # ---- other file systems ----
    Case(**bare(status=3, says=[r"//nas/share, mounted at /srv/data, reached at 10\.9\.0\.1 through eno2"],
                change=mounts(ROOT, DATA + "cifs //nas/share rw,vers=3.1.1,addr=10.9.0.1,soft"), why="CIFS")),
    Case(**bare(status=3, says=[r"\[in-use-mount\]", r"reached at 10\.9\.0\.1 through eno2"],
                change=mounts(ROOT, DATA + "ceph 10.9.0.1:6789,10.9.0.2:6789:/ rw,name=admin"), why="Ceph, old syntax")),
    Case(**bare(status=3, says=[r"reached at 10\.9\.0\.1 through eno2, at 10\.9\.0\.2"],
                change=mounts(ROOT, DATA + "ceph admin@01234567-89ab.fs=/ rw,mon_addr=10.9.0.1:3300/10.9.0.2:6789"),
                why="Ceph, new syntax")),
    Case(**bare(status=3, says=[r"\[in-use-mount\]", r"reached at 10\.9\.0\.1 through eno2"],
                change=mounts(ROOT, DATA + "9p 10.9.0.1 rw,trans=tcp,port=564"), why="9p over TCP")),
    Case(**bare(status=3, says=[r"\[in-use-mount\]", r"reached at 10\.9\.0\.1 through eno2"],
                change=mounts(ROOT, DATA + "lustre 10.9.0.1@tcp:10.9.0.2@tcp:/fs rw"), why="Lustre")),
    Case(**bare(status=3, says=[r"server:/vol, mounted at /srv/data, reached at 10\.9\.0\.1 through eno2"],
                change={**mounts(ROOT, DATA + "fuse.glusterfs server:/vol rw"),
                        "etc/hosts": "127.0.0.1 localhost\n10.9.0.1\tserver.example server # the store\n"},
                why="GlusterFS, its server in /etc/hosts")),
    Case(**bare(status=3, says=[r"me@server:/dir, mounted at /srv/data, reached at 10\.9\.0\.1 through eno2"],
                change={**mounts(ROOT, DATA + "fuse.sshfs me@server:/dir rw"),
                        "proc/70/stat": "70 (sshfs) S 1 1 1 0 -1 4194560 " + "0 " * 42 + "\n",
                        "proc/70/cmdline": "sshfs\0me@server:/dir\0/srv/data\0",
                        "proc/70/fd/3": ("link", "/dev/fuse"), "sys/class/misc/fuse/dev": "10:229\n",
                        "proc/71/stat": "71 (ssh) S 70 1 1 0 -1 4194560 " + "0 " * 42 + "\n",
                        "proc/71/fd/3": ("link", "socket:[4711]"),
                        "proc/net/tcp": "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt "
                        "  uid  timeout inode\n"
                        "   0: 0700090A:D431 0100090A:0016 01 00000000:00000000 02:000A5C00 00000000     0        0 "
                        "4711 2 0000000000000000 20 4 30 10 -1\n"},
                why="sshfs: the connection is of the ssh that it started")),
    # ---- what cannot be followed ----
    Case(**bare(status=3, says=[r"\[not-looked-at\]", r"store:/x, mounted at /srv/data, may be reached through it"],
                change=mounts(ROOT, DATA + "fuse.glusterfs store:/x rw"), why="a server whose address is not known")),
    Case(**bare(status=3, says=[r"\[not-looked-at\]", r"wg0, which is not attached to a PCI function"],
                change={"proc/net/route": ROUTES.format("wg0"), **virtual("wg0")}, why="/ through a tunnel")),
    Case(**bare("check 0000:05:00.0", status=3, says=[r"\[not-looked-at\]", r"no route to 172\.16\.0\.1"],
                change={**mounts("0:27 / / rw - nfs4 172.16.0.1:/r rw,addr=172.16.0.1"),
                        "proc/net/route": None}, why="no routes are known, so / may be on any NIC")),
    # ---- iSCSI ----
    Case("iscsi-root", "check 0000:06:00.0", status=3,
         says=[*BY_ROOT, r"/dev/sda2, mounted at / \(iSCSI, iqn\.2023-10\.test:root\), reached at 10\.9\.0\.1 through eno2",
               r"/dev/sda1, mounted at /boot"],
         never=DOWN, why="/ is a disk of a target that is reached through eno2"),
    Case("iscsi-root", "assign --dry-run --force in-use-net,in-use-mount 0000:06:00.0", status=3,
         says=[r"the root file system"], never=[r"[Tt]ake the interface down", r"unbind"], why="no force helps"),
    Case("iscsi-root", "check 0000:05:00.0", status=3, never=[r"root-filesystem", r"sda"], why="the other NIC"),
    Case("iscsi-root", "check 0000:06:00.0", status=3,
         says=[r"/dev/dm-0, mounted at / on sda \(iSCSI"], never=DOWN,
         change={**mounts("254:0 / / rw - ext4 /dev/mapper/vg-root rw"), "sys/devices/virtual/block/dm-0/dev": "254:0\n",
                 "sys/devices/virtual/block/dm-0/slaves/sda2": ("link", "x"),
                 "sys/class/block/dm-0": ("link", "../../devices/virtual/block/dm-0"),
                 "sys/dev/block/254:0": ("link", "../../devices/virtual/block/dm-0")},
         why="/ is an LVM volume on the iSCSI disk"),
    Case("iscsi-root", "check 0000:06:00.0", status=3, says=[r"\[in-use-remote-disk\]", r"/dev/sda, connected"],
         never=[r"root-filesystem", *DOWN[:1]], change=mounts(ROOT), why="a session whose disk nobody mounts"),
    # ---- NVMe over fabrics, NBD and others ----
    Case(**bare(status=3, says=[*BY_ROOT, r"/dev/nvme0n1, mounted at / \(NVMe/tcp\), reached at 10\.9\.0\.1 through eno2"],
                never=DOWN, change={**NVME, **mounts("259:0 / / rw - xfs /dev/nvme0n1 rw")}, why="NVMe over TCP")),
    Case(**bare(status=3, says=[r"\[in-use-swap\]", r"/dev/nvme0n1, used as swap space"], never=DOWN[:1],
                change={**NVME, **mounts(ROOT), "sys/devices/virtual/nvme-fabrics/ctl/nvme0/transport": "rdma\n",
                        "proc/swaps": "Filename Type Size Used Priority\n/dev/nvme0n1 partition 1 0 -2\n"},
                why="swap on NVMe over RDMA")),
    Case(**bare(status=3, says=[r"\[in-use-mount\]", r"\(NVMe/tcp\)", r"through eno2"],
                change={**NVME, **mounts(ROOT, "259:0 / /srv rw - xfs /dev/nvme0n1 rw"), "proc/net/route": None,
                        "sys/devices/virtual/nvme-fabrics/ctl/nvme0/address":
                        "traddr=10.9.0.1,trsvcid=4420,host_iface=eno2\n"},
                why="NVMe over TCP bound to an interface: no route is asked")),
    Case(**bare(status=3, says=[*BY_ROOT, r"\(NVMe/fc\)"],
                change={**NVME, **mounts("259:0 / / rw - xfs /dev/nvme0n1 rw"),
                        "sys/devices/virtual/nvme-fabrics/ctl/nvme0/transport": "fc\n",
                        "sys/devices/virtual/nvme-fabrics/ctl/nvme0/address":
                        "traddr=nn-0x2000000000000001:pn-0x1000000000000001,"
                        "host_traddr=nn-0x20000090fa942779:pn-0x10000090fa942779\n",
                        "sys/devices/pci0000:00/0000:00:1d.0/0000:06:00.0/host3/fc_host/host3/port_name":
                        "0x10000090fa942779\n",
                        "sys/class/fc_host/host3":
                        ("link", "../../devices/pci0000:00/0000:00:1d.0/0000:06:00.0/host3/fc_host/host3")},
                why="NVMe over Fibre Channel ends at the port's function")),
    Case(**bare(status=3, says=[r"/dev/nbd0, mounted at /srv \(NBD, export1\), reached at 10\.9\.0\.1 through eno2"],
                change={**mounts(ROOT, "43:0 / /srv rw - ext4 /dev/nbd0 rw"),
                        "sys/devices/virtual/block/nbd0/dev": "43:0\n", "sys/devices/virtual/block/nbd0/pid": "80\n",
                        "sys/devices/virtual/block/nbd0/backend": "export1\n",
                        "sys/class/block/nbd0": ("link", "../../devices/virtual/block/nbd0"),
                        "sys/dev/block/43:0": ("link", "../../devices/virtual/block/nbd0"),
                        "proc/80/fd/3": ("link", "socket:[815]"),
                        "proc/net/tcp": "  sl ...\n   0: 0700090A:D431 0100090A:2A39 01 00000000:00000000 00:00000000 "
                        "00000000     0        0 815 1 0000000000000000 20 4 30 10 -1\n"},
                why="NBD: its client's connection")),
    Case(**bare(status=3, says=[r"/dev/etherd/e0\.1, mounted at /srv \(ATA over Ethernet\).*eno2"],
                change={**mounts(ROOT, "152:16 / /srv rw - ext4 /dev/etherd/e0.1 rw"),
                        "sys/devices/virtual/block/etherd!e0.1/dev": "152:16\n",
                        "sys/devices/virtual/block/etherd!e0.1/netif": "eno2\n",
                        "sys/class/block/etherd!e0.1": ("link", "../../devices/virtual/block/etherd!e0.1"),
                        "sys/dev/block/152:16": ("link", "../../devices/virtual/block/etherd!e0.1")},
                why="ATA over Ethernet names its interface")),
    Case(**bare(status=3, says=[r"/dev/drbd0, mounted at /srv \(DRBD\), reached at 10\.9\.0\.1 through eno2"],
                change={**mounts(ROOT, "147:0 / /srv rw - ext4 /dev/drbd0 rw"),
                        "sys/devices/virtual/block/drbd0/dev": "147:0\n",
                        "sys/class/block/drbd0": ("link", "../../devices/virtual/block/drbd0"),
                        "sys/dev/block/147:0": ("link", "../../devices/virtual/block/drbd0"),
                        "etc/drbd.d/r0.res": "resource r0 { # the first\n  on a { device /dev/drbd0 minor 0; "
                        "disk /dev/vg/r0; address 10.9.0.1:7789; }\n}\n"
                        "resource r1 { on a { device /dev/drbd1; address 192.168.0.9:7790; } }\n"},
                why="DRBD: the peer in its resource file")),
    Case(**bare(status=3, says=[r"/dev/rbd0, mounted at /srv \(RBD, pool rbd\), reached at 10\.9\.0\.1 through eno2"],
                change={**mounts(ROOT, "252:0 / /srv rw - ext4 /dev/rbd0 rw"),
                        "sys/devices/rbd/0/block/rbd0/dev": "252:0\n", "sys/bus/rbd/devices/0/pool": "rbd\n",
                        "sys/bus/rbd/devices/0/config_info": "10.9.0.1:6789 name=admin,key=client.admin rbd image -\n",
                        "sys/class/block/rbd0": ("link", "../../devices/rbd/0/block/rbd0"),
                        "sys/dev/block/252:0": ("link", "../../devices/rbd/0/block/rbd0")},
                why="RBD names its monitors")),
    # ---- interfaces that are configured and down ----
    Case("nic-configured", "check 0000:05:00.0",
         says=[r"\[configured-net\]", r"/etc/network/interfaces:7", r"/etc/netplan/01\.yaml:3"],
         why="ifupdown and netplan name the interface, which is down"),
    Case("nic-configured", "assign --persist --dry-run 0000:05:00.0", says=[r"/etc/network/interfaces:7"],
         why="what is kept over reboots is warned of in the same way"),
    *(Case("nic-configured", "check 0000:05:00.0", says=[r"\[configured-net\]", says],
           change={"etc/network/interfaces": None, "etc/netplan/01.yaml": None, **change}, why=why)
      for why, says, change in (
          ("NetworkManager, by MAC", r"/etc/NetworkManager/system-connections/lan\.nmconnection:5",
           {"etc/NetworkManager/system-connections/lan.nmconnection":
            "[connection]\nid=lan\ntype=ethernet\n[ethernet]\nmac-address=02:00:00:00:05:00\n"}),
          ("NetworkManager, parent of a VLAN", r"/etc/NetworkManager/system-connections/v:4",
           {"etc/NetworkManager/system-connections/v":
            "[connection]\ninterface-name=vlan5\n[vlan]\nparent=enp5s0\nid=5\n"}),
          ("systemd-networkd, by glob", r"/etc/systemd/network/10-lan\.network:2",
           {"etc/systemd/network/10-lan.network": "[Match]\nName=eth* enp*\n[Network]\nBond=bond0\n"}),
          ("systemd-networkd, by path", r"/run/systemd/network/x\.network:2",
           {"run/systemd/network/x.network": "[Match]\nPath=pci-0000:05:00.*\n[Network]\nDHCP=yes\n"}),
          ("a .link file", r"/etc/systemd/network/10-lan\.link:2",
           {"etc/systemd/network/10-lan.link": "[Match]\nPermanentMACAddress=02:00:00:00:05:00\n[Link]\nName=lan0\n"}),
          ("ifcfg of its name", r"/etc/sysconfig/network-scripts/ifcfg-enp5s0",
           {"etc/sysconfig/network-scripts/ifcfg-enp5s0": "ONBOOT=yes\n"}),
          ("ifcfg of a bond", r"/etc/sysconfig/network/ifcfg-bond0:2",
           {"etc/sysconfig/network/ifcfg-bond0": "BONDING_MASTER='yes'\nBONDING_SLAVE0='enp5s0'\n"}),
          ("ifupdown, a file that is sourced", r"/etc/network/interfaces\.d/lan:1",
           {"etc/network/interfaces": "source /etc/network/interfaces.d/*\n",
            "etc/network/interfaces.d/lan": "allow-hotplug enp5s0\n"}),
          ("ifupdown, a file of a source-directory", r"/etc/network/interfaces\.d/lan:2",
           {"etc/network/interfaces": "source-directory interfaces.d\n",
            "etc/network/interfaces.d/lan": "# left\nauto enp5s0\n"}),
          ("ifupdown, a pattern", r"/etc/network/interfaces:1", {"etc/network/interfaces": "auto /enp*\n"}),
          ("ifupdown, a VLAN over a joined line", r"/etc/network/interfaces:2",
           {"etc/network/interfaces": "iface v5 inet manual\n  vlan-raw-device \\\n   enp5s0\n"}),
          ("netplan, renamed", r"/etc/netplan/02\.yaml:4",
           {"etc/netplan/02.yaml": "network:\n  version: 2\n  ethernets:\n    lan:  # the port on the left\n      match:\n"
            "        macaddress: 02:00:00:00:05:00\n      set-name: lan0\n"}),
          ("netplan as JSON", r"/etc/netplan/03\.yaml:1",
           {"etc/netplan/03.yaml": '{"network": {"ethernets": {"all": {"match": {"name": "enp*"}, "dhcp4": true}}}}\n'}),
          ("netplan, one of several drivers", r"/etc/netplan/04\.yaml:3",
           {"etc/netplan/04.yaml": "network:\n  ethernets:\n    x:\n      match:\n        driver: [ixgbe, igb]\n"}),
          ("netplan, a driver of a sequence", r"/etc/netplan/04\.yaml:3",
           {"etc/netplan/04.yaml": "network:\n  ethernets:\n    x:\n      match:\n        driver:\n        - igb\n        - e*\n"}),
          ("netplan, a port of a bond", r"/etc/netplan/04\.yaml:5",
           {"etc/netplan/04.yaml": "network:\n  version: 2\n  bonds:\n    bond0:\n      interfaces: [enp5s0, enp6s0]\n"}),
          ("netplan, a port of a bridge", r"/etc/netplan/04\.yaml:5",
           {"etc/netplan/04.yaml": "network:\n  bridges:\n    br0:\n      interfaces:\n      - enp5s0\n"}),
          ("netplan, a VLAN's link", r"/etc/netplan/04\.yaml:5",
           {"etc/netplan/04.yaml": "network:\n  vlans:\n    v10:\n      id: 10\n      link: enp5s0\n"}),
          ("systemd-networkd, a drop-in", r"/etc/systemd/network/10-x\.network\.d/a\.conf:2",
           {"usr/lib/systemd/network/10-x.network": "[Match]\nName=foo\n",
            "etc/systemd/network/10-x.network.d/a.conf": "[Match]\nName=enp5s0\n"}),
          ("netifrc", r"/etc/conf\.d/net:1", {"etc/conf.d/net": 'config_enp5s0="dhcp"\n'}),
          ("netifrc, a link of its name", r"/etc/init\.d/net\.enp5s0", {"etc/init.d/net.enp5s0": ("link", "net.lo"),
                                                                        "etc/init.d/net.lo": "#!/sbin/openrc-run\n"}),
          ("rc.inet1 of Slackware", r"/etc/rc\.d/rc\.inet1\.conf:1", {"etc/rc.d/rc.inet1.conf": 'IFNAME[0]="enp5s0"\n'}),
          ("nmstate", r"/etc/nmstate/a\.yml:2", {"etc/nmstate/a.yml": "interfaces:\n- name: enp5s0\n  state: up\n"}),
          ("a network of libvirt", r"/etc/libvirt/qemu/networks/m\.xml:2",
           {"etc/libvirt/qemu/networks/m.xml": "<network><name>m</name>\n<forward mode='bridge'><interface dev='enp5s0'/>"
            "</forward></network>\n"}),
          ("ifupdown-ng, a bond's member", r"/etc/network/interfaces:3",
           {"etc/network/interfaces": "auto bond0\niface bond0\n  bond-members enp5s0 enp6s0\n"}),
          ("wicked", r"/etc/wicked/ifconfig/x\.xml:1",
           {"etc/wicked/ifconfig/x.xml": "<interface><name>enp5s0</name></interface>\n"}),
          ("the kernel command line", r"/proc/cmdline",
           {"proc/cmdline": "root=/dev/mapper/root ip=192.0.2.5::192.0.2.1:255.255.255.0:host:enp5s0:none\n"}))),
    *(Case("nic-configured", "check 0000:05:00.0", never=[r"configured-net"],
           change={"etc/network/interfaces": None, "etc/netplan/01.yaml": None, **change}, why=why)
      for why, change in (
          ("nothing is configured", {}),
          ("a name that source-directory passes over",
           {"etc/network/interfaces": "source-directory interfaces.d\n",
            "etc/network/interfaces.d/lan.cfg": "auto enp5s0\n"}),
          ("netplan, other drivers", {"etc/netplan/04.yaml": "network:\n  ethernets:\n    x:\n      match:\n"
                                      "        driver: [ixgbe, e1000*]\n"}),
          ("netplan, ports of another name", {"etc/netplan/04.yaml": "network:\n  bonds:\n    bond0:\n"
                                              "      interfaces: [enp5s0f1]\n  ethernets: {}\n"}),
          ("netifrc, another name", {"etc/conf.d/net": 'config_enp5s0f1="dhcp"\nroutes_lo=""\n'}),
          ("another interface is", {"etc/network/interfaces": "auto enp5s0f1\n# auto enp5s0\n"}),
          ("a match of another MAC", {"etc/netplan/01.yaml": "network:\n  ethernets:\n    enp5s0:\n      match:\n"
                                      "        macaddress: 02:00:00:00:05:01\n"}),
          ("networkd's file is masked", {"etc/systemd/network/10-x.network": ("link", "/dev/null"),
                                         "usr/lib/systemd/network/10-x.network": "[Match]\nName=enp5s0\n"}),
          ("the default of all interfaces", {"usr/lib/systemd/network/99-default.link": "[Match]\nOriginalName=*\n"}),
          ("all but this one", {"etc/systemd/network/1.network": "[Match]\nName=!enp5s0\n"}))),
    Case("nic-configured", "check 0000:05:00.0", status=3, says=[r"\[in-use-net\]"], never=[r"configured-net"],
         change={"sys/devices/pci0000:00/0000:00:1c.0/0000:05:00.0/net/enp5s0/flags": "0x1003\n"},
         why="an interface that is up is more than configured"),
    # ---- units of systemd ----
    Case("systemd-mount-unit", "check 0000:06:00.0",
         says=[r"\[configured-mount\]", r"/etc/systemd/system/srv-media\.mount for /srv/media"],
         why="a .mount unit counts as fstab does"),
    *(Case("systemd-mount-unit", "check 0000:06:00.0", says=[r"\[configured-mount\]", says],
           change={"etc/systemd/system/srv-media.mount": None, **change}, why=why)
      for why, says, change in (
          ("a swap unit", r"/etc/systemd/system/x\.swap as swap space",
           {"etc/systemd/system/x.swap": "[Swap]\nWhat=UUID=11111111-2222-3333-4444-555555555555\n"}),
          ("a vendor's unit with a drop-in", r"/usr/lib/systemd/system/srv\.mount for /srv",
           {"usr/lib/systemd/system/srv.mount": "[Mount]\nWhat=/dev/nothing\nWhere=/srv\n",
            "etc/systemd/system/srv.mount.d/disk.conf":
            "[Mount]\nWhat=/dev/disk/by-uuid/11111111-2222-3333-4444-555555555555\n"}),
          ("of a generator", r"/run/systemd/generator/srv\.mount",
           {"run/systemd/generator/srv.mount": "# gpt\n[Mount]\nWhat=/dev/sde1\nWhere=/srv\n"}))),
    *(Case("systemd-mount-unit", "check 0000:06:00.0", never=[r"configured-mount"],
           change={"etc/systemd/system/srv-media.mount": None, **change}, why=why)
      for why, change in (
          ("a mask", {"etc/systemd/system/srv.mount": ("link", "/dev/null"),
                      "usr/lib/systemd/system/srv.mount": "[Mount]\nWhat=/dev/sde1\nWhere=/srv\n"}),
          ("What= of another section", {"etc/systemd/system/srv.mount": "[Unit]\nWhat=/dev/sde1\n"}),
          ("a unit for what is no disk here", {"etc/systemd/system/srv.mount": "[Mount]\nWhat=tmpfs\nWhere=/srv\n"}))),
    Case("fstab-quoted", "check 0000:06:00.0", says=[r"\[configured-mount\]"], why="mount takes quotes off as well"),
    # ---- Thunderbolt, and a NIC in a group ----
    Case("thunderbolt", "check 0000:07:00.0", says=[r"\[thunderbolt\]", r"Core X, authorised behind it \(0-1\)"],
         why="a device is authorised behind the controller"),
    Case("thunderbolt", "check 0000:07:00.0", never=[r"\[thunderbolt\]"],
         change={"sys/devices/pci0000:00/0000:00:1d.4/0000:05:00.0/0000:06:00.0/0000:07:00.0/domain0/0-0/0-1/authorized":
                 "0\n"}, why="it is there and not authorised"),
    Case("thunderbolt", "check 0000:07:00.0", says=[r"connected behind it \(0-1\)"],
         change={"sys/devices/pci0000:00/0000:00:1d.4/0000:05:00.0/0000:06:00.0/0000:07:00.0/domain0/0-0/0-1/authorized":
                 None}, why="another host at the end of the cable"),
    Case("thunderbolt", "check 0000:07:00.0", says=[r"Core Y.*0-301, 1234-5678"],
         change={f"sys/devices/pci0000:00/0000:00:1d.4/0000:05:00.0/0000:06:00.0/0000:07:00.0/domain0/0-0/0-1/{f}": t
                 for f, t in (("0-301/authorized", "2\n"), ("0-301/device_name", "Core Y\n"),
                              ("0-301/unique_id", "1234-5678\n"))} |
         {"sys/bus/thunderbolt/devices/0-301": ("link", "../../../devices/pci0000:00/0000:00:1d.4/0000:05:00.0/"
          "0000:06:00.0/0000:07:00.0/domain0/0-0/0-1/0-301")}, why="further down the chain"),
    Case("cardreader-nic", "check 0000:03:00.0", status=3, says=[r"\[group-split\]|\[in-use-net\]"],
         why="the card reader shares its group with the host's NIC"),
]
