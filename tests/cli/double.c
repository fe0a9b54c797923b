/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library that implements <vfioadm.h> with fixed data, to see what the command makes of states that no
 * real host can be brought into at will: unknown values, hostile names, refusals, failed and stuck runs.
 * The operand of a verb says what shall happen.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vfioadm.h>

#define KNOWN(v)                                                                                   \
	{                                                                                          \
		.state = VFIOADM_KNOWN, .value = (v)                                               \
	}
#define NONE                                                                                       \
	{                                                                                          \
		.state = VFIOADM_NONE                                                              \
	}

struct vfioadm_ctx {
	vfioadm_progress_fn progress;
	void *userdata;
	volatile sig_atomic_t cancelled;
	const char *sysroot;
	const char *done[16]; /* plans that were carried out */
	size_t n_done;
};

struct vfioadm_error {
	enum vfioadm_code code;
	const char *name, *message, *hint, *device, *path;
	int exit, errnum;
};

/* ---- functions --------------------------------------------------------------------------------- */

static const char *const nets[] = {"eth0", "eth1"};
static const char *const companions[] = {"0000:01:00.1"};
static const char *const first[] = {"0000:01:00.0"};
static const struct vfioadm_user users[] = {
	{"net", "eth0", "has address 192.0.2.1/24", true, "in-use-net", VFIOADM_REFUSES},
	{"vf", "0000:01:10.0", "is in use", false, "in-use-vf", VFIOADM_BLOCKS},
	{"claim", "a domain", "names it", false, "libvirt-defined", VFIOADM_WARNS},
};
static const struct vfioadm_user *const user_pointers[] = {&users[0], &users[1], &users[2]};
static const char *const unseen[] = {"Not this."};
static const struct vfioadm_bar bars[] = {
	{.index = 0, .start = 0xfe000000, .size = 65536, .is_64bit = true, .prefetchable = true},
	{.index = 2, .start = 0xc000, .size = 32, .io = true},
	{.index = 6, .size = 65537},
};

static const struct vfioadm_bar *const bar_pointers[] = {&bars[0], &bars[1], &bars[2]};

#define FACETS_ALL                                                                                 \
	(VFIOADM_FACET_BASIC | VFIOADM_FACET_NAMES | VFIOADM_FACET_IDENTITY |                      \
	 VFIOADM_FACET_DETAIL | VFIOADM_FACET_DRIVERS | VFIOADM_FACET_LOCKED |                     \
	 VFIOADM_FACET_USERS)

static struct vfioadm_function functions[] = {
	{
		.facets = FACETS_ALL,
		.address = "0000:00:1c.0",
		.vendor = KNOWN(0x8086),
		.device = KNOWN(0x9d10),
		.class_code = KNOWN(0x060400),
		.driver = KNOWN("pcieport"),
		.bridge = true,
		.path = KNOWN("pci-0000:00:1c.0"),
		.iommu_group = KNOWN(3),
		.verdict = VFIOADM_VERDICT_NOT_ASSIGNABLE,
	},
	{
		.facets = FACETS_ALL,
		.address = "0000:01:00.0",
		.vendor = KNOWN(0x15b3),
		.device = KNOWN(0x1003),
		.subsystem_vendor = KNOWN(0x15b3),
		.subsystem_device = KNOWN(0x55),
		.class_code = KNOWN(0x020000),
		.revision = KNOWN(0),
		.driver = KNOWN("mlx4_core"),
		.vfio = KNOWN(0),
		.iommu_group = KNOWN(7),
		.physfn = NONE,
		.numa_node = KNOWN(0),
		.uid = NONE,
		.fid = NONE,
		.net = {VFIOADM_KNOWN, 2, nets},
		.block = NONE,
		.companions = {VFIOADM_KNOWN, 1, companions},
		.n_users = 3,
		.users = user_pointers,
		.unseen = {VFIOADM_KNOWN, 1, unseen},
		.verdict = VFIOADM_VERDICT_IN_USE,
		.verdict_reason = "eth0 has address 192.0.2.1/24",
		.vendor_name = KNOWN("Mellanox Technologies"),
		.device_name = KNOWN("MT27500 Family [ConnectX-3]"),
		.subsystem_name = NONE,
		.class_name = KNOWN("Network controller (Ethernet controller)"),
		.path = KNOWN("pci-0000:00:1c.0/00.0"),
		.n_bars = 3,
		.bars = bar_pointers,
	},
	{
		/* What a hostile device or hwdb could say; and values that could not be read. */
		.facets = FACETS_ALL,
		.address = "0000:01:00.1",
		.vendor = KNOWN(0x1af4),
		.driver = KNOWN("vfio-pci"),
		.vfio = KNOWN(1),
		.iommu_group = KNOWN(7),
		.physfn = NONE,
		.companions = {VFIOADM_KNOWN, 1, first},
		.verdict = VFIOADM_VERDICT_ASSIGNED,
		.vendor_name = KNOWN("evil\033[31m\"quoted\\\"\n\xff"),
		/* NOLINTNEXTLINE(misc-misleading-bidirectional): on purpose */
		.device_name = KNOWN("b\xc3\xbc\xc2\x9bx\xe2\x80\xae"),
		.path = KNOWN("pci-0000:00:1c.0/00.1"),
	},
};
#define N_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static struct vfioadm_slot slot = {.name = "00000103", .fid = KNOWN(0x103), .power = KNOWN(0)};

