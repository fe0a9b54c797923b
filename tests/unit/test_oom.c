/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "disk_tree.h"
#include "host/uses.h"
#include "inventory_builder.h"
#include "tmp_tree.h"
#include "base/error.h"
#include "model/plan.h"
#include "policy/check.h"
#include "policy/driver.h"
#include "policy/match.h"
#include "policy/planner.h"
#include "policy/select.h"
#include "store/declared.h"

/*
 * Memory that runs out at every place in turn: the first, the second … allocation of a job fails, until
 * one run needs no more. Each must answer -ENOMEM or do all of it; sanitizers and valgrind see to leaks.
 * What hands out a hint or a list of what is near may also do without.
 */
static long allocations_left = -1; /* negative: no limit */
static bool only_one;		   /* the one behind the limit fails, those after it do not */

static bool exhausted(void)
{
	if (allocations_left < 0)
		return false;
	if (allocations_left == 0) {
		errno = ENOMEM;
		allocations_left = only_one ? LONG_MIN : 0;
		return true;
	}
	allocations_left--;
	return false;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
int __wrap_vasprintf(char **ret, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
int __wrap_asprintf(char **ret, const char *fmt, ...) PRINTF_LIKE(2, 3);

void *__wrap_malloc(size_t n)
{
	return exhausted() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return exhausted() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return exhausted() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return exhausted() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
	return exhausted() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return exhausted() ? NULL : __real_strndup(s, n);
}

/* On top of malloc, so that a build with fortified functions is covered as well. */
int __wrap_vasprintf(char **ret, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	*ret = (char *)0x1; /* undefined on failure: nobody may free it */
	if (exhausted())
		return -1;
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	*ret = __real_malloc((size_t)n + 1);
	assert_non_null(*ret);
	return vsnprintf(*ret, (size_t)n + 1, fmt, ap);
}

int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = __wrap_vasprintf(ret, fmt, ap);
	va_end(ap);
	return r;
}

typedef int (*job_fn)(const void *arg, struct vfioadm_error **err);

/* Runs a job with 0, 1, 2 … allocations until it comes out as it does with memory enough. */
static void starve_once(job_fn job, const void *arg, int expected, const char *message)
{
	enum { ENOUGH = 5000 };
	bool refused = false;
	long n;

	for (n = 0; n < ENOUGH; n++) {
		_cleanup_error_ struct vfioadm_error *err = NULL;
		bool all;
		int r;

		allocations_left = n;
		r = job(arg, &err);
		all = allocations_left > 0;
		allocations_left = -1;
		assert_true(r == expected || r == -ENOMEM);
		/* An error that cannot be stored reads as "out of memory" as well. */
		refused |= r == -ENOMEM || (r < 0 && !err);
		if (r == -ENOMEM)
			assert_int_equal(vfioadm_error_code(err), VFIOADM_E_NO_MEMORY);
		if (!all)
			continue;
		assert_int_equal(r, expected);
		if (message)
			assert_string_equal(vfioadm_error_message(err), message);
		break;
	}
	assert_true(refused);
	assert_in_range(n, 1, ENOUGH - 1);
}

static void starve(job_fn job, const void *arg, int expected, const char *message)
{
	only_one = false;
	starve_once(job, arg, expected, message);
	only_one = true;
	starve_once(job, arg, expected, message);
}

static int job_parse(const void *arg, struct vfioadm_error **err)
{
	struct selector s;

	return selector_parse(arg, &s, err);
}

static void test_parse(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "\"\" is empty and names no function."},
		{" 1:00.0", "\" 1:00.0\" has blanks around it."},
		{"0000:01:00.8",
		 "\"0000:01:00.8\" is not a PCI address: its function number \"8\" is "
		 "not in the range 0 to 7."},
		{"8086:10d",
		 "\"8086:10d\" is not vendor:device: each of these IDs has four hexadecimal "
		 "digits."},
		{"grup=7",
		 "\"grup=7\" has the key \"grup\", but the keys are group, uid, fid, pchid, "
		 "serial, mac and path."},
		{"uid=x", "\"uid=x\" needs a hexadecimal number behind uid=, and \"x\" is none."},
		{"15b3 1003",
		 "\"15b3 1003\" names nothing: a network interface's name holds no '/', no "
		 "':' and no blank."},
		{"group:7",
		 "\"group:7\" is neither a PCI address (dddd:bb:dd.f) nor vendor:device."},
		{"01:00", "\"01:00\" is not written as a PCI address (dddd:bb:dd.f)."},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		starve(job_parse, cases[i].text, -EINVAL, cases[i].message);
	starve(job_parse, "15b3:1003", 0, NULL);
}

static int job_cardtype(const void *arg, struct vfioadm_error **err)
{
	struct cardtype type;

	return cardtype_parse(arg, &type, err);
}

static void test_cardtype(void **state)
{
	starve(job_cardtype, "15b3:1003", 0, NULL);
	starve(job_cardtype, "15b3:x", -EINVAL,
	       "\"15b3:x\" is not a card-type ID: device \"x\" is not a hexadecimal number of up "
	       "to 4 "
	       "digits.");
}

static struct vfioadm_inventory *host;

