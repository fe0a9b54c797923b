/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "error.h"

struct vfioadm_error {
	enum vfioadm_code code;
	int errnum;
	char *device, *path, *operation, *message, *hint;
};

/* One row per code: its name in JSON, and the exit status promised for it. */
static const struct {
	const char *name;
	int exit;
} codes[] = {
	[VFIOADM_E_INTERNAL] = { "internal", VFIOADM_EXIT_FAILED },
	[VFIOADM_E_NO_MEMORY] = { "no-memory", VFIOADM_EXIT_FAILED },
	[VFIOADM_E_USAGE] = { "usage", VFIOADM_EXIT_USAGE },
	[VFIOADM_E_BAD_SELECTOR] = { "bad-selector", VFIOADM_EXIT_USAGE },
	[VFIOADM_E_BAD_ID] = { "bad-id", VFIOADM_EXIT_USAGE },
	[VFIOADM_E_AMBIGUOUS] = { "ambiguous", VFIOADM_EXIT_USAGE },
	[VFIOADM_E_NOT_FOUND] = { "no-such-function", VFIOADM_EXIT_NO_FUNCTION },
	[VFIOADM_E_NOT_PERMITTED] = { "not-permitted", VFIOADM_EXIT_NOT_PERMITTED },
	[VFIOADM_E_READ_ONLY_SYS] = { "read-only-sys", VFIOADM_EXIT_NOT_READY },
	[VFIOADM_E_LOCKDOWN] = { "lockdown", VFIOADM_EXIT_NOT_READY },
	[VFIOADM_E_NO_IOMMU] = { "no-iommu", VFIOADM_EXIT_NOT_READY },
	[VFIOADM_E_NO_VFIO_PCI] = { "no-vfio-pci", VFIOADM_EXIT_NOT_READY },
	[VFIOADM_E_NO_DRIVER] = { "no-driver", VFIOADM_EXIT_NOT_READY },
	[VFIOADM_E_NO_PCI] = { "no-pci", VFIOADM_EXIT_NOT_READY },
	[VFIOADM_E_BAD_ROOT] = { "bad-root", VFIOADM_EXIT_USAGE },
	[VFIOADM_E_REFUSED] = { "refused", VFIOADM_EXIT_REFUSED },
	[VFIOADM_E_CHANGED] = { "changed", VFIOADM_EXIT_FAILED },
	[VFIOADM_E_VANISHED] = { "vanished", VFIOADM_EXIT_FAILED },
	[VFIOADM_E_PROBE_FAILED] = { "probe-failed", VFIOADM_EXIT_FAILED },
	[VFIOADM_E_STEP_FAILED] = { "step-failed", VFIOADM_EXIT_FAILED },
	[VFIOADM_E_TIMEOUT] = { "timeout", VFIOADM_EXIT_UNSETTLED },
	[VFIOADM_E_CANCELLED] = { "cancelled", VFIOADM_EXIT_FAILED },
	[VFIOADM_E_UNDO_FAILED] = { "undo-failed", VFIOADM_EXIT_UNSETTLED },
	[VFIOADM_E_STORE] = { "store", VFIOADM_EXIT_FAILED },
	[VFIOADM_E_BUSY] = { "busy", VFIOADM_EXIT_BUSY },
	[VFIOADM_E_IO] = { "io", VFIOADM_EXIT_FAILED },
	[VFIOADM_E_PENDING] = { "pending", VFIOADM_EXIT_UNSETTLED },
	[VFIOADM_E_CONTAINER] = { "container", VFIOADM_EXIT_NOT_READY },
	[VFIOADM_E_CONFIG] = { "config", VFIOADM_EXIT_USAGE },
};

static char *PRINTF_LIKE(1, 0) vformat(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		return NULL;
	return s;
}

int error_set(struct vfioadm_error **err, int r, enum vfioadm_code code, const char *fmt, ...)
{
	struct vfioadm_error *e;
	va_list ap;

	if (!err)
		return r;
	vfioadm_error_free(*err);
	*err = NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return r;
	e->code = code;
	e->errnum = -r;
	va_start(ap, fmt);
	e->message = vformat(fmt, ap);
	va_end(ap);
	*err = e;
	return r;
}

int error_oom(struct vfioadm_error **err)
{
	return error_set(err, -ENOMEM, VFIOADM_E_NO_MEMORY, "Out of memory.");
}

static void keep_or_set(char **field, const char *value)
{
	if (!*field && value)
		*field = strdup(value);
}

void error_device(struct vfioadm_error **err, const char *device)
{
	if (err && *err)
		keep_or_set(&(*err)->device, device);
}

void error_path(struct vfioadm_error **err, const char *path)
{
	if (err && *err)
		keep_or_set(&(*err)->path, path);
}

void error_operation(struct vfioadm_error **err, const char *operation)
{
	if (err && *err)
		keep_or_set(&(*err)->operation, operation);
}

void error_hint(struct vfioadm_error **err, const char *fmt, ...)
{
	va_list ap;

	if (!err || !*err || (*err)->hint)
		return;
	va_start(ap, fmt);
	(*err)->hint = vformat(fmt, ap);
	va_end(ap);
}

static void join_message(struct vfioadm_error *e, const char *a, const char *sep, const char *b)
{
	char *joined;

	if (asprintf(&joined, "%s%s%s", a, sep, b) < 0)
		return;
	free(e->message);
	e->message = joined;
}

void error_suffix(struct vfioadm_error **err, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	size_t len;

	if (!err || !*err)
		return;
	va_start(ap, fmt);
	text = vformat(fmt, ap);
	va_end(ap);
	if (!text)
		return;
	len = (*err)->message ? strlen((*err)->message) : 0;
	if (len && (*err)->message[len - 1] == '.')
		(*err)->message[len - 1] = '\0';
	join_message(*err, vfioadm_error_message(*err), "; ", text);
}

void error_errno(struct vfioadm_error **err, int errnum)
{
	if (err && *err)
		(*err)->errnum = errnum;
}

void error_recode(struct vfioadm_error **err, enum vfioadm_code code)
{
	if (err && *err)
		(*err)->code = code;
}

enum vfioadm_code vfioadm_error_code(const struct vfioadm_error *error)
{
	return error ? error->code : VFIOADM_E_NO_MEMORY;
}

const char *vfioadm_error_code_name(const struct vfioadm_error *error)
{
	return codes[vfioadm_error_code(error)].name;
}

int vfioadm_error_exit(const struct vfioadm_error *error)
{
	return codes[vfioadm_error_code(error)].exit;
}

const char *vfioadm_error_device(const struct vfioadm_error *error)
{
	return error ? error->device : NULL;
}

const char *vfioadm_error_path(const struct vfioadm_error *error)
{
	return error ? error->path : NULL;
}

const char *vfioadm_error_operation(const struct vfioadm_error *error)
{
	return error ? error->operation : NULL;
}

int vfioadm_error_errno(const struct vfioadm_error *error)
{
	return error ? error->errnum : ENOMEM;
}

const char *vfioadm_error_message(const struct vfioadm_error *error)
{
	return error && error->message ? error->message : "Out of memory.";
}

const char *vfioadm_error_hint(const struct vfioadm_error *error)
{
	return error ? error->hint : NULL;
}

void vfioadm_error_free(struct vfioadm_error *error)
{
	if (!error)
		return;
	free(error->device);
	free(error->path);
	free(error->operation);
	free(error->message);
	free(error->hint);
	free(error);
}