struct vfioadm_inventory {
	bool standby, no_iommu;
};

/* ---- context, errors --------------------------------------------------------------------------- */

int vfioadm_ctx_new(struct vfioadm_ctx **ret_ctx)
{
	*ret_ctx = calloc(1, sizeof(**ret_ctx));
	return *ret_ctx ? 0 : -ENOMEM;
}

struct vfioadm_ctx *vfioadm_ctx_unref(struct vfioadm_ctx *ctx)
{
	free(ctx);
	return NULL;
}

static int fail(struct vfioadm_error **ret_error, int r, struct vfioadm_error error)
{
	*ret_error = malloc(sizeof(error));
	**ret_error = error;
	return r;
}

int vfioadm_ctx_set_sysroot(struct vfioadm_ctx *ctx, const char *dir,
			    struct vfioadm_error **ret_error)
{
	ctx->sysroot = dir;
	if (strcmp(dir, "/missing") == 0)
		return fail(ret_error, -ENOENT,
			    (struct vfioadm_error){.code = VFIOADM_E_BAD_ROOT,
						   .name = "bad-root",
						   .message = "/missing: no such directory",
						   .exit = 2,
						   .path = dir,
						   .errnum = ENOENT});
	return 0;
}

int vfioadm_ctx_set_timeout(struct vfioadm_ctx *ctx, unsigned seconds)
{
	(void)ctx;
	return seconds ? 0 : -EINVAL;
}

int vfioadm_ctx_set_lock_wait(struct vfioadm_ctx *ctx, unsigned seconds)
{
	(void)ctx;
	(void)seconds;
	return 0;
}

int vfioadm_ctx_set_helper(struct vfioadm_ctx *ctx, const char *path)
{
	(void)ctx;
	return *path == '/' ? 0 : -EINVAL;
}

void vfioadm_ctx_set_progress(struct vfioadm_ctx *ctx, vfioadm_progress_fn fn, void *userdata)
{
	ctx->progress = fn;
	ctx->userdata = userdata;
}

void vfioadm_ctx_cancel(struct vfioadm_ctx *ctx)
{
	ctx->cancelled = 1;
}

enum vfioadm_code vfioadm_error_code(const struct vfioadm_error *error)
{
	return error ? error->code : 0;
}

const char *vfioadm_error_code_name(const struct vfioadm_error *error)
{
	return error ? error->name : NULL;
}

int vfioadm_error_exit(const struct vfioadm_error *error)
{
	return error ? error->exit : 0;
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
	(void)error;
	return NULL;
}

int vfioadm_error_errno(const struct vfioadm_error *error)
{
	return error ? error->errnum : 0;
}

const char *vfioadm_error_message(const struct vfioadm_error *error)
{
	return error ? error->message : NULL;
}

const char *vfioadm_error_hint(const struct vfioadm_error *error)
{
	return error ? error->hint : NULL;
}

void vfioadm_error_free(struct vfioadm_error *error)
{
	free(error);
}

const char *vfioadm_version(void)
{
	return "9.8.7";
}

const char *vfioadm_verdict_name(enum vfioadm_verdict verdict)
{
	static const char *const names[] = {"unknown", "assigned",    "not-assignable",
					    "in-use",  "needs-group", "assignable"};

	return names[verdict];
}

const char *vfioadm_step_state_name(enum vfioadm_step_state state)
{
	static const char *const names[] = {"planned", "running",     "done", "failed",
					    "undone",  "undo-failed", "stuck"};

	return names[state];
}

const char *vfioadm_result_name(enum vfioadm_result result)
{
	static const char *const names[] = {"planned", "unchanged", "done",
					    "refused", "undone",    "unsettled"};

	return names[result];
}

/* ---- looking ----------------------------------------------------------------------------------- */

int vfioadm_observe(struct vfioadm_ctx *ctx, unsigned facets,
		    struct vfioadm_inventory **ret_inventory, struct vfioadm_error **ret_error)
{
	if (ctx->sysroot && strcmp(ctx->sysroot, "/nopci") == 0)
		return fail(ret_error, -ENOENT,
			    (struct vfioadm_error){.code = VFIOADM_E_NO_PCI,
						   .name = "no-pci",
						   .message = "there is no PCI bus",
						   .hint = "load it",
						   .exit = 6,
						   .path = "/nopci/sys/bus/pci",
						   .errnum = ENOENT});
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		functions[i].facets = facets;
	*ret_inventory = calloc(1, sizeof(**ret_inventory));
	if (ctx->sysroot && strcmp(ctx->sysroot, "/s390") == 0) {
		(*ret_inventory)->standby = true;
		functions[1].uid = (struct vfioadm_uint)KNOWN(0x1);
		functions[1].fid = (struct vfioadm_uint)KNOWN(0x102);
	}
	(*ret_inventory)->no_iommu = ctx->sysroot && strcmp(ctx->sysroot, "/noiommu") == 0;
	return 0;
}

