/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "inventory_builder.h"
#include "base/file.h"
#include "store/journal.h"

#define DEVICE "0000:01:00.0"

static char dir[64];

static int make_dir(void **state)
{
	strcpy(dir, "/dev/shm/vfioadm-journal-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct store open_store(void)
{
	struct store s = STORE_CLOSED;
	char path[80];

	snprintf(path, sizeof(path), "%s/run", dir);
	assert_int_equal(store_open_locked(&s, path, "test", 0, -1, NULL), 0);
	return s;
}

static const struct record record = {
	.device = DEVICE,
	.driver = "nvme",
	.driver_override = "odd name\\x41=\n",
	.boot_id = "1-2-3",
	.vendor = 0x1b36,
	.device_id = 0x0010,
	.subsystem_vendor = 0x1af4,
	.subsystem_device = 0x1100,
	.incarnation = UINT64_MAX,
};

static void add_target(struct vfioadm_plan *plan)
{
	struct target *t = plan_add_target(plan);

	assert_non_null(t);
	t->pub.device = DEVICE;
	t->pub.before = "nvme";
	t->pub.wanted = "vfio-pci";
	t->pub.taken = t->check = true;
	t->override_before = "odd name\\x41=\n";
	t->incarnation = 12345678901234567890u;
}

static struct vfioadm_plan *sample_plan(void)
{
	struct vfioadm_plan *plan = plan_new(VERB_RELEASE);
	const struct op drop = { .kind = OP_DROP_RECORD, .device = DEVICE };
	const struct op save = { .kind = OP_SAVE_RECORD, .device = DEVICE, .record = &record };
	const struct op unbind = {
		.kind = OP_UNBIND, .device = DEVICE, .driver = "nvme", .value = DEVICE
	};
	const struct op undo[2] = {
		{ .kind = OP_SET_OVERRIDE, .device = DEVICE, .value = "" },
		{ .kind = OP_BIND, .device = DEVICE, .driver = "nvme", .value = DEVICE },
	};
	struct op id = { .kind = OP_ADD_ID, .driver = "vfio-pci", .value = "8086 10d3 ffffffff" };

	assert_int_equal(cardtype_parse("8086:10d3", &id.type, NULL), 0);
	add_target(plan);
	assert_non_null(plan_add_op(plan, &unbind, undo, 2, "unbind %s from nvme", DEVICE));
	assert_non_null(plan_add_op(plan, &drop, &save, 1, "forget \"it\" = all"));
	assert_non_null(plan_add_op(plan, &id, NULL, 0, "card type"));
	return plan;
}

static void create(struct store *s, struct journal *j)
{
	struct vfioadm_plan *plan = sample_plan();

	assert_int_equal(journal_create(s, "run", plan, "boot 1", j), 0);
	vfioadm_plan_free(plan);
}

static void test_round_trip(void **state)
{
	struct store s = open_store();
	struct journal_found found = { 0 };
	struct journal j;
	const struct step *steps;

	create(&s, &j);
	journal_close(&j);
	assert_int_equal(journal_load(&s, "run", &found), 0);
	assert_string_equal(found.boot_id, "boot 1");
	assert_int_equal(found.pid, getpid());
	assert_false(found.back);
	assert_int_equal(found.plan->verb, VERB_RELEASE);
	assert_int_equal(found.plan->n_targets, 1);
	assert_string_equal(found.plan->targets[0].pub.before, "nvme");
	assert_string_equal(found.plan->targets[0].override_before, record.driver_override);
	assert_true(found.plan->targets[0].incarnation == 12345678901234567890u);
	assert_true(found.plan->targets[0].pub.taken && found.plan->targets[0].check);
	assert_false(found.plan->targets[0].any_native);
	assert_int_equal(found.plan->n_steps, 3);
	steps = found.plan->steps;
	assert_int_equal(steps[0].op.kind, OP_UNBIND);
	assert_int_equal(steps[0].n_undo, 2);
	assert_string_equal(steps[0].undo[0].value, ""); /* to clear, not "nothing" */
	assert_null(steps[0].undo[0].driver);
	assert_string_equal(steps[0].undo[1].driver, "nvme");
	assert_string_equal(steps[0].pub.path, "/sys/bus/pci/drivers/nvme/unbind");
	assert_string_equal(steps[1].pub.text, "forget \"it\" = all");
	assert_memory_equal(&steps[1].undo[0].record->vendor, &record.vendor, 4);
	assert_string_equal(steps[1].undo[0].record->driver_override, record.driver_override);
	assert_true(steps[1].undo[0].record->incarnation == UINT64_MAX);
	assert_string_equal(steps[1].undo[0].record->device, DEVICE);
	assert_int_equal(steps[2].op.type.vendor, 0x8086);
	assert_int_equal(steps[2].op.type.subvendor, CARDTYPE_ANY);
	journal_found_clear(&found);
	store_close(&s);
}

static void test_events(void **state)
{
	struct store s = open_store();
	struct journal_found found = { 0 };
	struct journal j;

	create(&s, &j);
	assert_int_equal(journal_note(&j, JOURNAL_BEGIN, 0), 0);
	assert_int_equal(journal_note(&j, JOURNAL_DONE, 0), 0);
	assert_int_equal(journal_note(&j, JOURNAL_BEGIN, 1), 0);
	assert_int_equal(journal_note(&j, JOURNAL_FAILED, 1), 0);
	assert_int_equal(journal_note(&j, JOURNAL_NOTHING, 1), 0);
	journal_close(&j);
	assert_int_equal(journal_load(&s, "run", &found), 0);
	assert_int_equal(found.plan->steps[0].pub.state, VFIOADM_STEP_DONE);
	/* It failed, whatever else is said of it: a run whose last step failed has not come to its end. */
	assert_int_equal(found.plan->steps[1].pub.state, VFIOADM_STEP_FAILED);
	assert_true(found.plan->steps[1].no_effect);
	assert_int_equal(found.plan->steps[2].pub.state, VFIOADM_STEP_PLANNED);
	journal_found_clear(&found);

	assert_int_equal(journal_reopen(&s, "run", &j), 0);
	assert_int_equal(journal_note(&j, JOURNAL_BACK, 0), 0);
	assert_int_equal(journal_note(&j, JOURNAL_UNDONE, 0), 0);
	assert_int_equal(journal_note(&j, JOURNAL_LEFT, 1), 0);
	journal_close(&j);
	assert_int_equal(journal_load(&s, "run", &found), 0);
	assert_true(found.back);
	assert_int_equal(found.plan->steps[0].pub.state, VFIOADM_STEP_UNDONE);
	assert_int_equal(found.plan->steps[1].pub.state, VFIOADM_STEP_UNDO_FAILED);
	journal_found_clear(&found);
	store_close(&s);
}

static void append(struct store *s, const char *text)
{
	int runs = openat(s->dir, "journal", O_RDONLY | O_DIRECTORY), fd;

	fd = openat(runs, "run", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	close(runs);
}

/* The machine died in the middle of a line: "begin 12" must not become "begin 1". */
static void test_torn_line(void **state)
{
	struct store s = open_store();
	struct journal_found found = { 0 };
	struct journal j;

	create(&s, &j);
	journal_close(&j);
	append(&s, "begin 0\nbegin 1");
	assert_int_equal(journal_load(&s, "run", &found), 0);
	assert_int_equal(found.plan->steps[0].pub.state, VFIOADM_STEP_RUNNING);
	assert_int_equal(found.plan->steps[1].pub.state, VFIOADM_STEP_PLANNED);
	journal_found_clear(&found);
	assert_int_equal(journal_reopen(&s, "run", &j), 0);
	assert_int_equal(journal_note(&j, JOURNAL_DONE, 0), 0);
	journal_close(&j);
	assert_int_equal(journal_load(&s, "run", &found), 0);
	assert_int_equal(found.plan->steps[0].pub.state, VFIOADM_STEP_DONE);
	assert_int_equal(found.plan->steps[1].pub.state, VFIOADM_STEP_PLANNED);
	journal_found_clear(&found);
	store_close(&s);
}

/* Where there is room for part of a line, none of it stays: the next event would become part of it. */
static void test_short_write(void **state)
{
	static const enum journal_event tried[] = { JOURNAL_BEGIN, JOURNAL_DONE, JOURNAL_BACK, JOURNAL_UNDONE };
	struct rlimit before, small;
	struct stat st;
	struct store s = open_store();
	struct journal j;

	create(&s, &j);
	assert_int_equal(journal_note(&j, JOURNAL_BEGIN, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tried); i++)
		for (unsigned room = 0; room < 5; room++) {
			struct journal_found found = { 0 };
			int64_t end = j.end;

			small = (struct rlimit){ (rlim_t)end + room, before.rlim_max };
			assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
			assert_true(journal_note(&j, tried[i], 2) < 0);
			assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
			assert_int_equal(j.end, end);
			/* A reader would get over what is left of a line, so the file itself is looked at. */
			assert_int_equal(fstat(j.fd, &st), 0);
			assert_int_equal(st.st_size, end);
			assert_int_equal(journal_note(&j, JOURNAL_DONE, 0), 0);
			assert_int_equal(journal_load(&s, "run", &found), 0);
			assert_false(found.back);
			assert_int_equal(found.plan->steps[0].pub.state, VFIOADM_STEP_DONE);
			assert_int_equal(found.plan->steps[2].pub.state, VFIOADM_STEP_PLANNED);
			journal_found_clear(&found);
		}
	journal_close(&j);
	store_close(&s);
}

static unsigned limits_caught;

static void catch_limit(int signal UNUSED)
{
	limits_caught++;
}

static void write_beyond_limit(struct journal *j)
{
	struct rlimit before, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ (rlim_t)j->end, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(journal_note(j, JOURNAL_BACK, 0), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static bool is_pending(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGXFSZ);
}

/* A limit is an error, whatever a program does with the signal; and what is the program's stays as it was. */
static void test_limit_is_an_error(void **state)
{
	void (*const dispositions[])(int) = { SIG_DFL, SIG_IGN, catch_limit };
	struct store s = open_store();
	struct journal j;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	create(&s, &j);
	for (size_t i = 0; i < ARRAY_SIZE(dispositions); i++) {
		signal(SIGXFSZ, dispositions[i]);
		write_beyond_limit(&j);
		assert_false(is_pending());
		/* Blocked, as a program that reads its signals has them. */
		sigprocmask(SIG_BLOCK, &set, NULL);
		write_beyond_limit(&j);
		assert_false(is_pending());
		/* One that waits there already is none of ours. */
		raise(SIGXFSZ);
		write_beyond_limit(&j);
		assert_true(is_pending());
		signal(SIGXFSZ, SIG_IGN);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	assert_int_equal(limits_caught, 0);
	signal(SIGXFSZ, SIG_DFL);
	journal_close(&j);
	store_close(&s);
}

/* Earlier versions have left such lines, and refused every change from then on. */
static void test_glued_line(void **state)
{
	static const struct {
		const char *events;
		enum vfioadm_step_state states[3];
		bool back;
	} cases[] = {
		{ "begin 0\ndone 0\nbegin 1back\nundone 0\n", { VFIOADM_STEP_UNDONE }, true },
		{ "begin 0\ndone 0\nbegin back\n", { VFIOADM_STEP_DONE }, true },
		{ "begin 0\ndone 0\nback\nundback\n", { VFIOADM_STEP_DONE }, true },
		{ "begin 0\ndonbegin 1\ndone 1\n", { VFIOADM_STEP_RUNNING, VFIOADM_STEP_DONE }, false },
		{ "begin 0\nnothing 0begin 1\n", { VFIOADM_STEP_RUNNING, VFIOADM_STEP_RUNNING }, false },
		{ "begin 0\ndone 0\nback\nunundone 0\n", { VFIOADM_STEP_UNDONE }, true },
		{ "begin 0\ndone 0\nbegin 1\ndone 1\nback\nundone 1left 0\n",
		  { VFIOADM_STEP_UNDO_FAILED, VFIOADM_STEP_DONE }, true },
		/* A later version's word that ends like one of ours is not ours. */
		{ "begin 0\nredone 0\nabandoned 0\n", { VFIOADM_STEP_RUNNING }, false },
	};
	struct store s = open_store();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct journal_found found = { 0 };
		struct journal j;

		create(&s, &j);
		journal_close(&j);
		append(&s, cases[i].events);
		if (journal_load(&s, "run", &found) < 0)
			fail_msg("refused: %s", cases[i].events);
		assert_int_equal(found.back, cases[i].back);
		for (size_t k = 0; k < 3; k++)
			if (found.plan->steps[k].pub.state != cases[i].states[k])
				fail_msg("%s: step %zu is %d", cases[i].events, k, found.plan->steps[k].pub.state);
		journal_found_clear(&found);
	}
	store_close(&s);
}

#define HEAD "vfioadm-journal 1\nboot-id b\nverb assign\n"

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"vfioadm-journal 2\nboot-id b\nplan-end\n",
		HEAD,
		"vfioadm-journal 1\nverb assign\nplan-end\n",
		HEAD "verb steal\nplan-end\n",
		HEAD "target device=../../etc\nplan-end\n",
		HEAD "target before=nvme\nplan-end\n",
		HEAD "target device=0000:01:00.0 incarnation=-1\nplan-end\n",
		HEAD "target device=0000:01:00.0 taken=yes\nplan-end\n",
		HEAD "step op=unbind device=0000:01:00.0 driver=.. value=x\nplan-end\n",
		HEAD "step op=unbind device=0000:01:00.0 driver=a/b value=x\nplan-end\n",
		HEAD "step op=format device=0000:01:00.0\nplan-end\n",
		HEAD "step op=bind device=0000:01:00.0 value=x\nplan-end\n",
		HEAD "step op=set-override device=0000:01:00.0\nplan-end\n",
		HEAD "step op=set-override device=0000:01:00.0 value=\\x4\nplan-end\n",
		HEAD "step op=set-override device=0000:01:00.0 value=\\x00\nplan-end\n",
		HEAD "step op=set-override device=0000:01:00.0 value=\\y41\nplan-end\n",
		HEAD "step op=save-record device=0000:01:00.0 record.driver=x\nplan-end\n",
		HEAD "step op=save-record device=0000:01:00.0 record.ids=1:2:3\nplan-end\n",
		HEAD "step op=add-id driver=vfio-pci value=x type=zz:11\nplan-end\n",
		HEAD "step nonsense\nplan-end\n",
		HEAD "undo op=drop-record device=0000:01:00.0\nplan-end\n",
		HEAD "plan-end\nbegin 0\n",
		HEAD "step op=drop-record device=0000:01:00.0\nplan-end\nbegin -1\n",
		HEAD "step op=drop-record device=0000:01:00.0\nplan-end\nbegin\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *text = strdup(bad[i]);
		struct journal_found found = { 0 };

		if (journal_parse(text, &found) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
		assert_null(found.plan);
	}
}

/* What a later version adds is skipped, or an update in the middle of a run would lose it. */
static void test_later_version(void **state)
{
	char text[] = HEAD "mood good\ntarget device=0000:01:00.0 colour=red\n"
			   "step op=drop-record device=0000:01:00.0 speed=9\nplan-end\nbegin 0\npaused 0\n";
	struct journal_found found = { 0 };

	assert_int_equal(journal_parse(text, &found), 0);
	assert_int_equal(found.plan->steps[0].pub.state, VFIOADM_STEP_RUNNING);
	journal_found_clear(&found);
}

static void test_list(void **state)
{
	struct store s = open_store(), none = STORE_CLOSED;
	struct strv runs = { 0 };
	struct journal j;
	char a[JOURNAL_RUN_MAX], b[JOURNAL_RUN_MAX];

	assert_int_equal(journal_list(&none, &runs), 0);
	assert_int_equal(runs.n, 0);
	assert_int_equal(journal_list(&s, &runs), 0);
	assert_int_equal(runs.n, 0);
	create(&s, &j);
	journal_close(&j);
	assert_int_equal(journal_list(&s, &runs), 0);
	assert_int_equal(runs.n, 1);
	assert_string_equal(runs.items[0], "run");
	strv_clear(&runs);
	/* Half written by a run that was killed then: swept away, the others stay. */
	assert_int_equal(symlinkat("nowhere", s.dir, "journal/.other.new"), 0);
	assert_int_equal(journal_sweep(&s), 0);
	assert_int_equal(faccessat(s.dir, "journal/.other.new", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(faccessat(s.dir, "journal/run", F_OK, 0), 0);
	assert_int_equal(journal_remove(&s, "../run"), -EINVAL);
	assert_int_equal(journal_remove(&s, "run"), 0);
	assert_int_equal(journal_remove(&s, "run"), 0);
	assert_int_equal(journal_list(&s, &runs), 0);
	assert_int_equal(runs.n, 0);
	store_close(&s);
	journal_name(a);
	usleep(10);
	journal_name(b);
	assert_string_not_equal(a, b);
}

/* Who can write there could make root write anywhere. */
static void test_untrusted(void **state)
{
	struct store s = open_store();
	struct vfioadm_plan *plan = sample_plan();
	struct journal j = { 0 };
	struct strv runs = { 0 };

	assert_int_equal(mkdirat(s.dir, "journal", 0755), 0);
	assert_int_equal(fchmodat(s.dir, "journal", 0777, 0), 0);
	assert_int_equal(journal_create(&s, "run", plan, "b", &j), -EPERM);
	assert_int_equal(journal_list(&s, &runs), -EPERM);
	assert_int_equal(unlinkat(s.dir, "journal", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("/tmp", s.dir, "journal"), 0);
	assert_true(journal_create(&s, "run", plan, "b", &j) < 0);
	vfioadm_plan_free(plan);
	store_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_events, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_torn_line, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_short_write, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_limit_is_an_error, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_glued_line, make_dir, remove_dir),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_later_version),
		cmocka_unit_test_setup_teardown(test_list, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_untrusted, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
