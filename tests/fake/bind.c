/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver core: who gets bound to what, and what each way of asking answers. */
#include <string.h>

#include "kernel.h"

/*
 * The operation goes to sleep on the device lock. It is carried out again from its start when the lock
 * is free, which for the writes that take it first thing is what the kernel does.
 */
static bool wait_as(struct kernel *k, struct pci_device *d, struct work *w)
{
	struct work **end = &d->waiters;

	if (!w) {
		k->oom = true;
		return true;
	}
	while (*end)
		end = &(*end)->next;
	*end = w;
	return true;
}

bool device_wait(struct kernel *k, struct pci_device *d)
{
	const struct work *w = k->current;

	if (d->phase == IDLE)
		return false;
	return w ? wait_as(k, d, work_copy(w)) : true;
}

static unsigned current_serial(const struct kernel *k)
{
	return k->current ? k->current->serial : 0;
}

static void link_driver(struct kernel *k, struct pci_device *d)
{
	if (!tree_link_to(&k->tree, d->driver->dir, d->address, d->dir) ||
	    !tree_link_to(&k->tree, d->dir, "driver", d->driver->dir))
		k->oom = true;
}

static void unlink_driver(struct kernel *k, struct pci_device *d)
{
	tree_remove(&k->tree, node_child(d->driver->dir, d->address));
	tree_remove(&k->tree, node_child(d->dir, "driver"));
}

static int rule_error(const struct kernel *k, const struct pci_driver *drv,
		      const struct pci_device *d)
{
	for (size_t i = k->n_rules; i-- > 0;) {
		const struct probe_rule *rule = &k->rules[i];

		if (streq(rule->driver, drv->name) &&
		    (!rule->address || streq(rule->address, d->address)))
			return -rule->error;
	}
	return 0;
}

static int call_probe(struct kernel *k, struct pci_driver *drv, struct pci_device *d)
{
	int r;

	if (!vf_can_probe(k, d))
		return -ENODEV;
	r = rule_error(k, drv, d);
	if (r == 0 && drv->vfio)
		r = vfio_probe(k, d);
	return r;
}

/* From the return of probe(). Its own errors come out positive, as really_probe() does since 5.14. */
static int probe_finish(struct kernel *k, struct pci_device *d)
{
	struct pci_driver *drv = d->driver;
	int r;

	d->phase = IDLE;
	r = call_probe(k, drv, d);
	if (r < 0) {
		unlink_driver(k, d);
		d->driver = NULL;
		if (r != -ENODEV && r != -ENXIO && r != -EPROBE_DEFER)
			kernel_log(k, "%s %s: probe with driver %s failed with error %d", drv->name,
				   d->address, drv->name, r);
		return -r;
	}
	if (!drv->vfio && children_add(k, d) < 0)
		k->oom = true;
	return 0;
}

/* Before 5.19 nothing refused; the group's notifier then found a native driver in it: BUG_ON(). */
static int claim_dma(struct kernel *k, struct pci_driver *drv, struct pci_device *d)
{
	if (!d->group && d->late_group >= 0 && device_join(k, d, (unsigned)d->late_group) < 0)
		return -ENOMEM;
	if (drv->managed_dma || !d->group || !d->group->held)
		return 0;
	if (k->traits.dma_owner)
		return -EBUSY;
	k->crashed = true;
	kernel_log(k, "kernel BUG at drivers/vfio/vfio.c: %s in a group in use", d->address);
	return -EIO;
}

/* driver_probe_device(): 0, the driver's own error positive, the core's negative, -ETIMEDOUT: hangs. */
static int probe(struct kernel *k, struct pci_driver *drv, struct pci_device *d)
{
	int r;

	if (d->driver)
		return -EBUSY;
	r = claim_dma(k, drv, d);
	if (r < 0)
		return r;
	d->driver = drv;
	link_driver(k, d);
	if (k->hang_next) {
		k->hang_next = false;
		d->phase = PROBING;
		d->holder = current_serial(k);
		return -ETIMEDOUT;
	}
	return probe_finish(k, d);
}

int bind_store(struct kernel *k, struct pci_driver *drv, const char *name)
{
	struct pci_device *d = kernel_device(k, name);
	int r;

	if (!d || !driver_match(drv, d))
		return -ENODEV;
	if (device_wait(k, d))
		return -ETIMEDOUT;
	r = probe(k, drv, d);
	if (r > 0)
		r = -r;
	return r == -EPROBE_DEFER ? -EAGAIN : r;
}

static void detach_finish(struct kernel *k, struct pci_device *d)
{
	d->phase = IDLE;
	if (d->driver->vfio)
		vfio_remove(k, d);
	else
		children_remove(k, d);
	d->driver = NULL;
}

