/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A device in few words: an address alone tells nobody which disk or which port it is. */
#include "policy/check_private.h"

/* By class, the most special first. */
static const struct {
	uint32_t class_code, mask;
	const char *word;
} words[] = {
	{ 0x010802, 0xffffff, "NVMe" },
	{ 0x010100, 0xffff00, "IDE controller" },
	{ 0x010400, 0xffff00, "RAID controller" },
	{ 0x010600, 0xffff00, "SATA controller" },
	{ 0x010700, 0xffff00, "SAS controller" },
	{ 0x010000, 0xff0000, "storage controller" },
	{ 0x020000, 0xffff00, "Ethernet" },
	{ 0x020700, 0xffff00, "InfiniBand" },
	{ 0x020000, 0xff0000, "network card" },
	{ 0x030000, 0xff0000, "graphics card" },
	{ 0x040300, 0xffff00, "sound card" },
	{ 0x040000, 0xff0000, "multimedia card" },
	{ 0x060000, 0xff0000, "bridge" },
	{ 0x070000, 0xffff00, "serial port" },
	{ 0x0c0300, 0xffff00, "USB controller" },
	{ 0x0d0000, 0xff0000, "wireless card" },
	{ 0x0b4000, 0xffff00, "accelerator" },
	{ 0x100000, 0xff0000, "crypto accelerator" },
	{ 0x120000, 0xff0000, "accelerator" },
};

static const char *class_word(const struct vfioadm_function *f)
{
	for (size_t i = 0; KNOWN(f->class_code) && i < ARRAY_SIZE(words); i++)
		if ((f->class_code.value & words[i].mask) == words[i].class_code)
			return words[i].word;
	return NULL;
}

const char *check_name(const struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_str *serial = KNOWN(f->nvme_serial) ? &f->nvme_serial : &f->serial;
	const char *word = class_word(f), *of = "", *number = "";

	/* What is printed on the card or known to the network; a DSN is the fallback of both. */
	if (KNOWN(f->mac)) {
		of = "MAC ";
		number = f->mac.value;
	} else if (KNOWN(*serial)) {
		of = "serial ";
		number = serial->value;
	}
	if (!word && !*number)
		return SAY(c, "%s", f->address);
	return SAY(c, "%s (%s%s%s%s)", f->address, word ? word : "", word && *number ? ", " : "", of, number);
}
