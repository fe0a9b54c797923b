/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an errno means here: the same number says different things for each file that is written. */
#include <string.h>

#include "apply/private.h"
#include "base/error.h"
#include "host/observe.h"

static const struct {
	enum op_kind kind;
	bool vfio; /* only for a VFIO driver */
	int errnum;
	const char *meaning;
	const char *hint;
} meanings[] = {
	/* bind_store() and the drivers' probe functions; see "bind" in the kernel's driver core */
	{ OP_BIND, true, EINVAL,
	  "the VFIO driver does not take it (no IOMMU group, a bridge, a device on its denylist, or an IOMMU "
	  "that is not cache-coherent)",
	  "Look at the kernel log; for a denylisted device the module option disable_denylist=1 exists." },
	{ OP_BIND, true, EBUSY, "it has virtual functions enabled, or its driver changed during the run",
	  "Remove its virtual functions first (echo 0 > sriov_numvfs)." },
	{ OP_BIND, true, ENODEV,
	  "the driver does not match it (driver_override changed during the run, or the device is still being "
	  "set up)",
	  "Try again; look for another tool that manages driver_override." },
	{ OP_BIND, false, EBUSY, "its IOMMU group is in use through VFIO, or its driver changed during the run",
	  "Stop the virtual machines that use the group, then release the whole group." },
	{ OP_BIND, false, ENODEV, "the driver does not match it or found no working device",
	  "Look at the kernel log; a reset (echo 1 > reset) or a power cycle may help the device." },
	{ OP_BIND, false, EAGAIN, "the driver waits for something else (deferred probe)", "Try again." },
	{ OP_UNBIND, false, ENODEV, "it is not bound to this driver any more",
	  "Look at 'vfioadm show', and try again." },
	{ OP_LOAD_MODULE, false, EEXIST, "another program loaded it during the run, and its parameters would be ignored",
	  "Try again." },
	{ OP_LOAD_MODULE, false, ENOENT, "there is no such module for the running kernel",
	  "Install the package with the running kernel's modules, or reboot into the installed kernel." },
	{ OP_LOAD_MODULE, false, EOPNOTSUPP, host_module_command,
	  "Look at 'modprobe --showconfig' for the line \"install\" that names it, and at /etc/modprobe.d." },
	{ OP_WRITE_MODPROBE, false, EEXIST, "another program made this file during the run; it is not touched",
	  "Give that file another name, or leave --modprobe out." },
};

static void add_meaning(const struct step *step, int r, struct vfioadm_error **err)
{
	bool vfio = step->op.driver && driver_name_is_vfio(step->op.driver);

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (meanings[i].kind != step->op.kind || meanings[i].errnum != -r)
			continue;
		if (meanings[i].vfio && !vfio)
			continue;
		error_suffix(err, "%s.", meanings[i].meaning);
		error_hint(err, "%s", meanings[i].hint);
		return;
	}
}

/* "nvme nvme0: ", how the driver's lines about one device begin; 0: this line begins otherwise. */
static size_t prefix_length(const char *line, const char *driver)
{
	size_t n = strlen(driver), word;

	if (strncmp(line, driver, n) != 0 || line[n] != ' ')
		return 0;
	word = strcspn(line + n + 1, ": ");
	return word && line[n + 1 + word] == ':' ? n + word + 2 : 0;
}

/* A line that names the device, or begins as one that does. */
static bool is_about(const char *line, const struct strv *named, const char *driver)
{
	size_t n = prefix_length(line, driver);

	STRV_FOREACH(i, named)
		if (streq(named->items[i], line) || (n && strncmp(named->items[i], line, n) == 0))
			return true;
	return false;
}

/*
 * Only lines of the kernel's own, of the time of this step, and about its device. A driver prefixes its lines with its
 * name and the device's, which for some is not the PCI address ("nvme nvme0: pci function 0000:01:00.0", then "nvme
 * nvme0: Device not ready"): its last word is what explains the failure.
 */
