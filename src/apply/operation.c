/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation on the host or on the store, and the look whether it did what it should. */
#include <string.h>

#include "apply/private.h"
#include "host/observe.h"
#include "store/declared.h"

enum { DRIVER_MAX = 256 };

static int write_value(struct apply *a, const struct op *op, const char *value)
{
	char path[OP_PATH_MAX];

	if (!value || !op_path(op, path))
		return -EINVAL;
	return a->host->ops->write(a->host, op->device ? op->device : CLAIM_HOST, path, value,
				    strlen(value));
}

/* An empty write never reaches the kernel; a lone newline clears. */
static int set_override(struct apply *a, const struct op *op)
{
	return write_value(a, op, *op->value ? op->value : "\n");
}

static int bind(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	char driver[DRIVER_MAX];
	int r = observe_driver(a->host, op->device, driver, sizeof(driver));

	if (r < 0)
		return r;
	if (strcmp(driver, op->driver) == 0) {
		*ret_no_effect = true;
		return 0;
	}
	return write_value(a, op, op->device);
}

/*
 * By now the module is loaded and its driver has a name: bound by name, no card type that vfio-pci still
 * holds can win the function back.
 */
static int probe(struct apply *a, const struct op *op)
{
	struct op named = { .kind = OP_BIND, .device = op->device };
	char driver[DRIVER_MAX];

	if (!op->options || observe_module_driver(a->host, op->options, driver, sizeof(driver)) < 0)
		return write_value(a, op, op->device);
	named.driver = driver;
	return write_value(a, &named, op->device);
}

static int add_id(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	int r = write_value(a, op, op->value);

	if (r == -EEXIST) {
		*ret_no_effect = true;
		return 0;
	}
	return r;
}

static int remove_id(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	int r = write_value(a, op, op->value);

	/* -ENODEV: no such ID; -ENOENT: the driver is not even registered. */
	if (r == -ENODEV || r == -ENOENT) {
		*ret_no_effect = true;
		return 0;
	}
	return r;
}

/* The identity of the driver's registration: IDs are gone when the module was loaded anew. */
static uint64_t registration_of(struct apply *a, const char *driver)
{
	char path[OP_PATH_MAX];
	uint64_t registration = 0;

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", driver);
	if (a->host->ops->incarnation(a->host, -1, path, &registration) < 0)
		return 0;
	return registration;
}

static int save_id(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	bool changed = true;
	int r = store_add_id(a->store, &op->type, registration_of(a, op->driver), &changed);

	*ret_no_effect = !changed;
	return r;
}

static int drop_id(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	bool changed = true;
	int r = store_remove_id(a->store, &op->type, &changed);

	*ret_no_effect = !changed;
	return r;
}

/* An image that could not be made stays what it was: of what was declared then, or of something older. */
static int rebuild(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	const struct host_ops *ops = a->host->ops;
	int r = ops->rebuild_image ? ops->rebuild_image(a->host, streq_null(op->value, REBUILD_BACK)) : -EROFS;

	*ret_no_effect = r == -EBUSY || r == -EINTR || r == -EROFS;
	if (r == -EINTR)
		r = -ECANCELED;
	a->image_left |= r > 0;
	return r < 0 ? r : 0;
}

/*
 * With parameters of ours those that are configured do not count, and the kernel shows neither. A note that cannot be
 * written makes 'list --enabled' say too much, which is no reason to fail.
 */
static int load_module(struct apply *a, const struct op *op)
{
	const char *ids = op->options ? str_after(op->options, "ids=") : NULL;
	int r = a->host->ops->load_module(a->host, op->value, op->options);

	if (r == 0 && ids && op->driver)
		(void)!store_note_load(a->store, registration_of(a, op->driver), ids);
	return r;
}

