# SPDX-License-Identifier: LGPL-2.1-or-later
"""What vfio-pci gets when it is loaded: modprobe.d and the kernel command line as kmod and the kernel read them."""

CONF = "etc/modprobe.d/vfio.conf"
LINE = "proc/cmdline"
INDEX = "lib/modules/6.1.0-18-amd64/"
QAT = "0000:b1:01.0"
NOT_LOADED = {"sys/bus/pci/drivers/vfio-pci": None, "sys/module/vfio_pci": None}

# An NVMe disk on vfio-pci whose driver is not loaded.
ON_VFIO = {
    "sys/devices/pci0000:00/0000:00:04.0/0000:04:00.0/driver": ("link", "../../../../bus/pci/drivers/vfio-pci"),
    "sys/bus/pci/drivers/nvme": None, "sys/module/nvme": None, CONF: "",
    INDEX + "modules.alias": "alias pci:v*d*sv*sd*bc01sc08i02* nvme\n",
    INDEX + "modules.dep": "kernel/drivers/nvme/host/nvme-core.ko:\n"
                           "kernel/drivers/nvme/host/nvme.ko: kernel/drivers/nvme/host/nvme-core.ko\n",
}


def proposed(*types):
    """Exactly these, in this order."""
    gap = r"(?:(?!CardType=)[\s\S])*"
    return [r"\A" + gap + gap.join(rf"CardType={t}\n".replace("*", r"\*") for t in types) + gap + r"\Z"]


NONE = proposed()

