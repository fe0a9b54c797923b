/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keeps a function from the host beside VFIO, and what is better left to the host. */
#include "policy/check_private.h"

static bool shares_with_vfio(const struct checker *c, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other = vfioadm_inventory_find(c->inv, f->companions.items[i]);

		if (other && uint_is(&other->vfio, 1))
			return true;
	}
	return false;
}

/* The override is read only where there is no driver whose lock could block that (flow/check.c). */
int check_left_over(struct checker *c, const struct vfioadm_function *f)
{
	const char *text, *group = shares_with_vfio(c, f) ? "--group " : "";

	/* The kernel has set that override on purpose: check_physfn() says more. */
	if (check_pf_on_vfio(c, f))
		return 0;
	if (KNOWN(f->driver) && driver_name_keeps_off(f->driver.value))
		text = SAY(c, "%s is bound to %s, which is no driver of the host.", f->address, f->driver.value);
	else if (f->driver.state == VFIOADM_NONE && KNOWN(f->driver_override))
		text = SAY(c, "%s has no driver, and only %s can be bound: its driver_override was left over.", f->address,
			   f->driver_override.value);
	else
		return 0;
	return check_say(c, f, "left-over", text,
			 SAY(c, "When nothing uses it, this gives it back to the host: vfioadm release %s%s", group,
			     f->address));
}

int check_firmware_flash(struct checker *c, const struct vfioadm_function *f)
{
	enum { INTEL = 0x8086, SERIAL_BUS_OTHER = 0x0c80, SLOT = 0x1f, FUNCTION = 5 };
	bool chipset = f->domain == 0 && f->bus == 0 && f->slot == SLOT && f->function == FUNCTION;
	struct vfioadm_finding *finding;

	/* Controllers of I2C and UARTs have the same class. */
	if (!uint_is(&f->vendor, INTEL) || !KNOWN(f->class_code) || f->class_code.value >> 8 != SERIAL_BUS_OTHER ||
	    !(chipset || str_is(&f->driver, "intel-spi")))
		return 0;
	finding = check_add(c, f, "firmware-flash",
			    SAY(c, "%s is the SPI controller that has the host's firmware in its flash memory.",
				f->address));
	return finding ? 0 : -ENOMEM;
}
