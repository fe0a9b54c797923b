/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a change needs of the caller and of the host, before any device is looked at closely. */
#include <string.h>

#include "base/error.h"
#include "flow/session.h"

/* Records, journal and locks of a container would be nobody else's, and gone with it. */
static int ready_run_dir(struct host *h, struct vfioadm_error **err)
{
	struct vfioadm_uint without_run;

	if (observe_container_without_run(h, &without_run) < 0)
		return error_oom(err);
	if (!uint_is(&without_run, 1))
		return 0;
	error_set(err, -EXDEV, VFIOADM_E_CONTAINER,
		  "This is a container that does not see the host's /run/vfioadm, where vfioadm keeps how to "
		  "give devices back.");
	error_path(err, "/run/vfioadm");
	error_hint(err, "Run vfioadm on the host, or give the container the host's directory (podman and "
			"docker: --volume /run/vfioadm:/run/vfioadm).");
	return -EXDEV;
}

int ready_to_change(struct host *h, bool dry_run, struct vfioadm_error **err)
{
	if (dry_run)
		return 0;
	if (!h->live) {
		error_set(err, -EROFS, VFIOADM_E_BAD_ROOT,
			  "%s is not the running host: nothing in it reacts to a change.",
			  h->display_root);
		error_hint(err, "Use --dry-run to see what would be done.");
		return -EROFS;
	}
	if (h->unprivileged) {
		error_set(err, -EACCES, VFIOADM_E_NOT_PERMITTED,
			  "Changing a device's driver is for root only.");
		error_hint(err, "Run it as root (sudo), or use --dry-run to see what would be done.");
		return -EACCES;
	}
	return ready_run_dir(h, err);
}

static int no_iommu(const struct vfioadm_inventory *inv, struct vfioadm_error **err)
{
	error_set(err, -ENODEV, VFIOADM_E_NO_IOMMU,
		  "This host has no active IOMMU, and without one no device can be given to a virtual "
		  "machine.");
	error_path(err, "/sys/class/iommu");
	error_hint(err, "%s", inv->iommu_advice ? inv->iommu_advice : "Turn it on in the firmware.");
	return -ENODEV;
}

int ready_host(const struct vfioadm_inventory *inv, bool dry_run, struct vfioadm_error **err)
{
	if (uint_is(&inv->facts.iommu, 0))
		return no_iommu(inv, err);
	if (!dry_run && uint_is(&inv->facts.sys_writable, 0)) {
		error_set(err, -EROFS, VFIOADM_E_READ_ONLY_SYS,
			  "/sys is mounted read-only here, so no driver can be changed.");
		error_path(err, "/sys");
		error_hint(err, "In a container: run vfioadm on the host, or give the container the host's "
				"/sys and /run/vfioadm writable.");
		return -EROFS;
	}
	return 0;
}

int ready_no_helper(const struct host *h, struct vfioadm_error **err)
{
	if (h->helper_foreign) {
		error_set(err, -ENOPKG, VFIOADM_E_IO,
			  "The program that vfioadm starts for each change, vfioadm-helper %s, is of another version "
			  "than vfioadm.", h->helper);
		error_path(err, h->helper);
		error_hint(err, HOST_HELPER_REINSTALL);
		return -ENOPKG;
	}
	error_set(err, -ENOPKG, VFIOADM_E_IO,
		  "The program that vfioadm starts for each change, vfioadm-helper, cannot be started.");
	error_hint(err, "It comes with vfioadm and must be executable: reinstall vfioadm.");
	return -ENOPKG;
}