int vfioadm_observe_selected(struct vfioadm_ctx *ctx, const char *const *selectors,
			     size_t n_selectors, bool all_matching,
			     struct vfioadm_inventory **ret_inventory, size_t **ret_selected,
			     size_t *ret_n_selected, struct vfioadm_error **ret_error)
{
	size_t *found = calloc(n_selectors, sizeof(*found)), n = 0;

	(void)all_matching;
	for (size_t i = 0; i < n_selectors; i++) {
		for (size_t k = 0; k < N_FUNCTIONS; k++) {
			if (strcmp(selectors[i], functions[k].address) == 0)
				found[n++] = k;
		}
	}
	if (n < n_selectors) {
		free(found);
		return fail(ret_error, -ENODEV,
			    (struct vfioadm_error){.code = VFIOADM_E_NOT_FOUND,
						   .name = "no-such-function",
						   .message = "no such function",
						   .exit = 4});
	}
	*ret_selected = found;
	*ret_n_selected = n;
	return vfioadm_observe(ctx, FACETS_ALL, ret_inventory, ret_error);
}

void vfioadm_inventory_free(struct vfioadm_inventory *inventory)
{
	free(inventory);
}

size_t vfioadm_inventory_n_functions(const struct vfioadm_inventory *inventory)
{
	(void)inventory;
	return N_FUNCTIONS;
}

const struct vfioadm_function *vfioadm_inventory_function(const struct vfioadm_inventory *inventory,
							  size_t i)
{
	(void)inventory;
	return i < N_FUNCTIONS ? &functions[i] : NULL;
}

const struct vfioadm_function *vfioadm_inventory_find(const struct vfioadm_inventory *inventory,
						      const char *address)
{
	(void)inventory;
	for (size_t i = 0; i < N_FUNCTIONS; i++) {
		if (strcmp(functions[i].address, address) == 0)
			return &functions[i];
	}
	return NULL;
}

bool vfioadm_inventory_complete(const struct vfioadm_inventory *inventory)
{
	(void)inventory;
	return false;
}

size_t vfioadm_inventory_n_slots(const struct vfioadm_inventory *inventory)
{
	return inventory->standby;
}

const struct vfioadm_slot *vfioadm_inventory_slot(const struct vfioadm_inventory *inventory,
						  size_t i)
{
	(void)inventory;
	return i ? NULL : &slot;
}

struct vfioadm_uint vfioadm_inventory_iommu(const struct vfioadm_inventory *inventory)
{
	return (struct vfioadm_uint)KNOWN(!inventory->no_iommu);
}

const char *vfioadm_inventory_iommu_advice(const struct vfioadm_inventory *inventory)
{
	return inventory->no_iommu ? "add intel_iommu=on to the kernel command line" : NULL;
}

/* ---- card types -------------------------------------------------------------------------------- */

static const struct vfioadm_enabled_id enabled_ids[] = {{"8086:10d3", "vfioadm"},
							{"1b36:0010", "module parameter"}};

int vfioadm_enabled_list(struct vfioadm_ctx *ctx, struct vfioadm_enabled **ret_enabled,
			 struct vfioadm_error **ret_error)
{
	(void)ctx;
	(void)ret_error;
	*ret_enabled = NULL;
	return 0;
}

size_t vfioadm_enabled_n(const struct vfioadm_enabled *enabled)
{
	(void)enabled;
	return 2;
}

const struct vfioadm_enabled_id *vfioadm_enabled_id(const struct vfioadm_enabled *enabled, size_t i)
{
	(void)enabled;
	return &enabled_ids[i];
}

void vfioadm_enabled_free(struct vfioadm_enabled *enabled)
{
	(void)enabled;
}

/* ---- checking ---------------------------------------------------------------------------------- */

struct vfioadm_checkup {
	const char *what;
	bool group;
	struct vfioadm_finding findings[5];
	size_t n_findings;
};

static bool forced(const struct vfioadm_options *options, const char *code)
{
	for (size_t i = 0; i < options->n_force; i++) {
		if (strcmp(options->force[i], code) == 0)
			return true;
	}
	return false;
}