static int job_select(const void *arg, struct vfioadm_error **err)
{
	_cleanup_selection_ struct selection s = {0};
	struct selector selector;
	long limit = allocations_left;
	int r;

	allocations_left = -1;
	assert_int_equal(selector_parse(arg, &selector, NULL), 0);
	allocations_left = limit;
	r = select_functions(host, &selector, 1, false, &s, err);
	if (r == 0)
		assert_true(s.n > 0);
	return r;
}

static void test_select(void **state)
{
	host = build_inventory();
	for (unsigned i = 0; i < 12; i++) {
		char address[16];
		struct vfioadm_function *f;

		snprintf(address, sizeof(address), "%04x:00:00.0", i);
		f = build_function(host, address, 0x15b3, 0x1003, i == 11 ? 0x060400 : 0x020000);
		f->iommu_group = uint_known(i == 11 ? 2 : 1);
		f->fid = uint_known(i);
		f->net = build_list(host, "a,b");
	}
	build_slot(host, "00000103", 0x103, 0);
	build_finish(host);

	starve(job_select, "0001:00:00.0", 0, NULL);
	starve(job_select, "group=1", 0, NULL);
	starve(job_select, "15b3:1003", -EINVAL,
	       "\"15b3:1003\" names 12 functions: 0000:00:00.0, 0001:00:00.0, 0002:00:00.0, "
	       "0003:00:00.0, 0004:00:00.0, 0005:00:00.0, 0006:00:00.0, 0007:00:00.0 and 4 more.");
	starve(job_select, "0100:00:00.0", -ENOENT,
	       "There is no PCI function 0100:00:00.0 on this host.");
	starve(job_select, "15b3:1003:0000:0000", -ENOENT,
	       "No function of this host has the IDs 15b3:1003:0000:0000.");
	starve(job_select, "group=2", -ENOENT,
	       "IOMMU group 2 holds only bridges (000b:00:00.0), which group=2 skips because they "
	       "cannot "
	       "be assigned.");
	starve(job_select, "group=3", -ENOENT, "There is no IOMMU group 3 on this host.");
	starve(job_select, "fid=103", -ENOENT,
	       "The function with fid=103 (slot 00000103) is in standby.");
	starve(job_select, "fid=999", -ENOENT, "No function of this host has fid=999.");
	starve(job_select, "serial=x", -ENOENT,
	       "No function of this host has the serial number x.");
	starve(job_select, "eth9", -ENOENT,
	       "No function of this host carries a network interface \"eth9\".");
	vfioadm_inventory_free(host);
}

static int job_groups(const void *arg, struct vfioadm_error **err)
{
	_cleanup_selection_ struct selection s = {0};
	int r = selection_add(&s, 0);

	if (r == 0)
		r = selection_add_groups(&s, arg);
	if (r == 0)
		assert_int_equal(s.n, 3);
	return r < 0 ? error_oom(err) : r;
}

static void test_groups(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	build_bound(inv, "0000:01:00.0", 0x020000, 1, NULL);
	build_bound(inv, "0000:01:00.1", 0x020000, 1, NULL);
	build_bound(inv, "0000:01:00.2", 0x020000, 1, NULL);
	build_finish(inv);
	starve(job_groups, inv, 0, NULL);
}

static int job_inventory(const void *arg, struct vfioadm_error **err)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = inventory_new();
	struct vfioadm_function *f;
	const char *driver, *reason;

	if (!inv)
		return error_oom(err);
	inv->functions = calloc(2, sizeof(*inv->functions));
	if (!inv->functions)
		return error_oom(err);
	inv->n_functions = 2;
	for (unsigned i = 0; i < 2; i++) {
		f = &inv->functions[i];
		f->function = (uint8_t)(1 - i);
		f->iommu_group = uint_known(1);
		f->address = arena_format(&inv->arena, "0000:00:00.%u", 1 - i);
		if (!f->address)
			return error_oom(err);
	}
	/* Beyond what is left of the first block. */
	if (!arena_alloc(&inv->arena, 20000) || !arena_strdup(&inv->arena, "x"))
		return error_oom(err);
	if (inventory_finish(inv) < 0 ||
	    driver_choose_vfio(inv, &inv->functions[0], "acme", &driver, &reason) < 0)
		return error_oom(err);
	assert_string_equal(inv->functions[1].companions.items[0], "0000:00:00.0");
	assert_string_equal(driver, "acme");
	return 0;
}

static int job_plan(const void *arg, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ASSIGN);
	const struct op op = {.kind = OP_BIND, .device = "d", .driver = "nvme", .value = "d"};
	const struct op undo = {.kind = OP_UNBIND, .device = "d", .driver = "nvme", .value = "d"};

	if (!plan)
		return error_oom(err);
	for (unsigned i = 0; i < 40; i++)
		if (!plan_add_op(plan, &op, &undo, 1, "step %u", i) || !plan_add_finding(plan) ||
		    !plan_add_target(plan))
			return error_oom(err);
	assert_string_equal(plan->steps[39].pub.text, "step 39");
	assert_string_equal(plan->steps[39].undo[0].driver, "nvme");
	return 0;
}