static void add_log(struct apply *a, const struct step *step, struct vfioadm_error **err)
{
	_cleanup_strv_ struct strv named = { 0 }, lines = { 0 };
	const char *said = NULL;

	if (!a->log_known || !step->op.device ||
	    a->host->ops->log_lines(a->host, a->log_position, step->op.device, &named) < 0)
		return;
	if (named.n)
		said = named.items[named.n - 1];
	if (step->op.kind == OP_BIND && step->op.driver &&
	    a->host->ops->log_lines(a->host, a->log_position, step->op.driver, &lines) == 0)
		STRV_FOREACH(i, &lines)
			if (is_about(lines.items[i], &named, step->op.driver))
				said = lines.items[i];
	if (said)
		error_suffix(err, "the kernel says: \"%s\".", said);
}

static bool is_in_etc(const struct step *step)
{
	return step->op.kind == OP_DECLARE || step->op.kind == OP_WRITE_RULES ||
	       step->op.kind == OP_WRITE_MODPROBE;
}

static enum vfioadm_code code_of(const struct step *step, int r)
{
	if (is_in_etc(step) || step->op.kind == OP_HOLD || step->op.kind == OP_LET_GO)
		return VFIOADM_E_STORE;
	switch (-r) {
	case ETIMEDOUT:
		return VFIOADM_E_TIMEOUT;
	case EROFS:
		return VFIOADM_E_READ_ONLY_SYS;
	case EACCES:
		return VFIOADM_E_NOT_PERMITTED;
	case EEXIST:
		return VFIOADM_E_CHANGED;
	default:
		break;
	}
	if (step->op.kind == OP_LOAD_MODULE)
		return r == -EKEYREJECTED || r == -EPERM ? VFIOADM_E_LOCKDOWN :
		       step->op.driver && driver_name_is_vfio(step->op.driver) ? VFIOADM_E_NO_VFIO_PCI :
										  VFIOADM_E_NO_DRIVER;
	if (step->op.kind == OP_BIND || step->op.kind == OP_PROBE)
		return VFIOADM_E_PROBE_FAILED;
	if (step->op.kind == OP_SAVE_RECORD || step->op.kind == OP_DROP_RECORD ||
	    step->op.kind == OP_SAVE_ID || step->op.kind == OP_DROP_ID)
		return VFIOADM_E_STORE;
	return VFIOADM_E_STEP_FAILED;
}

static bool device_gone(struct apply *a, const struct step *step)
{
	char driver[256];

	return step->op.device &&
	       observe_driver(a->host, step->op.device, driver, sizeof(driver)) == -ENODEV;
}

/* Who has it open, and where in the kernel the step sleeps: what an administrator needs to end the wait. */
static void say_holders(struct apply *a, const struct step *step, struct vfioadm_error **err)
{
	_cleanup_strv_ struct strv holders = { 0 }, frames = { 0 };
	_cleanup_strbuf_ struct strbuf text = { 0 };

	if (step->pub.device && observe_holders(a->host, step->pub.device, &holders) == 0)
		for (size_t i = 0; i < holders.n && i < 5; i++)
			strbuf_addf(&text, "%s%s", i ? ", " : "it is held by ", holders.items[i]);
	if (holders.n > 5)
		strbuf_addf(&text, " and %zu more", holders.n - 5);
	if (a->host->ops->stuck_in(a->host, step->pub.device ? step->pub.device : CLAIM_HOST, &frames) == 0)
		for (size_t i = 0; i < frames.n && i < 4; i++)
			strbuf_addf(&text, "%s%s", i ? " < " : text.len ? "; the kernel waits in " :
							 "the kernel waits in ", frames.items[i]);
	if (text.len && !text.failed)
		error_suffix(err, "%s.", text.s);
}

static void say_timeout(struct apply *a, const struct step *step, struct vfioadm_error **err)
{
	error_set(err, -ETIMEDOUT, VFIOADM_E_TIMEOUT,
		  "Cannot %s: the kernel has not answered within %u seconds and still works on it.",
		  step->pub.text, a->host->timeout_ms / 1000);
	say_holders(a, step, err);
	error_hint(err, "Stop what uses the device, and it settles by itself; 'vfioadm settle' shows what is "
			"left.");
}