static void found(struct vfioadm_checkup *checkup, const struct vfioadm_options *options,
		  const char *code, enum vfioadm_severity severity, const char *device)
{
	bool forceable = severity == VFIOADM_REFUSES && strcmp(code, "group-split") != 0;

	checkup->findings[checkup->n_findings++] = (struct vfioadm_finding){
		.code = code,
		.severity = forceable && forced(options, code) ? VFIOADM_WARNS : severity,
		.forceable = forceable,
		.device = device,
		.message = "this is\033 why",
		.hint = severity == VFIOADM_WARNS ? NULL : "do that",
	};
}

int vfioadm_check(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
		  const struct vfioadm_options *options, struct vfioadm_checkup **ret_checkup,
		  struct vfioadm_error **ret_error)
{
	struct vfioadm_checkup *c;

	(void)ctx;
	(void)n_selectors;
	if (strcmp(selectors[0], "error") == 0)
		return fail(ret_error, -ENODEV,
			    (struct vfioadm_error){.code = VFIOADM_E_NOT_FOUND,
						   .name = "no-such-function",
						   .message = "no such function",
						   .exit = 4});
	c = calloc(1, sizeof(*c));
	c->what = selectors[0];
	c->group = options->group;
	if (strcmp(c->what, "followed") == 0)
		found(c, options, "followed", VFIOADM_WARNS, NULL);
	if (strcmp(c->what, "fine") != 0)
		found(c, options, "leftover", VFIOADM_WARNS, "0000:01:00.0");
	if (strcmp(c->what, "refused") == 0 || strcmp(c->what, "blocked") == 0) {
		found(c, options, "net-up", VFIOADM_REFUSES, "0000:01:00.0");
		found(c, options, "disk", VFIOADM_REFUSES, "0000:01:00.1");
	}
	if (strcmp(c->what, "blocked") == 0)
		found(c, options, "bridge", VFIOADM_BLOCKS, "0000:01:00.0");
	*ret_checkup = c;
	return 0;
}

bool vfioadm_checkup_refused(const struct vfioadm_checkup *checkup)
{
	for (size_t i = 0; i < checkup->n_findings; i++) {
		if (checkup->findings[i].severity != VFIOADM_WARNS)
			return true;
	}
	return false;
}

bool vfioadm_checkup_complete(const struct vfioadm_checkup *checkup)
{
	return strcmp(checkup->what, "unseen") != 0;
}

size_t vfioadm_checkup_n_functions(const struct vfioadm_checkup *checkup)
{
	return checkup->group ? 2 : 1;
}

const struct vfioadm_function *vfioadm_checkup_function(const struct vfioadm_checkup *checkup,
							size_t i)
{
	(void)checkup;
	return &functions[1 + i];
}

size_t vfioadm_checkup_n_findings(const struct vfioadm_checkup *checkup)
{
	return checkup->n_findings;
}

const struct vfioadm_finding *vfioadm_checkup_finding(const struct vfioadm_checkup *checkup,
						      size_t i)
{
	return &checkup->findings[i];
}

void vfioadm_checkup_free(struct vfioadm_checkup *checkup)
{
	free(checkup);
}

/* ---- settling ---------------------------------------------------------------------------------- */

static const struct vfioadm_settled settled[] = {
	{"5-1", "assign", 1, first, VFIOADM_SETTLED_UNDONE, "this was taken back", NULL},
	{"5-2", "release", 1, companions, VFIOADM_SETTLED_PENDING, "this is still held", "wait"},
};

struct vfioadm_settlement {
	size_t n;
};

const char *vfioadm_settled_as_name(enum vfioadm_settled_as as)
{
	static const char *const names[] = {"", "finished", "undone", "stale", "pending", "failed"};

	return names[as];
}

/* The directory of --sysroot tells what there is to settle. */
int vfioadm_settle(struct vfioadm_ctx *ctx, bool dry_run, struct vfioadm_settlement **ret_settlement,
		   struct vfioadm_error **ret_error)
{
	const char *root = ctx->sysroot ? ctx->sysroot : "";

	(void)dry_run;
	if (strcmp(root, "/busy") == 0)
		return fail(ret_error, -EAGAIN,
			    (struct vfioadm_error){.code = VFIOADM_E_BUSY,
						   .name = "busy",
						   .message = "another one is at work",
						   .exit = 8,
						   .errnum = EAGAIN});
	*ret_settlement = calloc(1, sizeof(**ret_settlement));
	(*ret_settlement)->n = strcmp(root, "/pending") == 0 ? 2 : strcmp(root, "/left") == 0;
	return 0;
}

size_t vfioadm_settlement_n(const struct vfioadm_settlement *settlement)
{
	return settlement->n;
}

const struct vfioadm_settled *vfioadm_settlement_run(const struct vfioadm_settlement *settlement,
						     size_t i)
{
	(void)settlement;
	return &settled[i];
}

void vfioadm_settlement_free(struct vfioadm_settlement *settlement)
{
	free(settlement);
}

/* ---- changing ---------------------------------------------------------------------------------- */