static int job_strings(const void *arg, struct vfioadm_error **err)
{
	_cleanup_strv_ struct strv v = {0};
	_cleanup_strbuf_ struct strbuf b = {0};
	_cleanup_free_ char *text = NULL;

	for (unsigned i = 0; i < 40; i++) {
		if (strv_add(&v, "x") < 0 || strv_take(&v, str_format("%u", i)) < 0)
			return error_oom(err);
		strbuf_addf(&b, "%u,", i);
		strbuf_add(&b, "text", 4);
	}
	text = strbuf_take(&b);
	if (!text)
		return error_oom(err);
	assert_memory_equal(text, "0,text1,text2,", 14);
	return 0;
}

static void test_containers(void **state)
{
	starve(job_inventory, NULL, 0, NULL);
	starve(job_plan, NULL, 0, NULL);
	starve(job_strings, NULL, 0, NULL);
}

/* A plan that comes out must be the whole plan: one without its unbind would do harm. */
static int job_assign(const void *arg, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ASSIGN);
	char large[20000];
	const struct plan_input in = {
		.function = arg, .driver = "vfio-pci", .module = "vfio_pci", .boot_id = large};

	/* So large that each copy needs a block of its own. */
	memset(large, 'b', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	if (!plan || plan_assign(plan, &in, 1) < 0)
		return error_oom(err);
	assert_int_equal(plan->n_steps, 5);
	assert_string_equal(plan->steps[0].op.driver, "vfio-pci");
	assert_string_equal(plan->steps[1].op.record->driver, in.function->driver.value);
	assert_string_equal(plan->steps[1].op.record->driver_override,
			    in.function->driver_override.value);
	assert_int_equal(plan->steps[3].op.kind, OP_UNBIND);
	assert_string_equal(plan->steps[3].undo[0].value, in.function->driver_override.value);
	assert_int_equal(plan->steps[4].op.kind, OP_BIND);
	return 0;
}

static int job_release(const void *arg, struct vfioadm_error **err)
{
	const struct vfioadm_function *f = arg;
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_RELEASE);
	const struct record rec = {.device = f->address,
				   .driver = "nvme",
				   .boot_id = "b",
				   .driver_override = f->driver_override.value};
	const struct plan_input in = {.function = f, .driver = "nvme", .record = &rec};

	if (!plan || plan_release(plan, &in, 1, false) < 0)
		return error_oom(err);
	/* The override stays as it is. */
	assert_int_equal(plan->n_steps, 3);
	assert_int_equal(plan->steps[0].op.kind, OP_UNBIND);
	assert_int_equal(plan->steps[1].op.kind, OP_BIND);
	assert_string_equal(plan->targets[0].pub.wanted, "nvme");
	return 0;
}

static void test_planner(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f;
	char driver[17000], override[17000];

	memset(driver, 'd', sizeof(driver) - 1);
	memset(override, 'd', sizeof(override) - 1); /* another name than the driver's would not be kept */
	driver[sizeof(driver) - 1] = override[sizeof(override) - 1] = '\0';
	f = build_bound(inv, "0000:01:00.0", 0x010802, 1, driver);
	f->driver_override = str_known(override);
	build_finish(inv);
	starve(job_assign, f, 0, NULL);
	f->vfio = uint_known(1);
	starve(job_release, f, 0, NULL);
}

static int job_enable(const void *arg, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
	_cleanup_selection_ struct selection taken = {0};
	const struct vfioadm_inventory *inv = arg;
	const struct cardtype type = {0x1234, 0x5678, CARDTYPE_ANY, CARDTYPE_ANY, 0, 0};

	if (!plan || plan_enable_taken(inv, &type, 1, &taken) < 0 ||
	    plan_enable(plan, inv, &type, 1, 1, NULL, 0, &taken, inv->facts.live) < 0)
		return error_oom(err);
	assert_int_equal(plan->n_steps, 3);
	assert_int_equal(plan->steps[0].n_undo, 2);
	assert_int_equal(plan->n_targets, 2);
	assert_string_equal(plan->targets[1].pub.before, inv->functions[1].driver.value);
	return 0;
}

static int job_disable(const void *arg, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_DISABLE);
	const struct cardtype type = {0x1234, 0x5678, CARDTYPE_ANY, CARDTYPE_ANY, 0, 0};

	if (!plan || plan_disable(plan, arg, &type, 1, true) < 0)
		return error_oom(err);
	assert_int_equal(plan->n_steps, 2);
	assert_int_equal(plan->n_targets, 2);
	return 0;
}

static int job_check(const void *arg, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ASSIGN);
	struct selection selected = {(size_t[]){1}, 1};
	const struct check_request request = {
		.verb = VERB_ASSIGN,
		.selected = &selected,
		.pending = (const char *const[]){"0000:01:00.0"},
		.n_pending = 1,
		.host = true,
	};
	struct vfioadm_inventory *inv = (struct vfioadm_inventory *)arg;
	bool refused = false;

	if (!plan || check_run(inv, &request, plan, &refused) < 0 || check_verdicts(inv) < 0)
		return error_oom(err);
	assert_true(refused);
	/* The group cannot be had because of the bridge, or because of the companion. */
	assert_int_equal(plan->n_findings, 10);
	assert_string_equal(inv->functions[1].verdict_reason,
			    "it does not answer: it is gone, or has no power");
	return 0;
}