/* The link goes first; remove() of a VFIO driver then waits for its last user. */
int driver_detach(struct kernel *k, struct pci_device *d)
{
	unlink_driver(k, d);
	d->phase = REMOVING;
	d->holder = current_serial(k);
	if ((d->driver->vfio && d->vfio_users) || k->hang_next) {
		k->hang_next = false;
		return -ETIMEDOUT;
	}
	detach_finish(k, d);
	return 0;
}

void device_force_detach(struct kernel *k, struct pci_device *d)
{
	d->vfio_users = 0;
	if (!d->driver)
		return;
	unlink_driver(k, d);
	detach_finish(k, d);
}

int unbind_store(struct kernel *k, struct pci_driver *drv, const char *name)
{
	struct pci_device *d = kernel_device(k, name);

	if (!d || d->driver != drv)
		return -ENODEV;
	if (device_wait(k, d))
		return -ETIMEDOUT;
	return driver_detach(k, d);
}

/* __device_attach(): the first that matches and whose probe succeeds; 1 bound, 0 nobody wanted it. */
int device_attach(struct kernel *k, struct pci_device *d)
{
	if (d->driver)
		return 1;
	for (size_t i = 0; i < k->n_drivers; i++) {
		struct pci_driver *drv = k->drivers[i];
		int r;

		if (!drv->registered || !driver_match(drv, d))
			continue;
		r = probe(k, drv, d);
		if (r == EPROBE_DEFER)
			return -EPROBE_DEFER;
		if (r < 0)
			return r;
		if (r == 0)
			return 1;
	}
	return 0;
}

int drivers_probe(struct kernel *k, const char *name)
{
	struct pci_device *d = kernel_device(k, name);
	int r;

	if (!d)
		return -ENODEV;
	if (device_wait(k, d))
		return -ETIMEDOUT;
	r = device_attach(k, d);
	if (r == -ETIMEDOUT)
		return r;
	/* Whatever else went wrong before a driver's own probe comes out as this. */
	return r < 0 ? -EINVAL : 0;
}

static void wait_to_attach(struct kernel *k, struct pci_device *d, struct pci_driver *drv)
{
	struct work *w = work_new(WORK_ATTACH, drv->name, NULL, 0);

	if (w) {
		w->driver = drv;
		w->serial = current_serial(k);
	}
	wait_as(k, d, w);
}

/* Every unbound function that matches; errors of probing are nobody's business here. */
int driver_attach(struct kernel *k, struct pci_driver *drv)
{
	for (size_t i = 0; i < k->n_devices; i++) {
		struct pci_device *d = k->devices[i];
		int r;

		if (d->gone || !driver_match(drv, d))
			continue;
		if (d->phase != IDLE) {
			wait_to_attach(k, d, drv);
			return -ETIMEDOUT;
		}
		r = probe(k, drv, d);
		if (r == -ETIMEDOUT) {
			wait_to_attach(k, d, drv);
			return r;
		}
	}
	return 0;
}

static void run_waiters(struct kernel *k, struct pci_device *d)
{
	while (d->waiters && d->phase == IDLE) {
		struct work *w = d->waiters;

		d->waiters = w->next;
		w->next = NULL;
		kernel_operate(k, w);
		work_free(w);
	}
}

void device_unlock(struct kernel *k, struct pci_device *d)
{
	switch (d->phase) {
	case PROBING:
		probe_finish(k, d);
		break;
	case REMOVING:
		if (d->driver->vfio && d->vfio_users)
			return;
		detach_finish(k, d);
		break;
	case LOCKED:
		d->phase = IDLE;
		break;
	case IDLE:
		break;
	}
	run_waiters(k, d);
}

void kernel_resume(struct kernel *k)
{
	struct work *late = k->late;

	k->late = NULL;
	for (size_t i = 0; i < k->n_devices; i++)
		device_unlock(k, k->devices[i]);
	while (late) {
		struct work *w = late;

		late = w->next;
		w->next = NULL;
		kernel_operate(k, w);
		work_free(w);
	}
}

bool kernel_hangs(const struct kernel *k)
{
	for (size_t i = 0; i < k->n_devices; i++)
		if (k->devices[i]->phase != IDLE)
			return true;
	return k->late != NULL;
}

static bool any_of(const struct work *w, unsigned serial)
{
	while (w && w->serial != serial)
		w = w->next;
	return w;
}

bool kernel_holds(const struct kernel *k, unsigned serial)
{
	for (size_t i = 0; i < k->n_devices; i++) {
		const struct pci_device *d = k->devices[i];
		bool busy = d->phase == PROBING || d->phase == REMOVING;

		if ((busy && d->holder == serial) || any_of(d->waiters, serial))
			return true;
	}
	return any_of(k->late, serial);
}