struct vfioadm_plan {
	enum vfioadm_result result;
	const char *what;
	struct vfioadm_step steps[2];
	struct vfioadm_finding findings[3];
	size_t n_findings;
	struct vfioadm_outcome outcomes[2];
	bool is_import, no_steps;
};

static void add_finding(struct vfioadm_plan *plan, const char *code, enum vfioadm_severity severity,
			bool forceable)
{
	plan->findings[plan->n_findings++] = (struct vfioadm_finding){
		.code = code,
		.severity = severity,
		.forceable = forceable,
		.device = "0000:01:00.0",
		.message = "0000:01:00.0 carries eth0",
		.hint = "take it down",
	};
}

static int make_plan(const char *const *operands, const struct vfioadm_options *options,
		     struct vfioadm_plan **ret_plan, struct vfioadm_error **ret_error)
{
	struct vfioadm_plan *plan;

	if (strcmp(operands[0], "error") == 0)
		return fail(ret_error, -EPERM,
			    (struct vfioadm_error){.code = VFIOADM_E_NOT_PERMITTED,
						   .name = "not-permitted",
						   .message = "you are not root",
						   .hint = "use sudo",
						   .exit = 5,
						   .errnum = EACCES});
	plan = calloc(1, sizeof(*plan));
	plan->what = operands[0];
	plan->steps[0] =
		(struct vfioadm_step){.action = "load-module", .text = "load module vfio-pci"};
	plan->steps[1] = (struct vfioadm_step){.device = "0000:01:00.0",
					       .action = "unbind",
					       .path = "/sys/bus/pci/drivers/e1000e/unbind",
					       .value = "0000:01:00.0",
					       .text = "unbind 0000:01:00.0 from e1000e"};
	plan->outcomes[0] =
		(struct vfioadm_outcome){.device = "0000:01:00.0",
					 .before = "e1000e",
					 .wanted = options->driver ? options->driver : "vfio-pci",
					 .taken = true};
	plan->outcomes[1] = (struct vfioadm_outcome){
		.device = "0000:02:00.0", .before = "nvme", .wanted = "nvme", .note = "when freed"};
	if (options->park)
		plan->outcomes[0].wanted = NULL;
	if (options->persist)
		plan->outcomes[0].note = options->modprobe ? "declared, also for modprobe.d" : "declared";
	if (strcmp(plan->what, "unchanged") == 0)
		plan->result = VFIOADM_RESULT_UNCHANGED;
	if (strcmp(plan->what, "warned") == 0)
		add_finding(plan, "leftover", VFIOADM_WARNS, false);
	if (strcmp(plan->what, "refused") == 0 || strcmp(plan->what, "blocked") == 0) {
		add_finding(plan, "leftover", VFIOADM_WARNS, false);
		add_finding(plan, "net-up", VFIOADM_REFUSES, true);
		if (strcmp(plan->what, "blocked") == 0)
			add_finding(plan, "bridge", VFIOADM_BLOCKS, false);
		if (!forced(options, "net-up") || plan->n_findings > 2)
			plan->result = VFIOADM_RESULT_REFUSED;
	}
	*ret_plan = plan;
	return 0;
}

int vfioadm_plan_assign(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			struct vfioadm_error **ret_error)
{
	(void)ctx;
	(void)n_selectors;
	return make_plan(selectors, options, ret_plan, ret_error);
}

int vfioadm_plan_release(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			 const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			 struct vfioadm_error **ret_error)
{
	return vfioadm_plan_assign(ctx, selectors, n_selectors, options, ret_plan, ret_error);
}

int vfioadm_plan_enable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n_ids,
			const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			struct vfioadm_error **ret_error)
{
	return vfioadm_plan_assign(ctx, ids, n_ids, options, ret_plan, ret_error);
}

int vfioadm_plan_disable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n_ids,
			 const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			 struct vfioadm_error **ret_error)
{
	return vfioadm_plan_assign(ctx, ids, n_ids, options, ret_plan, ret_error);
}

/* What cannot be planned, by the exit status that it gives. */
static int fail_apply(int exit, struct vfioadm_error **ret_error)
{
	static const struct vfioadm_error errors[] = {
		{.code = VFIOADM_E_CONFIG, .name = "config", .message = "the file is wrong", .exit = 2},
		{.code = VFIOADM_E_REFUSED, .name = "refused", .message = "another card", .exit = 3},
		{.code = VFIOADM_E_NOT_FOUND, .name = "no-such-function", .message = "no card", .exit = 4},
		{.code = VFIOADM_E_NOT_PERMITTED, .name = "not-permitted", .message = "not root", .exit = 5},
		{.code = VFIOADM_E_NO_IOMMU, .name = "no-iommu", .message = "no IOMMU", .exit = 6},
		{.code = VFIOADM_E_BUSY, .name = "busy", .message = "another run", .exit = 8},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].exit == exit)
			return fail(ret_error, -EINVAL, errors[i]);
	abort();
}

