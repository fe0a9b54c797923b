/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "policy/codes.h"

#define BLOCKS	VFIOADM_BLOCKS, false
#define REFUSES VFIOADM_REFUSES, true
#define STANDS	VFIOADM_REFUSES, false /* refused, and there is another way than force */
#define WARNS	VFIOADM_WARNS, false

/* Sorted by code. Rows with a kind are users (struct vfioadm_user), the others are about the device. */
static const struct vfioadm_code_info codes[] = {
	{ "acs-override", NULL, WARNS, "pcie_acs_override makes its IOMMU group smaller than the hardware does",
	  "Without pcie_acs_override= the kernel says which devices belong together." },
	{ "auxiliary", "net", WARNS, "other drivers stand on its driver (auxiliary bus) and go with it",
	  "Look whether somebody needs them." },
	{ "behind-vmd", NULL, BLOCKS, "it is behind a VMD controller and goes when that one goes",
	  "Assign the controller, or switch VMD off in the firmware's set-up." },
	{ "bound-by-others", "claim", WARNS, "a rule, a script or a setting of the host binds it by itself",
	  "Remove it there, or leave the device to it." },
	{ "bridge", NULL, BLOCKS, "VFIO takes no bridges", "Assign the functions behind it." },
	{ "configured-crypt", "block", WARNS, "/etc/crypttab names a disk on it that is not open now",
	  "Remove the entry, or the next boot waits for it." },
	{ "configured-mount", "block", WARNS,
	  "/etc/fstab or a unit of systemd names a disk on it that is not mounted now",
	  "Remove the entry, or the next boot waits for it." },
	{ "configured-net", "net", WARNS, "the host is set up to use an interface of it that is down now",
	  "Remove it from the file named, or the next boot waits for it." },
	{ "covered", NULL, WARNS, "a card type is part of a wider one that is enabled already", "" },
	{ "denylisted", NULL, BLOCKS, "vfio-pci refuses this device unless told otherwise (disable_denylist)",
	  "Read what the kernel's documentation says about it; then load vfio-pci with disable_denylist=1." },
	{ "driverctl", "claim", WARNS, "driverctl has an override for it, which it applies at each boot",
	  "Run \"driverctl unset-override\" for it, or leave it to driverctl." },
	{ "driverctl-type", "claim", WARNS, "driverctl gives its whole card type to vfio-pci",
	  "Replace the override by a declaration of that one device: 'vfioadm import' proposes it." },
	{ "followed", NULL, WARNS, "a selector was followed to a function", "" },
	{ "framebuffer-kept", NULL, REFUSES, "the firmware's framebuffer keeps memory of it, so a guest cannot use that",
	  "Boot with video=efifb:off, or with another card as the primary display." },
	{ "framebuffer-lost", "display", WARNS,
	  "the firmware's framebuffer is on it, and vfio-pci removes that for good",
	  "Have another way to the host (network, serial console)." },
	{ "gone", NULL, BLOCKS, "all bytes of its configuration space are ff: it is gone or has no power",
	  "Power the slot off and on, or look at the card." },
	{ "group-bridge", NULL, BLOCKS, "a bridge of its IOMMU group is driven by the host",
	  "Move the card to another slot." },
	{ "group-split", NULL, STANDS, "its IOMMU group would be split between the host and VFIO",
	  "Take the whole group along (--group)." },
	{ "group-unknown", NULL, WARNS, "its IOMMU group is made at the first bind only", "" },
	{ "guest-defined", "claim", WARNS, "a virtual machine of Proxmox VE names it",
	  "Proxmox VE assigns it by itself when the virtual machine starts." },
	{ "has-vfs", NULL, BLOCKS, "it has virtual functions, and vfio-pci takes no function that has",
	  "Assign the virtual functions, or remove them first." },
	{ "header-type", NULL, BLOCKS, "its configuration header is not that of an endpoint",
	  "Only endpoints (header type 0) can be given to a virtual machine." },
	{ "header-unreadable", NULL, BLOCKS, "its configuration header is of no type that exists",
	  "Power the slot or the host off and on; a reset that failed leaves a device so." },
	{ "id-overlap", NULL, STANDS, "the kernel would drop a narrower card type in its place",
	  "Disable the narrower one as well, and enable it again." },
	{ "in-use", "other", REFUSES, "the host uses it", "Stop using it first." },
	{ "in-use-claimed", "block", REFUSES,
	  "a disk on it is claimed by somebody whom the kernel does not name (ZFS, another container …)",
	  "Find out who uses the disk, and stop that." },
	{ "in-use-console", "display", REFUSES, "a console of the host is on it",
	  "Have another way to the host (network, serial console)." },
	{ "in-use-default-route", "net", REFUSES, "the host's default route goes through it",
	  "Give the host another way out first." },
	{ "in-use-display", "display", REFUSES, "it shows a picture, or a program draws with it",
	  "Stop the display manager, and have another way to the host." },
	{ "in-use-export", "block", REFUSES, "a disk on it is exported to others (nvmet, LIO)",
	  "Take the disk out of the target's configuration." },
	{ "in-use-gpu", "gpu", REFUSES, "programs compute with it", "Stop the programs and daemons named." },
	{ "in-use-holder", "block", REFUSES, "RAID, LVM, encryption or another device stands on a disk of it",
	  "Take what stands on it apart first (mdadm, vgchange, cryptsetup, multipath)." },
	{ "in-use-kdump", "block", REFUSES, "crash dumps of the host go to it",
	  "Configure another dump target first." },
	{ "in-use-keyboard", "usb", REFUSES, "the only keyboard of the host hangs behind it",
	  "Have another way to the host (network, serial console)." },
	{ "in-use-mdev", "gpu", REFUSES, "mediated devices or virtual GPUs stand on it", "Remove them first." },
	{ "in-use-mount", "block", REFUSES, "a file system on it is mounted", "Unmount it first." },
	{ "in-use-mount-namespace", "block", REFUSES,
	  "a file system on it is mounted in another mount namespace (a container, a service)",
	  "Stop the container or service named." },
	{ "in-use-net", "net", REFUSES, "a network interface of it is up", "Take the interface down first." },
	{ "in-use-net-member", "net", REFUSES, "a network interface of it is part of another one",
	  "Take it out of the bridge, bond, team, VLAN or macvtap device." },
	{ "in-use-net-namespace", "net", REFUSES, "its network interface is in another network namespace",
	  "Stop the container that has it, or move the interface back." },
	{ "in-use-open", "open", REFUSES, "a program has a device node of it open", "Stop the program named." },
	{ "in-use-rdma", "net", REFUSES, "a program uses its RDMA device", "Stop the program named." },
	{ "in-use-remote-disk", "block", REFUSES, "a disk of another machine is reached through it (iSCSI, NVMe over fabrics …)",
	  "Stop using the disk, and disconnect it." },
	{ "in-use-resume", "block", REFUSES, "the host resumes from a disk on it (hibernation)",
	  "Remove resume= from the kernel command line first." },
	{ "in-use-smc", "net", REFUSES, "SMC connections of the host go through it",
	  "Stop the programs that use them." },
	{ "in-use-sound", "sound", REFUSES, "a program plays or records sound with it", "Stop the program named." },
	{ "in-use-ssh-route", "net", REFUSES, "the ssh session that you are working in goes through it",
	  "Come in another way; the session would end with the step." },
	{ "in-use-swap", "block", REFUSES, "the host swaps to it", "Run swapoff first." },
	{ "in-use-vdpa", "net", REFUSES, "vDPA devices stand on it", "Remove them first (vdpa dev del)." },
	{ "in-use-vf", "vf", BLOCKS, "it has virtual functions", "Assign those instead, or remove them first." },
	{ "in-use-vfio", "vfio", REFUSES,
	  "a program has it open through VFIO: taking it away pulls it out of the guest, or waits for ever",
	  "Shut the virtual machine down, or detach the device from it." },
	{ "initramfs-unknown", NULL, WARNS, "which initramfs the host boots with, or what is in it, could not be found out",
	  "If it has the device's driver, rebuild it, or that driver is first at the next boot." },
	{ "interrupt-isolation-unknown", NULL, WARNS, "whether its interrupts are isolated cannot be known yet",
	  "Look whether the machine has an ITS (GICv3), or try a guest." },
	{ "iommu", NULL, BLOCKS, "it is the IOMMU itself", "Assign the functions that it covers." },
	{ "libvirt-defined", "claim", WARNS, "a libvirt domain names it",
	  "With managed='yes' libvirt assigns and releases it by itself." },
	{ "libvirt-running", "claim", REFUSES, "a running libvirt domain has it",
	  "Detach it from the domain (virsh detach-device), or shut the domain down." },
	{ "looked-at-in-part", NULL, WARNS, "not everything that could have led to a warning could be looked at",
	  "Run it as root, on the host." },
	{ "needed-at-boot", NULL, REFUSES, "the host uses a function of the card type, and would boot without it",
	  "Declare single functions with assign --persist instead, or stop using that one." },
	{ "no-group", NULL, BLOCKS, "no IOMMU covers it", "Move the card to a slot behind the IOMMU." },
	{ "no-interrupt-isolation", NULL, REFUSES, "a guest could raise interrupts of other devices, so none can open it",
	  "Enable interrupt remapping, or set allow_unsafe_interrupts of the module that opens it." },
	{ "no-iommu", NULL, BLOCKS, "the host has no active IOMMU",
	  "Turn it on in the firmware, and where needed on the kernel command line." },
	{ "no-match", NULL, WARNS, "no function of this card type is there now", "" },
	{ "no-reset", NULL, WARNS, "it has no reset method",
	  "Power the host off and on between guests that must not see each other's data." },
	{ "no-vfio-iommu", NULL, REFUSES, "the kernel has no module through which a guest could open it",
	  "Install the package with the kernel's further modules (vfio_iommu_type1)." },
	{ "no-vfio-pci", NULL, BLOCKS, "the running kernel has no vfio-pci driver, built in or as a module",
	  "Install the package with the kernel's further modules; after a kernel update, reboot." },
	{ "not-looked-at", NULL, REFUSES, "the host may use it: not everything could be looked at",
	  "Run it as root, on the host; else find out by hand whether it is used." },
	{ "openers-unknown", "vfio", REFUSES,
	  "whether a program has it open through VFIO cannot be known here (not root, another PID namespace)",
	  "Run it as root, on the host." },
	{ "pf-on-vfio", NULL, REFUSES, "its physical function is itself on VFIO",
	  "Release the physical function first." },
	{ "power-off", NULL, WARNS, "it is in D3cold", "It is woken when a driver is bound." },
	{ "reserved-region", NULL, BLOCKS, "the firmware reserves memory for it that the host must map",
	  "Look for a firmware setting that drops the reservation." },
	{ "root-filesystem", "block", BLOCKS, "the root file system of the host is on it",
	  "It stays with the host for as long as that runs from it." },
	{ "signature", "block", WARNS, "an unused disk on it carries a file system, LVM or RAID",
	  "Look whether the data are still needed: the virtual machine will see them." },
	{ "still-declared", NULL, WARNS, "a card type that is declared includes it, or a file with an error may be about it",
	  "Run vfioadm disable --persist with the card type as well; mend or remove the file." },
	{ "system-bridge", NULL, WARNS, "it is a part of the host: the host bridge, or the bridge to ISA",
	  "Assign it only where the guest needs this very function." },
	{ "thunderbolt", "usb", WARNS, "a Thunderbolt device is connected behind it, and goes with it",
	  "Look whether somebody needs what is on the device, or disconnect it." },
	{ "unsafe-interrupts", NULL, WARNS, "a guest can open it only because allow_unsafe_interrupts is set",
	  "Assign it only to guests that are trusted." },
	{ "unsettled", NULL, STANDS, "the kernel still holds a step of an earlier run on it or on its group",
	  "Stop what holds it; then run vfioadm settle." },
	{ "variant", NULL, WARNS, "it has a VFIO driver of its own", "Assign it by name." },
};

static int compare(const void *key, const void *item)
{
	return strcmp(key, ((const struct vfioadm_code_info *)item)->code);
}

const struct vfioadm_code_info *code_info(const char *code)
{
	return !code ? NULL : bsearch(code, codes, ARRAY_SIZE(codes), sizeof(codes[0]), compare);
}

size_t vfioadm_n_codes(void)
{
	return ARRAY_SIZE(codes);
}

const struct vfioadm_code_info *vfioadm_code_info(size_t i)
{
	return i < ARRAY_SIZE(codes) ? &codes[i] : NULL;
}