static void say_failure(const struct host *h, const struct step *step, int r, struct vfioadm_error **err)
{
	enum vfioadm_code code = code_of(step, r);

	if (code == VFIOADM_E_LOCKDOWN) {
		error_set(err, r, code, "Cannot %s: the kernel does not allow it (%s).", step->pub.text,
			  strerror(-r));
		error_hint(err, "The kernel is locked down or accepts signed modules only: install the "
				"distribution's own module, or look at /sys/kernel/security/lockdown.");
		return;
	}
	if (r == -ENOPKG && h->helper_foreign) {
		error_set(err, r, VFIOADM_E_IO, "Cannot %s: vfioadm-helper %s is of another version than vfioadm.",
			  step->pub.text, h->helper);
		error_hint(err, HOST_HELPER_REINSTALL);
		return;
	}
	if (r == -ENOPKG) {
		error_set(err, r, VFIOADM_E_IO, "Cannot %s: vfioadm-helper cannot be started.",
			  step->pub.text);
		error_hint(err, "It comes with vfioadm and must be executable: reinstall vfioadm.");
		return;
	}
	error_set(err, r, code, "Cannot %s: %s.", step->pub.text, strerror(-r));
	/* The first hint counts, and this knows best. */
	add_meaning(step, r, err);
	if (is_in_etc(step))
		error_hint(err, "/etc/vfioadm.d, /etc/udev/rules.d and /etc/modprobe.d must be directories that only "
				"root can write; make room there.");
	else if (code == VFIOADM_E_STORE)
		error_hint(err, "vfioadm keeps in /run/vfioadm how to give devices back; make room there.");
	if (step->op.kind == OP_OWN_NODES && r == -ESRCH)
		error_hint(err, "This host has no such user or group: put [Node] right in the file in /etc/vfioadm.d that "
				"declares %s, or add them.",
			   step->op.device);
	if (code == VFIOADM_E_READ_ONLY_SYS)
		error_hint(err, "/sys is mounted read-only here (a container?); run vfioadm on the host.");
	if (code == VFIOADM_E_NOT_PERMITTED)
		error_hint(err, "Run it as root.");
}

/* What the tool said last is why; where it said nothing, the number is all there is. */
static void say_image(struct apply *a, const struct step *step, int r, struct vfioadm_error **err)
{
	const char *said = a->host->image_error;

	if (r == -ECANCELED) {
		error_set(err, r, VFIOADM_E_CANCELLED, "Stopped by a signal in the step \"%s\".", step->pub.text);
		error_hint(err, "Run the command again when it suits you.");
		return;
	}
	error_set(err, r, VFIOADM_E_STEP_FAILED, "Cannot %s: %s%s.", step->pub.text,
		  r == -EREMOTEIO && *said ? "the tool that makes it says: " : "",
		  r == -EREMOTEIO && *said ? said :
		  r == -ETIME		   ? "it takes too long" :
		  r == -EBUSY		   ? "another process is regenerating it, and did not end within --timeout" :
					     strerror(-r));
	if (r == -EBUSY)
		error_hint(err, "Wait until it has ended, and run the command again.");
	if (r == -ETIME)
		error_hint(err, "The tool was given %u times --timeout for each kernel, and was ended: give it more, or look "
				"what it waits for.", HOST_REBUILD_TIMES);
	error_hint(err, "Correct that (often there is no room on /boot), and run the command again.");
}

static void finish(struct apply *a, const struct step *step, struct vfioadm_error **err)
{
	add_log(a, step, err);
	error_device(err, step->pub.device);
	error_path(err, step->pub.path);
	error_operation(err, step->pub.action);
}

void explain_failure(struct apply *a, const struct step *step, int r, struct vfioadm_error **err)
{
	if (r == -ETIMEDOUT)
		say_timeout(a, step, err);
	else if (device_gone(a, step))
		error_set(err, -ENODEV, VFIOADM_E_VANISHED, "%s disappeared while vfioadm worked on it.",
			  step->op.device);
	else if (step->op.kind == OP_REBUILD)
		say_image(a, step, r, err);
	else
		say_failure(a->host, step, r, err);
	finish(a, step, err);
}

void explain_no_effect(struct apply *a, const struct step *step, struct vfioadm_error **err)
{
	char driver[256] = "";

	if (step->op.device && observe_driver(a->host, step->op.device, driver, sizeof(driver)) < 0)
		*driver = '\0';
	error_set(err, -EIO, code_of(step, -EIO),
		  "Cannot %s: the kernel reported success, but the change had no effect%s%s.", step->pub.text,
		  *driver ? "; its driver is " : "", driver);
	error_hint(err, "Look at the kernel log, and for another tool that moves devices.");
	finish(a, step, err);
}