static bool was_done(const struct vfioadm_ctx *ctx, const char *name)
{
	for (size_t i = 0; i < ctx->n_done; i++)
		if (strcmp(ctx->done[i], name) == 0)
			return true;
	return false;
}

/* Both make virtual functions; of one of them those are then assigned as well. */
static bool makes_virtual(const char *name)
{
	return strcmp(name, "virtual") == 0 || strcmp(name, "physical") == 0;
}

int vfioadm_plan_apply(struct vfioadm_ctx *ctx, const char *const *names, size_t n_names,
		       const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
		       struct vfioadm_error **ret_error)
{
	const char *nothing = "done";
	int exit, r;

	if (!n_names) {
		r = vfioadm_plan_assign(ctx, &nothing, 1, options, ret_plan, ret_error);
		if (r == 0)
			(*ret_plan)->result = VFIOADM_RESULT_UNCHANGED;
		return r;
	}
	if (sscanf(names[0], "exit-%d", &exit) == 1)
		return fail_apply(exit, ret_error);
	r = vfioadm_plan_assign(ctx, names, n_names, options, ret_plan, ret_error);
	if (r == 0 && !was_done(ctx, names[0]) && makes_virtual(names[0]))
		(*ret_plan)->steps[0].action = "set-numvfs";
	else if (r == 0 && options->only)
		(*ret_plan)->outcomes[1].note = options->only;
	else if (r == 0 && was_done(ctx, names[0]) && strcmp(names[0], "virtual") != 0)
		(*ret_plan)->result = VFIOADM_RESULT_UNCHANGED;
	if (r == 0 && n_names > 1)
		(*ret_plan)->outcomes[1].note = names[n_names - 1];
	return r;
}

/* ---- import: the directory of --sysroot tells what there is ---- */

static const struct vfioadm_proposal proposals[] = {
	{.name = "type-8086-10c9", .source = "/proc/cmdline", .text = "# of it\n[Match]\nCardType=8086:10c9\n",
	 .hint = "Remove it."},
	{.name = "type-1b36-0010", .source = "/proc/cmdline", .text = "[Match]\nCardType=1b36:0010\n",
	 .hint = "Remove it."},
	{.name = "nic", .source = "/etc/libvirt/qemu/a\033b.xml", .text = "[Match]\n# ev\033il\nAddress=0000:03:00.0\n",
	 .device = "0000:03:00.0"},
};
static const struct vfioadm_skipped skipped[] = {
	{.source = "/etc/driverctl.d/x\033y", .reason = "It is of\033 another bus."},
};

int vfioadm_plan_import(struct vfioadm_ctx *ctx, const struct vfioadm_options *options,
			struct vfioadm_plan **ret_plan, struct vfioadm_error **ret_error)
{
	const char *what = ctx->sysroot ? ctx->sysroot + 1 : "unchanged";
	int r = make_plan(&what, options, ret_plan, ret_error);

	if (r < 0)
		return r;
	(*ret_plan)->is_import = true;
	(*ret_plan)->no_steps = !options->persist || (*ret_plan)->result == VFIOADM_RESULT_UNCHANGED;
	return 0;
}

static bool has_proposals(const struct vfioadm_plan *plan)
{
	return plan->is_import && plan->result != VFIOADM_RESULT_UNCHANGED;
}

size_t vfioadm_plan_n_proposals(const struct vfioadm_plan *plan)
{
	return has_proposals(plan) ? sizeof(proposals) / sizeof(proposals[0]) : 0;
}

const struct vfioadm_proposal *vfioadm_plan_proposal(const struct vfioadm_plan *plan, size_t i)
{
	return i < vfioadm_plan_n_proposals(plan) ? &proposals[i] : NULL;
}

size_t vfioadm_plan_n_skipped(const struct vfioadm_plan *plan)
{
	return has_proposals(plan) ? sizeof(skipped) / sizeof(skipped[0]) : 0;
}

const struct vfioadm_skipped *vfioadm_plan_skipped(const struct vfioadm_plan *plan, size_t i)
{
	return i < vfioadm_plan_n_skipped(plan) ? &skipped[i] : NULL;
}

/* ---- declared state: their names are what make_plan() and fail_apply() do ---- */

