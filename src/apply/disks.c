/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <string.h>

#include "apply/private.h"
#include "base/error.h"
#include "host/observe.h"

bool disk_is_not_there(int r)
{
	return r == -ENOMEDIUM || r == -ENXIO || r == -ENODEV || r == -ENOENT;
}

/*
 * The kernel shows a disk in sysfs a little before it can be opened, and a driver that was bound a moment ago brings up
 * its disks now: whoever mounts one then must not be overlooked.
 */
int disk_hold(struct host *h, const char *address, const char *disk)
{
	enum { TURNS = 25 }; /* of 20 ms */
	char path[NAME_MAX + 32];
	int r = h->ops->hold(h, address, disk);

	snprintf(path, sizeof(path), "sys/class/block/%.200s", disk);
	for (int i = 0; h->ops->pause && i < TURNS; i++) {
		if (!disk_is_not_there(r) || r == -ENOMEDIUM || !host_exists(h, path))
			break;
		h->ops->pause(h);
		r = h->ops->hold(h, address, disk);
	}
	return r;
}

static bool is_listed(const struct vfioadm_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (streq(list->items[i], name))
			return true;
	return false;
}

static int fail_used(const struct step *step, const char *disk, int r, struct vfioadm_error **err)
{
	error_set(err, r, VFIOADM_E_CHANGED, "Cannot %s: the disk %s has appeared since the check, and %s%s.",
		  step->pub.text, disk, r == -EBUSY ? "is in use" : "cannot be opened: ",
		  r == -EBUSY ? "" : strerror(-r));
	error_device(err, step->pub.device);
	error_hint(err, "Try again: then the disk is checked as well.");
	return r;
}

int disks_take_new(struct apply *a, const struct step *step, struct vfioadm_error **err)
{
	_cleanup_strv_ struct strv disks = { 0 };

	if (observe_disks(a->host, step->pub.device, &disks) == -ENOMEM)
		return error_oom(err);
	STRV_FOREACH(i, &disks) {
		int r = is_listed(&step->disks, disks.items[i]) ?
				0 :
				disk_hold(a->host, step->pub.device, disks.items[i]);

		if (r < 0 && !disk_is_not_there(r))
			return fail_used(step, disks.items[i], r, err);
	}
	return 0;
}