static int no_driver(const char *driver, struct vfioadm_error **err)
{
	if (!driver_name_is_vfio(driver)) {
		error_set(err, -ENOENT, VFIOADM_E_NO_DRIVER,
			  "The driver %s is neither loaded nor to be found as a module of this kernel.",
			  driver);
		error_hint(err, "Load it, or leave the device without a driver: vfioadm release --park.");
		return -ENOENT;
	}
	error_set(err, -ENOENT, VFIOADM_E_NO_VFIO_PCI,
		  "The running kernel has no %s driver, neither built in nor as a module.", driver);
	if (!driver_name_equal(driver, "vfio-pci")) {
		error_hint(err, "Install its module, or take plain vfio-pci: --driver vfio-pci.");
		return -ENOENT;
	}
	error_hint(err, "It comes with the kernel's modules: install the full kernel package (Debian: "
			"linux-image-amd64 instead of the cloud variant; RHEL: kernel-modules-core or "
			"kernel-modules), or build the kernel with CONFIG_VFIO_PCI=m; after a kernel update, "
			"reboot.");
	return -ENOENT;
}

int ready_driver(struct host *h, const char *driver, char *module, size_t size,
		 struct vfioadm_error **err)
{
	enum driver_presence presence;
	int r = observe_driver_presence(h, driver, &presence, module, size);

	if (r == -ENOMEM)
		return error_oom(err);
	if (h->helper_missing && (r < 0 || presence != DRIVER_REGISTERED))
		return ready_no_helper(h, err);
	if (r < 0 || presence == DRIVER_NOWHERE)
		return no_driver(driver, err);
	if (presence == DRIVER_REGISTERED)
		*module = '\0';
	return 0;
}

/* Undoing needs to know what the override was: without that nothing is begun. */
int flow_need_override(const struct vfioadm_function *f, const struct host *h, bool dry_run,
		       struct vfioadm_error **err)
{
	if (f->driver_override.state != VFIOADM_UNKNOWN || dry_run)
		return 0;
	if (h->helper_missing)
		return ready_no_helper(h, err);
	error_set(err, -ETIMEDOUT, VFIOADM_E_TIMEOUT,
		  "The driver_override of %s could not be read within %u seconds: another program is "
		  "changing its driver, or is stuck in doing so.",
		  f->address, h->timeout_ms / 1000);
	error_device(err, f->address);
	error_hint(err, "Wait for it, and try again; nothing was changed.");
	error_recode(err, VFIOADM_E_STEP_FAILED);
	return -ETIMEDOUT;
}

static int not_forceable(const char *code, struct vfioadm_error **err)
{
	_cleanup_strbuf_ struct strbuf all = { 0 };

	for (size_t i = 0; i < vfioadm_n_codes(); i++)
		if (vfioadm_code_info(i)->forceable)
			strbuf_addf(&all, "%s%s", all.len ? ", " : "", vfioadm_code_info(i)->code);
	if (all.failed)
		return error_oom(err);
	error_set(err, -EINVAL, VFIOADM_E_USAGE, "\"%s\" is not a finding that can be forced.", code);
	error_hint(err, "These can: %s.", all.s);
	return -EINVAL;
}

int flow_check_force(const struct vfioadm_options *o, struct vfioadm_error **err)
{
	for (size_t i = 0; i < o->n_force; i++) {
		if (!check_forceable(o->force[i]))
			return not_forceable(o->force[i], err);
	}
	return 0;
}

int flow_note_followed(const struct look *look, struct vfioadm_plan *plan)
{
	STRV_FOREACH(i, &look->notes) {
		struct vfioadm_finding *finding = plan_add_finding(plan);

		if (!finding)
			return -ENOMEM;
		finding->code = "followed";
		finding->severity = VFIOADM_WARNS;
		finding->message = arena_strdup(&plan->arena, look->notes.items[i]);
		if (!finding->message)
			return -ENOMEM;
	}
	return 0;
}

int flow_check(struct look *look, const struct check_request *request, struct vfioadm_plan *plan,
	       struct vfioadm_error **err)
{
	bool refused = false;

	if (flow_note_followed(look, plan) < 0 || check_run(look->inv, request, plan, &refused) < 0)
		return error_oom(err);
	if (refused) {
		plan->result = VFIOADM_RESULT_REFUSED;
		/* Nothing will be run: others need not wait until the plan is freed. */
		session_close(plan);
	}
	return 0;
}