static void test_types_and_checks(void **state)
{
	static struct vfioadm_user user = {.what = "eth0", .why = "is up", .code = "in-use-net"};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f;
	char driver[17000];

	memset(driver, 'd', sizeof(driver) - 1);
	driver[sizeof(driver) - 1] = '\0';
	build_bound(inv, "0000:01:00.0", 0x020000, 1, NULL);
	build_bound(inv, "0000:01:00.1", 0x020000, 1, driver);
	build_finish(inv);
	starve(job_enable, inv, 0, NULL);
	inv->facts.live = false;
	starve(job_enable, inv, 0, NULL);
	starve(job_disable, inv, 0, NULL);

	build_bound(inv, "0000:00:01.0", 0x060400, 1, "acme_port");
	build_function(inv, "0000:02:00.0", 1, 2, 0x020000);
	build_finish(inv);
	/* Everything speaks against it. */
	f = inventory_get(inv, "0000:01:00.0");
	f->virtfns = build_list(inv, "a,b");
	f->users = build_users(inv, &user, 1);
	f->n_users = 1;
	f->unseen = build_list(inv, "Not this.");
	f->physfn = str_known("0000:02:00.0");
	f->header_type = uint_none();
	f->power_state = str_known("D3cold");
	f->vendor = uint_known(0x8086);
	f->device = uint_known(0x0b25);
	inv->facts.vfio_pci_available = uint_known(0);
	inventory_get(inv, "0000:02:00.0")->vfio = uint_known(1);
	inventory_get(inv, "0000:02:00.0")->driver = str_known("vfio-pci");
	starve(job_check, inv, 0, NULL);
	inventory_get(inv, "0000:00:01.0")->driver = str_known("pcieport");
	starve(job_check, inv, 0, NULL);
}

/* Memory that runs out must not make a disk look unused. */
static int job_uses(const void *arg, struct vfioadm_error **err)
{
	const struct tmp_tree *t = arg;
	const bool wanted[] = {true, true, true};
	struct uses u = {.h = t->host, .inv = t->inv, .wanted = wanted};
	struct processes procs;
	int r = processes_read(t->host, &t->inv->arena, &procs);

	u.procs = &procs;
	u.mountinfo = "30 1 254:0 / / rw - ext4 x rw\n31 1 0:25 / /srv rw - btrfs /dev/nvme0n1p1 rw\n"
		      "32 1 0:26 / /m rw - overlay o rw,lowerdir=/srv:/x\n";
	if (r == 0)
		r = uses_block(&u);
	r = host_starved(t->host, r);
	if (r == 0) {
		assert_int_equal(u.found.n, 10);
		assert_int_equal(u.unseen.n, 0);
		assert_int_equal(u.doubts.n, 0);
	}
	free(u.found.items);
	free(u.unseen.items);
	free(u.doubts.items);
	free(u.minor.items);
	return r < 0 ? error_oom(err) : r;
}

static void test_uses(void **state)
{
	struct tmp_tree *t;

	assert_int_equal(tmp_setup((void **)&t), 0);
	disk_fill(t);
	disk_mapped(t, "dm-0", "254:0\n", "vg0-root\n", "LVM-1\n", "nvme1n1");
	disk_virtual(t, "loop0", "7:0\n", "");
	tmp_file(t, "sys/devices/virtual/block/loop0/loop/backing_file", "/srv/disk.img\n");
	tmp_link(t, "sys/fs/btrfs/1f00-22/devices/nvme0n1p1", "x");
	tmp_dir(t, "sys/fs/ext4/sda");
	disk_process(t, 70, "postgres", "200", "30 1 259:2 / /data rw - ext4 x rw\n");
	uses_open(t, 70, 3, "/dev/nvme0n1");
	tmp_file(t, "proc/swaps", "Filename Type\n/srv/swap file 1 0 -2\n");
	tmp_file(t, "etc/fstab", "UUID=77-88 /later ext4\n");
	disk_udev(t, "8:0", "S:disk/by-uuid/77-88\nE:ID_FS_TYPE=ext4\n");
	tmp_file(t, "sys/kernel/config/nvmet/subsystems/nqn/namespaces/1/device_path", "/dev/nvme0n1p2\n");
	tmp_file(t, "sys/kernel/config/nvmet/subsystems/nqn/namespaces/1/enable", "1\n");
	tmp_observe(t);
	starve(job_uses, t, 0, NULL);
	assert_int_equal(tmp_teardown((void **)&t), 0);
}

static int job_remote_uses(const void *arg, struct vfioadm_error **err)
{
	const struct tmp_tree *t = arg;
	const bool wanted[] = {true, true, true};
	struct uses u = {.h = t->host, .inv = t->inv, .wanted = wanted};
	struct processes procs;
	int r = processes_read(t->host, &t->inv->arena, &procs);

	u.procs = &procs;
	u.mountinfo = "30 1 0:30 / / rw - nfs4 10.9.0.1:/root rw,addr=10.9.0.1\n"
		      "31 1 0:31 / /a rw - fuse.sshfs me@server:/x rw\n"
		      "32 1 0:32 / /b rw - overlay o rw,lowerdir=/a:/\n"
		      "33 1 0:33 / /c rw - nfs nowhere:/x rw\n"
		      "34 1 43:0 / /d rw - ext4 /dev/nbd0 rw\n"
		      "35 1 0:35 / /e rw - ceph 10.9.0.1:6789:/ rw\n";
	if (r == 0)
		r = uses_remote(&u);
	r = host_starved(t->host, r);
	if (r == 0) {
		assert_int_equal(u.found.n, 6);
		assert_int_equal(u.doubts.n, 1);
	}
	free(u.found.items);
	free(u.unseen.items);
	free(u.doubts.items);
	return r < 0 ? error_oom(err) : r;
}