static const char *const declared_devices[] = {"0000:01:00.0", "0000:02:00.0"};
static const struct vfioadm_declared declared[] = {
	{.name = "done", .file = "/etc/vfioadm.d/done.conf", .state = VFIOADM_DECLARED_DIFFERS,
	 .n_devices = 1, .devices = declared_devices, .message = "0000:01:00.0 has e1000e.", .hint = "apply it",
	 .in_initramfs = true},
	{.name = "refused", .file = "/etc/vfioadm.d/refused.conf", .state = VFIOADM_DECLARED_DIFFERS,
	 .n_devices = 2, .devices = declared_devices, .message = "0000:01:00.0 has e1000e.", .hint = "apply it"},
	{.name = "unchanged", .file = "/etc/vfioadm.d/unchanged.conf", .state = VFIOADM_DECLARED_IN_FORCE,
	 .n_devices = 1, .devices = declared_devices + 1, .message = "0000:02:00.0 has vfio-pci.",
	 .in_initramfs = true},
	{.name = "error", .file = "/etc/vfioadm.d/error.conf", .state = VFIOADM_DECLARED_MISSING,
	 .message = "No such device is present.", .hint = "look for it"},
	{.name = "wrong", .file = "/etc/vfioadm.d/wrong.conf", .state = VFIOADM_DECLARED_INVALID,
	 .message = "/etc/vfioadm.d/wrong.conf:3: unknown key \"Pth\".", .hint = "did you mean Path?"},
	{.name = "held", .file = "/run/vfioadm.d/held.conf", .state = VFIOADM_DECLARED_HELD,
	 .n_devices = 1, .devices = declared_devices, .message = "0000:01:00.0 was released."},
	{.name = "both", .file = "/etc/vfioadm.d/both.conf", .state = VFIOADM_DECLARED_AMBIGUOUS,
	 .n_devices = 2, .devices = declared_devices, .message = "It fits two.", .hint = "say which"},
	{.name = "ev\033il", .file = "/etc/vfioadm.d/ev\033il.conf", .state = VFIOADM_DECLARED_FOREIGN,
	 .message = "another\033 card", .hint = "look\033"},
	{.name = "type", .file = "/etc/vfioadm.d/type.conf", .state = VFIOADM_DECLARED_IN_FORCE,
	 .n_devices = 2, .devices = declared_devices, .n_late = 2, .late = declared_devices,
	 .message = "It is given to vfio-pci."},
};

enum { DECLARED_TYPE = sizeof(declared) / sizeof(declared[0]) - 1 };

struct vfioadm_status {
	struct vfioadm_declared items[16];
	size_t n;
	char names[256];
	bool outdated;
};

static void add_declared(struct vfioadm_status *status, size_t i)
{
	status->items[status->n++] = declared[i];
}