int operation_run(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	*ret_no_effect = false;
	switch (op->kind) {
	case OP_SET_OVERRIDE:
		return set_override(a, op);
	case OP_UNBIND:
		return write_value(a, op, op->device);
	case OP_SET_AUTOPROBE:
	case OP_SET_NUMVFS:
		return write_value(a, op, op->value);
	case OP_PROBE:
		return probe(a, op);
	case OP_BIND:
		return bind(a, op, ret_no_effect);
	case OP_ADD_ID:
		return add_id(a, op, ret_no_effect);
	case OP_REMOVE_ID:
		return remove_id(a, op, ret_no_effect);
	case OP_LOAD_MODULE:
		return load_module(a, op);
	case OP_SAVE_RECORD:
		return store_save_record(a->store, op->record);
	case OP_DROP_RECORD:
		return store_drop_record(a->store, op->device);
	case OP_SAVE_ID:
		return save_id(a, op, ret_no_effect);
	case OP_DROP_ID:
		return drop_id(a, op, ret_no_effect);
	case OP_DECLARE:
		return operation_declare(a, op, ret_no_effect);
	case OP_WRITE_RULES:
		return operation_write_rules(a, op, ret_no_effect);
	case OP_WRITE_MODPROBE:
		return operation_write_modprobe(a, op, ret_no_effect);
	case OP_OWN_NODES:
		return operation_own_nodes(a, op, false, ret_no_effect);
	case OP_REBUILD:
		return rebuild(a, op, ret_no_effect);
	case OP_HOLD:
		return hold_set(a->run_dir, op->device);
	case OP_LET_GO:
		return hold_drop(a->run_dir, op->device);
	case OP_N:
		break;
	}
	return -EINVAL;
}

static int verify_driver(struct apply *a, const char *device, const char *wanted)
{
	char driver[DRIVER_MAX];
	int r = observe_driver(a->host, device, driver, sizeof(driver));

	if (r < 0)
		return r;
	return strcmp(driver, wanted) == 0 ? 0 : -EIO;
}

static int verify_native(struct apply *a, const char *device)
{
	char driver[DRIVER_MAX];
	int r = observe_driver(a->host, device, driver, sizeof(driver));

	if (r < 0)
		return r;
	return *driver && !driver_name_is_vfio(driver) ? 0 : -EIO;
}

static int verify_override(struct apply *a, const char *device, const char *wanted)
{
	char override[DRIVER_MAX];
	int r = observe_override(a->host, device, override, sizeof(override));

	if (r < 0)
		return r;
	return strcmp(override, wanted) == 0 ? 0 : -EIO;
}

/* Reading how many there are takes the device's lock. */
static int verify_number(struct apply *a, const struct op *op)
{
	char path[OP_PATH_MAX], text[32];
	ssize_t n = op_path(op, path) ? a->host->ops->read_locked(a->host, path, text, sizeof(text)) : -EINVAL;

	if (n < 0)
		return (int)n;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, op->value) == 0 ? 0 : -EIO;
}

static int verify_nodes(struct apply *a, const struct op *op)
{
	bool so = false;
	int r = operation_own_nodes(a, op, true, &so);

	return r < 0 ? r : so ? 0 : -EIO;
}

int operation_verify(struct apply *a, const struct op *op)
{
	switch (op->kind) {
	case OP_SET_OVERRIDE:
		return verify_override(a, op->device, op->value);
	case OP_UNBIND:
		return verify_driver(a, op->device, "");
	case OP_BIND:
		return verify_driver(a, op->device, op->driver);
	case OP_PROBE:
		return verify_native(a, op->device);
	case OP_LOAD_MODULE: {
		char path[OP_PATH_MAX];

		if (!op->driver)
			return 0; /* a host driver whose name the plan did not know */
		snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", op->driver);
		return host_exists(a->host, path) ? 0 : -EIO;
	}
	case OP_SET_AUTOPROBE:
	case OP_SET_NUMVFS:
		return verify_number(a, op);
	case OP_OWN_NODES:
		return verify_nodes(a, op);
	case OP_DECLARE:
		return operation_verify_declared(a, op);
	case OP_WRITE_MODPROBE:
		return operation_verify_modprobe(a, op);
	default:
		return 0; /* IDs cannot be read back; our own files were synced */
	}
}