CASES = [
    # ---- which of them counts ----
    Case("ids-both", "import", says=proposed("15b3:1003") + [r"14e4:168e is not in force"],
         why="modprobe passes the command line's ids= behind the file's, and the kernel keeps the last"),
    Case("ids-both", "list --enabled", says=[r"15b3:1003 +kernel command line"], never=[r"14e4:168e"],
         why="vfio-pci was loaded with the command line's ids="),
    Case("ids-both", "import", change={LINE: "root=/dev/sda1 -- vfio-pci.ids=15b3:1003\n"},
         says=proposed("15b3:1003"), why="kmod reads on behind --"),
    Case("ids-both", "import", change={LINE: 'root=/dev/sda1 "vfio_pci.ids=15b3:1003"\n'},
         says=proposed("15b3:1003"), why="a boot loader quotes the whole parameter"),
    Case("ids-both", "import", change={LINE: "root=/dev/sda1 vfio_pci.disable_vga=1\n"},
         says=proposed("14e4:168e"), why="another parameter on the command line leaves the file's ids= in force"),
    Case("ids-both", "import", change={
        LINE: "root=/dev/sda1\n", "run/modprobe.d/99-x.conf": "options vfio-pci ids=15b3:1003\n",
        "usr/lib/modprobe.d/00-netextreme-vfio.conf": "options vfio-pci ids=1:1\n"},
         says=proposed("15b3:1003") + [r"14e4:168e is not in force"], never=[r"0001:0001|1:1"],
         why="files count by name, whatever the directory, and one of a name hides the others"),
    Case("ids-both", "import", change={
        LINE: "root=/dev/sda1\n", "etc/modprobe.d/00-netextreme-vfio.conf": ("link", "/dev/null"),
        "usr/local/lib/modprobe.d/00-netextreme-vfio.conf": "options vfio-pci ids=14e4:168e\n"},
         says=NONE, never=[r"168e"], why="a link to /dev/null masks the file of its name"),
    Case("ids-both", "import", change={
        LINE: "root=/dev/sda1\n", "etc/modprobe.d/00-netextreme-vfio.conf": ("dir",),
        "lib/modprobe.d/00-netextreme-vfio.conf": "options vfio-pci ids=14e4:168e\n"},
         says=proposed("14e4:168e"), why="a directory of a file's name masks nothing"),
    Case("ids-both", "import", change={
        LINE: "root=/dev/sda1\n",
        "etc/modprobe.d/00-netextreme-vfio.conf": "# a comment \\\noptions vfio-pci ids=14e4:168e\n"},
         says=NONE, never=[r"168e"], why="a comment that ends in a backslash swallows the next line"),
    Case("ids-both", "import", change={
        LINE: "root=/dev/sda1\n",
        "etc/modprobe.d/00-netextreme-vfio.conf": "options vfio-pci -- ids=14e4:168e\n"},
         says=NONE + [r"168e is not in force: what follows \"--\""],
         why="a module gets nothing of what stands behind --"),
    Case("ids-both", "import", change={
        LINE: "root=/dev/sda1\n", "etc/modprobe.d/00-netextreme-vfio.conf": "options vfio-pci ids=14e4:168e # NIC\n"},
         says=proposed("14e4:168e"), why="a comment behind options is no comment, but harms nothing here"),

    # ---- what an ID is ----
    Case("ids-any-mask", "import", says=proposed(
        "10de:*:*:*:030000:ff00ff", "10de:*:*:*:040300:ffffff", "10de:1ad8", "10de:1ad9"),
         why="vfio-pci takes wildcards with class and mask, capitals and 0x"),
    Case("ids-any-mask", "import", change={LINE: "vfio-pci.ids=10de:ffffffff\n"}, says=NONE + [r"wider than"],
         why="every device of a vendor is wider than a declaration may be"),
    Case("ids-any-mask", "import", change={LINE: "vfio-pci.ids=10de:1ad8:ffffffff:ffffffff:030000\n"},
         says=proposed("10de:1ad8"), why="without a mask the class counts for nothing"),
    Case("ids-any-mask", "import", change={LINE: "vfio-pci.ids=10de,10de:\n"}, says=NONE + [r"\"10de:\" is no ID"],
         why="an ID has two numbers at least"),
    Case("ids-trailing", "import", says=proposed("10de:1e84", "10de:10f8"), never=[r"15b3|168e"],
         why="an empty entry is nothing, and neither is another module's or another parameter"),
    Case("ids-modprobe-single-quotes", "import", says=NONE + [r"\"'10de:1e84\" is no ID", r"10f8'\" is no ID"],
         why="single quotes are part of the value"),
    Case("ids-install-ignore", "import", says=proposed("10de:1e84", "10de:10f8"), never=[r"0001:0002"],
         why="a line continues behind a backslash; comments and aliases are no options"),
    Case("ids-spaces-disablevga", "import", says=proposed("10de:1ad8", "10de:1ad9") + [r"10de:1e84 is not in force"],
         why="of two lines with ids= the kernel keeps the last"),
    Case("ids-nixos-filelink", "import", says=proposed("1002:67df", "1002:aaf0"), why="a linked file counts"),
    Case("ids-modulesload-only", "import", says=proposed("1002:67df"), why="a file may have any name"),
    Case("ids-grubby-stub", "import", never=[r"CardType=1002"], why="pci-stub is no VFIO driver"),

    # ---- blanks ----
    Case("ids-spaces", "import", says=proposed("10de:1e84") + [
        r"/etc/modprobe\.d/vfio\.conf:1.*10de:10f8 is not in force: a blank parts it"],
         why="the kernel takes what is behind the blank for another parameter"),
    Case("ids-spaces", "import", change={CONF: 'options vfio-pci ids="10de:1e84, 10de:10f8"\n'},
         says=proposed("10de:1e84", "10de:10f8"), why="quotes keep the blank within the value"),
    Case("ids-spaces", "import", change={CONF: "", LINE: "vfio-pci.ids=10de:1e84, 10de:10f8 quiet\n"},
         says=proposed("10de:1e84") + [r"10de:10f8 is not in force: a blank parts it"],
         why="on the command line a blank ends the parameter as well"),
    Case("ids-spaces", "import", change={CONF: "options vfio-pci\tids=10de:1e84,10de:10f8\tdisable_vga=1\n"},
         says=proposed("10de:1e84", "10de:10f8"), why="tabs are blanks"),

    # ---- built in ----
    Case("ubuntu-builtin-modprobe", "import", says=NONE + [
        r"10de:2184 is not in force: vfio_pci is built into this kernel, which does not read modprobe\.d"],
         why="modprobe.d is nothing to a driver that is built in"),
    Case("ubuntu-builtin-modprobe", "import", change={LINE: "vfio-pci.ids=10de:2184 -- vfio-pci.ids=10de:1aeb\n"},
         says=proposed("10de:2184"), why="the kernel itself reads the command line, up to --"),
    Case("ubuntu-builtin-modprobe", "list --enabled", change={LINE: "vfio_pci.ids=10de:2184\n"},
         says=[r"10de:2184 +kernel command line"], never=[r"1aeb"],
         why="of a built-in driver the command line is known"),

    # ---- commands in place of loading ----
    Case("ids-install-script", "import", says=proposed("126f:2263") + [
        r"/etc/modprobe\.d/vfio\.conf:1.*/usr/bin/vfio-pci-override\.sh"],
         why="what the script gives away is not known, its line is"),
    Case("ids-install-script", "import",
         change={CONF: "install vfio_pci_core /usr/bin/x.sh\noptions vfio-pci ids=126f:2263\n"},
         says=proposed("126f:2263") + [r"vfio\.conf:1.*\"/usr/bin/x\.sh\" in place of loading vfio_pci_core"],
         why="a module that vfio-pci needs may have the command"),
    Case("ids-install-script", "import", change={CONF: "install vfio* /bin/false\n"},
         says=NONE + [r"vfio\.conf:1.*in place of loading vfio_pci, so that the module is never loaded"],
         why="install lines are patterns"),

    # ---- the denylist ----
    Case("qat-modprobe", f"check {QAT}", never=[r"denylisted"],
         why="vfio-pci is not loaded, and would be with disable_denylist=1"),
    Case("qat-modprobe-bare", f"check {QAT}", never=[r"denylisted"], why="a bare boolean parameter is true"),
    Case("qat-loaded-y", f"check {QAT}", never=[r"denylisted"], why="vfio-pci has it"),
    Case("qat-loaded-n", f"check {QAT}", status=3,
         says=[r"\[denylisted\]", r"configured \(/etc/modprobe\.d/qat\.conf:1\).*reload the module"],
         why="vfio-pci was loaded without what is configured now"),
    Case("qat", f"check {QAT}", status=3, says=[r"\[denylisted\]", r"reload the module"],
         why="vfio-pci is loaded, and does not say that it has the parameter"),
    Case("qat-modprobe", f"check {QAT}", status=3, says=[r"\[denylisted\]"],
         change={"etc/modprobe.d/qat.conf": "options vfio-pci disable_denylist=1\noptions vfio_pci disable_denylist=off\n"},
         why="the later value takes it back"),
    Case("qat-modprobe", f"check {QAT}", status=3, says=[r"\[denylisted\]"], never=[r"reload"],
         change={"etc/modprobe.d/qat.conf": "options vfio_pci_core disable_denylist=1\n"},
         why="it is a parameter of vfio-pci, not of vfio-pci-core"),
    Case("qat-modprobe", f"check {QAT}", never=[r"denylisted"],
         change={"etc/modprobe.d/qat.conf": "", LINE: "root=/dev/sda vfio-pci.disable_denylist intel_iommu=on\n"},
         why="the command line's counts as well"),

    # ---- what a load would bring along ----
    Case("ids-install-script", "assign --dry-run 0000:02:00.0", change=NOT_LOADED,
         says=[r"vfio\.conf:1 has the command \"/usr/bin/vfio-pci-override\.sh\" in place of loading vfio_pci\. "
               r"vfioadm does not run it", r"would: load module vfio_pci\n"],
         why="the script moves what is not named"),
    Case("ids-install-script", "assign --dry-run 0000:02:00.0", change={
        **NOT_LOADED, CONF: "install vfio_pci_core /sbin/modprobe nouveau; /sbin/modprobe -i vfio_pci_core\n"},
         says=[r"vfio\.conf:1 has the command .* in place of loading vfio_pci_core"],
         why="a module that vfio-pci needs has a command"),
    Case("ids-install-script", "assign --dry-run 0000:02:00.0", change={
        **NOT_LOADED, CONF: "softdep vfio-pci pre: pci-stub\n",
        INDEX + "modules.builtin": "kernel/drivers/pci/pci-stub.ko\n"},
         says=[r"pci_stub is a soft dependency of vfio_pci \(/etc/modprobe\.d/vfio\.conf:1\)"],
         why="pci-stub takes functions"),
    Case("ids-install-script", "assign --dry-run 0000:02:00.0", change={
        **NOT_LOADED, CONF: "softdep vfio-pci post: helper\nsoftdep helper pre: pci-stub\n",
        INDEX + "modules.dep": "kernel/vfio.ko:\nkernel/vfio-pci.ko: kernel/vfio.ko\nkernel/helper.ko:\n"
                               "kernel/pci-stub.ko:\n"},
         says=[r"pci_stub is a soft dependency of helper \(/etc/modprobe\.d/vfio\.conf:2\)"],
         never=[r"helper is a soft dependency"],
         why="what is loaded along brings its own"),
    Case("ids-install-script", "assign --dry-run 0000:02:00.0", change={
        **NOT_LOADED, CONF: "options vfio-pci ids=10de:1ad9,126f:2263\n"},
         says=[r"vfio\.conf:1 gives card type 10de:1ad9 to vfio-pci, which would take 0000:01:00\.3",
               r"would: load module vfio_pci with ids=126f:2263\n"],
         why="a configured type would take a free function that is not named"),
    Case("ids-install-script", "assign --dry-run 0000:02:00.0", change={
        **NOT_LOADED, CONF: "options vfio-pci ids=10de:ffffffff:ffffffff:ffffffff:0c8000:ffffff\n"},
         says=[r"which would take 0000:01:00\.3", r"would: load module vfio_pci without card types\n"],
         why="a type with wildcards takes a free function as well"),
    Case("ids-install-script", "assign --dry-run 0000:02:00.0", change={
        **NOT_LOADED, CONF: "options vfio-pci ids=126f:2263\n"},
         never=[r"card type"], says=[r"would: load module vfio_pci\n"],
         why="a configured type that takes nothing now stays"),
    Case("ids-install-script", "enable --dry-run 15b3:1003", change={
        **NOT_LOADED, CONF: "options vfio-pci ids=10de:1ad9,126f:2263,15b3:1003\n"},
         says=[r"gives card type 10de:1ad9", r"would: load module vfio_pci with ids=126f:2263,15b3:1003\n"],
         why="enable keeps the configured types but for those that take what is not named"),

    # ---- a line that forbids a module ----
    *[Case("ids-install-script", command, status=status, change={**NOT_LOADED, CONF: line + "\n"},
           says=[r"/etc/modprobe\.d/vfio\.conf:1 says \"install " + module + r" .*which loads nothing"],
           why=f"{line}: {command.split()[0]} names the line")
      for line, module in (("install vfio-pci /bin/false", "vfio_pci"), ("install vfio /bin/true", "vfio"),
                           ("install vfio* echo no >&2; exit 1", "vfio_pci"))
      for command, status in (("assign --dry-run 0000:02:00.0", 6), ("enable --dry-run 15b3:1003", 6),
                              ("check 0000:02:00.0", 3))],
    Case("ids-install-script", "assign --dry-run 0000:02:00.0", status=6,
         change={**NOT_LOADED, CONF: "", LINE: "root=/dev/sda1 module_blacklist=vfio_pci_core\n"},
         says=[r"module_blacklist= on the kernel command line names vfio_pci_core"],
         why="the kernel itself refuses the module"),
    Case("ids-install-script", "assign --dry-run 0000:02:00.0",
         change={**NOT_LOADED, CONF: "", LINE: "root=/dev/sda1 module_blacklist=vfio-pci\n"},
         never=[r"module_blacklist"], why="the kernel does not normalise names"),
    Case("ids-install-script", "assign --dry-run 0000:02:00.0",
         change={**NOT_LOADED, CONF: "blacklist vfio-pci\n"}, never=[r"vfio\.conf"],
         why="a blacklist is against loading by alias, and vfio-pci is loaded by name"),

    # ---- on the way back ----
    Case("ids-install-script", "release --dry-run 0000:04:00.0", change=ON_VFIO, says=[r"would: load module nvme\n"],
         why="the driver is loaded for it"),
    Case("ids-install-script", "release --dry-run 0000:04:00.0",
         change={**ON_VFIO, LINE: "root=/dev/sda1 modprobe.blacklist=nouveau,nvme\n"},
         says=[r"its driver nvme is kept from being loaded by /proc/cmdline"], never=[r"load module nvme"],
         why="modprobe.blacklist= counts for what is loaded by alias"),
    Case("ids-install-script", "release --dry-run 0000:04:00.0", change={**ON_VFIO, CONF: "\nblacklist nvme\n"},
         says=[r"its driver nvme is kept from being loaded by /etc/modprobe\.d/vfio\.conf:2"],
         never=[r"load module nvme"], why="so does a blacklist in a file"),
    Case("ids-install-script", "release --dry-run 0000:04:00.0",
         change={**ON_VFIO, CONF: "alias pci:v*d*sv*sd*bc01sc08i* off\n"},
         says=[r"its driver nvme is kept from being loaded by /etc/modprobe\.d/vfio\.conf:1"],
         never=[r"load module nvme"], why="an alias of modprobe.d stands for all others"),
    Case("ids-install-script", "release --dry-run 0000:04:00.0", status=6,
         change={**ON_VFIO, CONF: "install nvme /bin/true\n"},
         says=[r"vfio\.conf:1 says \"install nvme /bin/true\", which loads nothing", r"--park"],
         never=[r"another tool"], why="install with /bin/true loads nothing"),
    Case("ids-install-script", "release --dry-run 0000:04:00.0", status=6,
         change={**ON_VFIO, CONF: "install nvme_core /bin/false\n"},
         says=[r"vfio\.conf:1 says \"install nvme_core /bin/false\""], why="nvme needs nvme_core"),
    Case("ids-install-script", "release --dry-run 0000:04:00.0",
         change={**ON_VFIO, CONF: "install nvme /bin/true\nsoftdep nvme pre: nvme-core\n"},
         says=[r"would: load module nvme\n"], why="libkmod runs no command of a module with soft dependencies"),
    Case("ids-install-script", "release --dry-run 0000:04:00.0", status=6,
         change={**ON_VFIO, LINE: "module_blacklist=nvme\n"},
         says=[r"module_blacklist= on the kernel command line names nvme"], why="the kernel refuses the module"),
]