/* "/these/A,B": two that differ, with these names. */
static void add_these(struct vfioadm_status *status, const char *list)
{
	char *save = NULL;

	snprintf(status->names, sizeof(status->names), "%s", list);
	for (char *name = strtok_r(status->names, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		add_declared(status, 0);
		status->items[status->n - 1].name = name;
	}
}

/* "": in force; "/refused": cannot be given; "/in-use": in force, and its functions cannot be taken. */
static void add_type(struct vfioadm_status *status, const char *what)
{
	struct vfioadm_declared *item = &status->items[status->n];

	add_declared(status, DECLARED_TYPE);
	if (*what)
		item->name = "refused";
	if (strcmp(what, "/refused") == 0)
		item->state = VFIOADM_DECLARED_DIFFERS;
}

/* The directory of --sysroot tells how much of this there is. */
int vfioadm_status(struct vfioadm_ctx *ctx, struct vfioadm_status **ret_status,
		   struct vfioadm_error **ret_error)
{
	const char *root = ctx->sysroot ? ctx->sysroot : "";

	if (strcmp(root, "/nopci") == 0)
		return vfioadm_observe(ctx, 0, NULL, ret_error);
	*ret_status = calloc(1, sizeof(**ret_status));
	for (size_t i = 0; strcmp(root, "/all") == 0 && i < DECLARED_TYPE; i++)
		add_declared(*ret_status, i);
	if (strncmp(root, "/type", 5) == 0)
		add_type(*ret_status, root + 5);
	if (strcmp(root, "/quiet") == 0 || strcmp(root, "/outdated") == 0)
		add_declared(*ret_status, 2);
	(*ret_status)->outdated = strcmp(root, "/outdated") == 0;
	if (strncmp(root, "/these/", 7) == 0)
		add_these(*ret_status, root + 7);
	return 0;
}

size_t vfioadm_status_n(const struct vfioadm_status *status)
{
	return status->n;
}

const struct vfioadm_declared *vfioadm_status_item(const struct vfioadm_status *status, size_t i)
{
	return i < status->n ? &status->items[i] : NULL;
}

bool vfioadm_status_drift(const struct vfioadm_status *status)
{
	for (size_t i = 0; i < status->n; i++)
		if (status->items[i].state != VFIOADM_DECLARED_IN_FORCE)
			return true;
	return false;
}

bool vfioadm_status_outdated(const struct vfioadm_status *status)
{
	return status->outdated;
}

void vfioadm_status_free(struct vfioadm_status *status)
{
	free(status);
}

const char *vfioadm_declared_state_name(enum vfioadm_declared_state state)
{
	static const char *const names[] = {"?",	 "in-force",  "differs",   "held",   "missing",
					    "foreign", "ambiguous", "uncertain", "invalid"};

	return names[state];
}

int vfioadm_config_check(struct vfioadm_ctx *ctx, const char *file, struct vfioadm_error **ret_error)
{
	(void)ctx;
	if (strcmp(file, "good.conf") == 0)
		return 0;
	if (strcmp(file, "none.conf") == 0)
		return fail(ret_error, -ENOENT,
			    (struct vfioadm_error){.code = VFIOADM_E_CONFIG,
						   .name = "config",
						   .path = file,
						   .message = "none.conf cannot be read.",
						   .exit = 2,
						   .errnum = ENOENT});
	return fail(ret_error, -EBADMSG,
		    (struct vfioadm_error){.code = VFIOADM_E_CONFIG,
					   .name = "config",
					   .path = "bad.conf:7",
					   .message = "bad.conf:7: unknown key \"Pth\"",
					   .hint = "did you mean Path?",
					   .exit = 2,
					   .errnum = EBADMSG});
}

static void step(struct vfioadm_ctx *ctx, struct vfioadm_step *s, enum vfioadm_step_state state,
		 int error)
{
	s->state = state;
	s->error = error;
	if (ctx->progress)
		ctx->progress(s, ctx->userdata);
}

int vfioadm_plan_run(struct vfioadm_ctx *ctx, struct vfioadm_plan *plan,
		     struct vfioadm_error **ret_error)
{
	bool stuck = strcmp(plan->what, "stuck") == 0, undone = strcmp(plan->what, "undone") == 0;

	if (strcmp(plan->what, "busy") == 0)
		return fail(ret_error, -EAGAIN,
			    (struct vfioadm_error){.code = VFIOADM_E_BUSY,
						   .name = "busy",
						   .message = "another one is at work",
						   .exit = 8,
						   .errnum = EAGAIN});
	step(ctx, &plan->steps[0], VFIOADM_STEP_RUNNING, 0);
	step(ctx, &plan->steps[0], VFIOADM_STEP_DONE, 0);
	step(ctx, &plan->steps[1], VFIOADM_STEP_RUNNING, 0);
	if (strcmp(plan->what, "signal") == 0) {
		/* None of these may end the program, and the first must be heard. */
		raise(SIGTERM);
		raise(SIGHUP);
		raise(SIGPIPE);
		undone = ctx->cancelled;
	}
	if (stuck) {
		step(ctx, &plan->steps[1], VFIOADM_STEP_STUCK, ETIMEDOUT);
		plan->result = VFIOADM_RESULT_UNSETTLED;
		return fail(ret_error, -ETIMEDOUT,
			    (struct vfioadm_error){.code = VFIOADM_E_TIMEOUT,
						   .name = "timeout",
						   .message = "the kernel still holds 0000:01:00.0",
						   .exit = 7,
						   .device = "0000:01:00.0",
						   .errnum = ETIMEDOUT});
	}
	if (undone) {
		step(ctx, &plan->steps[1], VFIOADM_STEP_FAILED, EBUSY);
		step(ctx, &plan->steps[0], VFIOADM_STEP_UNDONE, 0);
		plan->result = VFIOADM_RESULT_UNDONE;
		plan->outcomes[0].after = plan->outcomes[0].before;
		return fail(ret_error, -EBUSY,
			    (struct vfioadm_error){.code = VFIOADM_E_STEP_FAILED,
						   .name = "step-failed",
						   .message = "unbind failed, all is as before",
						   .exit = 1,
						   .device = "0000:01:00.0",
						   .errnum = EBUSY});
	}
	step(ctx, &plan->steps[1], VFIOADM_STEP_DONE, 0);
	ctx->done[ctx->n_done++ % 16] = plan->what;
	plan->result = VFIOADM_RESULT_DONE;
	plan->outcomes[0].after = plan->outcomes[0].wanted;
	plan->outcomes[1].after = plan->outcomes[1].before;
	return 0;
}

void vfioadm_plan_free(struct vfioadm_plan *plan)
{
	free(plan);
}

enum vfioadm_result vfioadm_plan_result(const struct vfioadm_plan *plan)
{
	return plan->result;
}

size_t vfioadm_plan_n_steps(const struct vfioadm_plan *plan)
{
	return plan->no_steps ? 0 : 2;
}

const struct vfioadm_step *vfioadm_plan_step(const struct vfioadm_plan *plan, size_t i)
{
	return &plan->steps[i];
}

size_t vfioadm_plan_n_findings(const struct vfioadm_plan *plan)
{
	return plan->n_findings;
}

const struct vfioadm_finding *vfioadm_plan_finding(const struct vfioadm_plan *plan, size_t i)
{
	return &plan->findings[i];
}

size_t vfioadm_plan_n_outcomes(const struct vfioadm_plan *plan)
{
	return plan->is_import ? 0 : 2;
}

const struct vfioadm_outcome *vfioadm_plan_outcome(const struct vfioadm_plan *plan, size_t i)
{
	return &plan->outcomes[i];
}