static void test_remote_uses(void **state)
{
	struct tmp_tree *t;

	assert_int_equal(tmp_setup((void **)&t), 0);
	tmp_function(t, "pci0000:00/0000:00:02.0", "8086 10d3 8086 a01f 020000", "e1000e", 2);
	tmp_class(t, "net", "pci0000:00/0000:00:02.0/net", "eth0");
	tmp_file(t, "sys/devices/pci0000:00/0000:00:02.0/net/eth0/flags", "0x1003\n");
	tmp_file(t, "proc/net/route", "eth0 0000090A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n");
	tmp_file(t, "etc/hosts", "10.9.0.1 server\n");
	uses_process(t, 70, "nbd-client");
	uses_open(t, 70, 3, "socket:[815]");
	tmp_file(t, "proc/net/tcp", " 0: 0700090A:D431 0100090A:2A39 01 0:0 0:0 0 0 0 815 1\n");
	tmp_class(t, "block", "virtual/block", "nbd0");
	tmp_file(t, "sys/devices/virtual/block/nbd0/dev", "43:0\n");
	tmp_file(t, "sys/devices/virtual/block/nbd0/pid", "70\n");
	tmp_observe(t);
	starve(job_remote_uses, t, 0, NULL);
	assert_int_equal(tmp_teardown((void **)&t), 0);
}

static int job_configured(const void *arg, struct vfioadm_error **err)
{
	const struct tmp_tree *t = arg;
	const bool wanted[] = {true, true, true};
	struct uses u = {.h = t->host, .inv = t->inv, .wanted = wanted};
	int r = uses_config_net(&u);

	if (r == 0)
		r = uses_thunderbolt(&u);
	r = host_starved(t->host, r);
	if (r == 0)
		assert_int_equal(u.found.n, 2);
	free(u.found.items);
	free(u.doubts.items);
	free(u.minor.items);
	return r < 0 ? error_oom(err) : r;
}

static void test_configured(void **state)
{
	struct tmp_tree *t;

	assert_int_equal(tmp_setup((void **)&t), 0);
	tmp_function(t, "pci0000:00/0000:00:02.0", "8086 10d3 8086 a01f 020000", "e1000e", 2);
	tmp_class(t, "net", "pci0000:00/0000:00:02.0/net", "eth0");
	tmp_file(t, "sys/devices/pci0000:00/0000:00:02.0/net/eth0/flags", "0x1002\n");
	tmp_file(t, "etc/network/interfaces", "source interfaces.d/*\nauto /eth*\n");
	tmp_file(t, "etc/network/interfaces.d/a", "iface eth0 inet dhcp\n");
	tmp_file(t, "etc/netplan/a.yaml", "network: {ethernets: {eth0: {}}}\n");
	tmp_file(t, "etc/systemd/network/a.network", "[Match]\nName=eth*\n");
	tmp_file(t, "etc/NetworkManager/system-connections/a", "[connection]\ninterface-name=eth0\n");
	tmp_file(t, "etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO=dhcp\n");
	tmp_file(t, "proc/cmdline", "ip=eth0:dhcp\n");
	tmp_class(t, "x", "pci0000:00/0000:00:02.0/domain0/0-0", "0-1");
	tmp_link(t, "sys/bus/thunderbolt/devices/0-1", "../../../devices/pci0000:00/0000:00:02.0/domain0/0-0/0-1");
	tmp_observe(t);
	starve(job_configured, t, 0, NULL);
	assert_int_equal(tmp_teardown((void **)&t), 0);
}

/* Disks without holders, and what ends nowhere. */
static int job_unlinked(const void *arg, struct vfioadm_error **err)
{
	const struct tmp_tree *t = arg;
	const bool wanted[] = { true, true, true };
	struct uses u = { .h = t->host, .inv = t->inv, .wanted = wanted };
	struct processes procs;
	int r = processes_read(t->host, &t->inv->arena, &procs);

	u.procs = &procs;
	u.mountinfo = "30 1 8:0 / / rw - ext4 x rw\n31 1 9:1 / /m rw - xfs x rw,logdev=/dev/sdx\n"
		      "32 1 0:26 / /z rw - zfs tank/z rw\n33 1 9:9 / /lost rw - xfs x rw\n";
	if (r == 0)
		r = uses_block(&u);
	if (r == 0)
		r = uses_mtd(&u);
	if (r == 0)
		r = uses_memory(&u);
	r = host_starved(t->host, r);
	if (r == 0) {
		assert_int_equal(u.found.n, 8);
		assert_int_equal(u.doubts.n, 3);
	}
	free(u.found.items);
	free(u.unseen.items);
	free(u.doubts.items);
	free(u.minor.items);
	return r < 0 ? error_oom(err) : r;
}

/* The cheap part, for a list: the same of what is in doubt. */
static int job_unlinked_cheaply(const void *arg, struct vfioadm_error **err)
{
	const struct tmp_tree *t = arg;
	int r = host_starved(t->host, observe_unlinked(t->host, t->inv, "32 1 0:26 / /z rw - zfs tank/z rw\n"
									"33 1 9:9 / /lost rw - jfs x rw\n"));

	if (r == 0) {
		assert_int_equal(t->inv->functions[1].n_users, 2);
		assert_int_equal(t->inv->functions[0].n_unseen_doubt, 3);
	}
	return r < 0 ? error_oom(err) : r;
}

static void test_unlinked(void **state)
{
	struct tmp_tree *t;

	assert_int_equal(tmp_setup((void **)&t), 0);
	disk_fill(t);
	disk_virtual(t, "md1p1", "9:1\n", "");
	disk_virtual(t, "md9", "9:9\n", "");
	disk_virtual(t, "drbd0", "147:0\n", "");
	disk_virtual(t, "zd0", "230:0\n", "");
	tmp_file(t, "proc/fs/jbd2/nvme0n1p1/info", "");
	tmp_file(t, "proc/mdstat", "rdevName.1=nvme1n1\n");
	tmp_file(t, "etc/drbd.d/r.res", "resource r { device /dev/drbd0; disk /dev/nvme1n1; }\n");
	tmp_file(t, "proc/spl/kstat/zfs/tank/guid", "77\n");
	disk_udev(t, "8:0", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_UUID=77\n");
	disk_udev(t, "230:0", "S:zvol/tank/v\n");
	tmp_class(t, "mtd", DISK_DEV1 "/mtd", "mtd3");
	tmp_file(t, "sys/class/ubi/ubi0/mtd_num", "3\n");
	tmp_link(t, "sys/bus/virtio/drivers/virtio_mem/virtio5", "../../../../devices/" DISK_DEV0 "/virtio5");
	tmp_observe(t);
	starve(job_unlinked, t, 0, NULL);
	starve(job_unlinked_cheaply, t, 0, NULL);
	assert_int_equal(tmp_teardown((void **)&t), 0);
}

static int job_other_uses(const void *arg, struct vfioadm_error **err)
{
	const struct tmp_tree *t = arg;
	const bool wanted[] = {true, true};
	struct uses u = {.h = t->host, .inv = t->inv, .wanted = wanted};
	struct strv holders = {0};
	struct processes procs;
	int r = processes_read(t->host, &t->inv->arena, &procs);

	u.procs = &procs;
	if (r == 0)
		r = uses_display(&u);
	if (r == 0)
		r = uses_media(&u);
	if (r == 0)
		r = uses_vfio(&u);
	if (r == 0)
		r = uses_nodes(&u);
	if (r == 0)
		r = uses_claims(&u);
	if (r == 0)
		r = observe_holders(t->host, "0000:02:00.0", &holders);
	r = host_starved(t->host, r);
	if (r == 0) {
		assert_int_equal(u.found.n, 16);
		assert_int_equal(u.unseen.n, 2);
		assert_int_equal(holders.n, 2);
	}
	strv_clear(&holders);
	free(u.found.items);
	free(u.unseen.items);
	free(u.doubts.items);
	free(u.minor.items);
	return r < 0 ? error_oom(err) : r;
}

static void test_other_uses(void **state)
{
	static const char domain[] = "<domain><name>a</name><devices><hostdev type='pci'><source><address bus='2' "
				     "slot='0'/></source></hostdev></devices></domain>";
	struct tmp_tree *t;

	assert_int_equal(tmp_setup((void **)&t), 0);
	tmp_function(t, "pci0000:00/0000:01:00.0", "1234 1111 1af4 1100 030000", "bochs-drm", 1);
	tmp_function(t, "pci0000:00/0000:02:00.0", "8086 10d3 8086 a01f 020000", "vfio-pci", 2);
	tmp_file(t, "sys/devices/pci0000:00/0000:01:00.0/boot_vga", "1\n");
	uses_process(t, 70, "qemu");
	uses_node(t, "drm", "pci0000:00/0000:01:00.0/drm", "card0", "226:0", true);
	uses_node(t, "sound", "pci0000:00/0000:01:00.0/sound", "pcmC0D0p", "116:0", true);
	uses_node(t, "tty", "pci0000:00/0000:02:00.0/tty", "ttyS4", "4:68", true);
	uses_open(t, 70, 3, "/dev/dri/card0");
	uses_open(t, 70, 4, "/dev/snd/pcmC0D0p");
	uses_open(t, 70, 5, "/dev/vfio/2");
	tmp_data(t, "proc/70/cmdline", "qemu\0-name\0guest=a", 19);
	uses_process(t, 71, "getty");
	uses_open(t, 71, 3, "/dev/ttyS4");
	uses_process(t, 72, "vmm");
	uses_open(t, 72, 3, "anon_inode:[vfio-device]");
	tmp_class(t, "graphics", "pci0000:00/0000:01:00.0/graphics", "fb0");
	tmp_file(t, "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
	tmp_file(t, "sys/class/vtconsole/vtcon1/bind", "1\n");
	tmp_dir(t, "sys/class/vtconsole/vtcon2/bind");
	tmp_file(t, "sys/class/vtconsole/vtcon2/name", "(S) VGA+\n");
	tmp_class(t, "input", "pci0000:00/0000:01:00.0/input", "input0");
	tmp_file(t, "sys/class/input/input0/capabilities/key", "fffffffffffffffe\n");
	tmp_link(t, "sys/bus/platform/devices/efi-framebuffer.0", "../../../devices/platform/efi-framebuffer.0");
	tmp_link(t, "sys/bus/mdev/devices/m", "../../../devices/pci0000:00/0000:01:00.0/m");
	tmp_file(t, "run/libvirt/qemu/a.xml", domain);
	tmp_file(t, "etc/libvirt/qemu/a.xml", domain);
	tmp_link(t, "etc/libvirt/qemu/autostart/a.xml", "x");
	tmp_file(t, "etc/driverctl.d/pci-0000:02:00.0", "vfio-pci\n");
	tmp_file(t, "usr/sbin/driverctl", "/new_id /remove_id\n");
	tmp_file(t, "etc/udev/rules.d/1.rules", "KERNEL==\"0000:02:00.0\", ATTR{driver_override}=\"vfio-pci\"\n");
	tmp_file(t, "etc/rc.local", "#!/bin/sh\n/usr/local/bin/bind 02:00.0\n");
	tmp_file(t, "usr/local/bin/bind", "#!/bin/sh\necho vfio-pci > /sys/bus/pci/devices/$1/driver_override\n");
	tmp_file(t, "etc/pve/qemu-server/100.conf", "hostpci0: mapping=m\n");
	tmp_file(t, "etc/pve/mapping/pci.cfg", "m\n\tmap id=1:2,path=0000:02:00.0\n");
	tmp_file(t, "boot/config/vfio-pci.cfg", "BIND=0000:02:00.0\n");
	tmp_observe(t);
	starve(job_other_uses, t, 0, NULL);
	assert_int_equal(tmp_teardown((void **)&t), 0);
}

static int job_declaration(const void *arg, struct vfioadm_error **err)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct arena a = { 0 };
	struct declaration d;
	int r = declaration_parse("a", "/a.conf", arg, strlen(arg), &a, &d, err);

	if (r == 0) {
		declaration_format(&d, &text);
		if (text.failed)
			r = error_oom(err);
	}
	if (r == 0) {
		assert_string_equal(strchr(text.s, '\n') + 1, arg);
		assert_string_equal(d.file, "/a.conf");
	}
	arena_free(&a);
	return r;
}

static void test_declaration(void **state)
{
	starve(job_declaration,
	       "[Match]\nSerial=00-11-22-ff-fe-33-44-55\nVF=3 pci-0000:00:1c.0/00.0\nPath=pci-0000:00:1c.0\n"
	       "Address=0000:01:00.0\nVendor=1b36\nDevice=0010\nNvmeSerial=x\nMACAddress=52:54:00:12:34:56\n\n"
	       "[LastSeen]\nAddress=0000:01:00.0\nName=n\n\n[Assign]\nDriver=mlx5_vfio_pci\nIommuGroup=whole\n\n"
	       "[Node]\nUser=qemu\nGroup=kvm\nMode=0660\n",
	       0, NULL);
	starve(job_declaration, "[Match]\nCardType=15b3:1003\n\n[Assign]\nDriver=auto\n", 0, NULL);
	starve(job_declaration, "[Match]\nCardType=15b3\n", -EBADMSG,
	       "/a.conf:2: CardType=15b3 is not vendor:device[:subvendor[:subdevice[:class[:mask]]]].");
	starve(job_declaration, "[Match]\nKey=x\n", -EBADMSG, "/a.conf:2: [Match] has no key \"Key\".");
	starve(job_declaration, "[Match]\nKey\n", -EBADMSG,
	       "/a.conf:2: \"Key\" is neither a section (\"[Match]\"), nor a key with a value (\"Path=...\"), nor "
	       "a comment (\"# ...\").");
	starve(job_declaration, "[Match]\n", -EBADMSG, "/a.conf:1: [Match] does not tell one card from others.");
}

static int job_declared(const void *arg, struct vfioadm_error **err)
{
	const struct tmp_tree *t = arg;
	_cleanup_declared_ struct declared d = { 0 };
	int r = declared_read(t->dir, true, &d, err);

	if (r < 0)
		return r;
	assert_int_equal(d.found.n, 20);
	assert_int_equal(d.masked.n, 2);
	/* A bad value, a twin, a link, and a bad name: none is lost without a word. */
	assert_int_equal(d.n_problems, 4);
	for (size_t i = 0; i < d.n_problems; i++) {
		assert_non_null(d.problems[i].error);
		assert_non_null(d.problems[i].name);
		assert_non_null(d.problems[i].file);
	}
	return 0;
}

static int job_declared_write(const void *arg, struct vfioadm_error **err)
{
	const struct tmp_tree *t = arg;
	_cleanup_free_ char *text = NULL;
	bool changed;

	if (declared_write(t->dir, "written", "[Match]\nUID=1\n") < 0 ||
	    declared_text(t->dir, "written", &text) < 0 || declared_write(t->dir, "written", NULL) < 0 ||
	    declared_write_generated(t->dir, "etc/x/y", "1", &changed) < 0 ||
	    declared_write_generated(t->dir, "etc/x/y", "1", &changed) < 0)
		return error_oom(err);
	assert_string_equal(text, "[Match]\nUID=1\n");
	assert_false(changed);
	return 0;
}

static int job_check_file(const void *arg, struct vfioadm_error **err)
{
	return declared_check_file(arg, err);
}

static void test_declared(void **state)
{
	mode_t mask = umask(022);
	char path[128], text[64];
	struct tmp_tree *t;

	assert_int_equal(tmp_setup((void **)&t), 0);
	for (unsigned i = 1; i <= 20; i++) {
		snprintf(path, sizeof(path), "%s/%u.conf", i % 2 ? "etc/vfioadm.d" : "usr/lib/vfioadm.d", i);
		snprintf(text, sizeof(text), "[Match]\nUID=%x\n", i);
		tmp_file(t, path, text);
	}
	tmp_file(t, "etc/vfioadm.d/bad.conf", "[Match]\nUID=\n");
	tmp_file(t, "etc/vfioadm.d/twin.conf", "[Match]\nUID=1\n");
	tmp_file(t, "etc/vfioadm.d/bad name.conf", "");
	tmp_file(t, "etc/vfioadm.d/empty.conf", "");
	tmp_link(t, "etc/vfioadm.d/null.conf", "/dev/null");
	tmp_link(t, "etc/vfioadm.d/link.conf", "null.conf");
	starve(job_declared, t, 0, NULL);
	starve(job_declared_write, t, 0, NULL);
	snprintf(path, sizeof(path), "%s/etc/vfioadm.d/1.conf", t->dir);
	starve(job_check_file, path, 0, NULL);
	assert_int_equal(tmp_teardown((void **)&t), 0);
	umask(mask);
}

static int job_match(const void *arg, struct vfioadm_error **err)
{
	const struct vfioadm_inventory *inv = arg;
	struct declaration d = { 0 }, named;
	struct arena a = { 0 };
	enum match_key key;
	enum trust trust;
	struct match m = { 0 };
	int r;

	d.match[MATCH_SERIAL] = "x";
	r = match_declaration(&d, inv, &m);
	if (r == 0) {
		assert_int_equal(m.outcome, MATCH_UNCERTAIN);
		assert_int_equal(m.functions.n, 2);
		match_clear(&m);
		d.match[MATCH_SERIAL] = NULL;
		r = match_declaration(&d, inv, &m);
	}
	if (r == 0) {
		assert_int_equal(m.outcome, MATCH_AMBIGUOUS);
		assert_int_equal(m.functions.n, 2);
		r = identity_of(inv, &inv->functions[0], &a, &named, &key, &trust);
	}
	if (r == 0) {
		assert_int_equal(key, MATCH_VF);
		assert_string_equal(named.match[key], "1 pci-0000:00:1c.0");
		assert_string_equal(named.seen_address, "0000:01:00.0");
		assert_true(strlen(named.seen_name) == 200);
	}
	match_clear(&m);
	arena_free(&a);
	return r < 0 ? error_oom(err) : 0;
}

static void test_match(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f;
	char name[40000];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	f = build_function(inv, "0000:01:00.0", 0x8086, 0x10ca, 0x020000);
	f->serial.state = VFIOADM_UNKNOWN;
	f->physfn = str_known("0000:00:1c.0");
	f->vf_index = uint_known(1);
	f->path = str_known("pci-0000:00:1c.0/virtfn1");
	/* So large that it needs a block of its own. */
	f->vendor_name = str_known(name);
	f = build_function(inv, "0000:02:00.0", 0x8086, 0x10ca, 0x020000);
	f->serial.state = VFIOADM_UNKNOWN;
	build_finish(inv);
	starve(job_match, inv, 0, NULL);
}

static int job_error(const void *arg, struct vfioadm_error **err)
{
	error_set(err, -EIO, VFIOADM_E_IO, "Message %d.", 1);
	error_device(err, "d");
	error_path(err, "p");
	error_operation(err, "o");
	error_hint(err, "h");
	error_suffix(err, "behind.");
	/* Whatever was lost, there is always something to say. */
	assert_non_null(vfioadm_error_message(*err));
	return *err ? -EIO : -ENOMEM;
}

static void test_errors(void **state)
{
	starve(job_error, NULL, -EIO, "Message 1; behind.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	   cmocka_unit_test(test_cardtype),
		cmocka_unit_test(test_select),	   cmocka_unit_test(test_groups),
		cmocka_unit_test(test_planner),	   cmocka_unit_test(test_types_and_checks),
		cmocka_unit_test(test_containers), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_unlinked),
		cmocka_unit_test(test_uses),
		cmocka_unit_test(test_remote_uses),
		cmocka_unit_test(test_configured),
		cmocka_unit_test(test_other_uses),
		cmocka_unit_test(test_declaration), cmocka_unit_test(test_declared),
		cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
