/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "persist_fixture.h"

int setup_directories(void **state)
{
	static struct persist_test t;

	t = (struct persist_test){.run_dir = "/dev/shm/vfioadm-persist-XXXXXX",
				  .root = "/dev/shm/vfioadm-etc-XXXXXX"};
	*state = &t;
	return mkdtemp(t.run_dir) && mkdtemp(t.root) ? 0 : -1;
}

int switch_on(struct persist_test *t, const char *host)
{
	if (fake_new_text(host, NULL, &t->host) < 0 || ctx_new_with_host(t->host, t->run_dir, &t->ctx) < 0)
		return -1;
	t->ctx->root = strdup(t->root);
	return t->ctx->root ? 0 : -1;
}

static int setup_host(void **state, const char *host)
{
	return setup_directories(state) < 0 ? -1 : switch_on(*state, host);
}

int setup(void **state)
{
	return setup_host(state, HOST_ROOT);
}

int setup_mounted(void **state)
{
	return setup_host(state, HOST_ROOT MOUNTED);
}

void forget(struct persist_test *t)
{
	vfioadm_plan_free(t->plan);
	vfioadm_error_free(t->err);
	vfioadm_status_free(t->status);
	t->plan = NULL;
	t->err = NULL;
	t->status = NULL;
}

int teardown(void **state)
{
	struct persist_test *t = *state;
	_cleanup_free_ char *remove = str_format("rm -rf %s %s", t->run_dir, t->root);

	forget(t);
	vfioadm_ctx_unref(t->ctx);
	return system(remove);
}

int plan(struct persist_test *t, make_fn *make, const char *what, struct vfioadm_options o)
{
	o.size = sizeof(o);
	forget(t);
	return make(t->ctx, &what, 1, &o, &t->plan, &t->err);
}

void done(struct persist_test *t, make_fn *make, const char *what, bool persist)
{
	assert_int_equal(plan(t, make, what, (struct vfioadm_options){.persist = persist}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_DONE);
}

/* The only file in a directory below the root, whole; NULL: there is none. */
char *only_file(const struct persist_test *t, const char *directory, char name[256])
{
	_cleanup_free_ char *path = str_format("%s/%s", t->root, directory), *file = NULL;
	_cleanup_closedir_ DIR *d = opendir(path);
	_cleanup_fclose_ FILE *f = NULL;
	static char text[8192];
	struct dirent *e;
	size_t n;

	name[0] = '\0';
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		assert_string_equal(name, "");
		snprintf(name, 256, "%s", e->d_name);
	}
	if (!name[0])
		return NULL;
	file = str_format("%s/%s", path, name);
	f = fopen(file, "re");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	return text;
}

char *declared(const struct persist_test *t, char name[256])
{
	return only_file(t, "etc/vfioadm.d", name);
}

char *rules(const struct persist_test *t)
{
	char name[256];

	return only_file(t, "etc/udev/rules.d", name);
}

/* Below etc; its directory is made. */
void write_etc(const struct persist_test *t, const char *directory, const char *name, const char *text)
{
	_cleanup_free_ char *etc = str_format("%s/etc", t->root), *dir = str_format("%s/%s", etc, directory);
	_cleanup_free_ char *path = str_format("%s/%s.conf", dir, name);
	_cleanup_fclose_ FILE *f = NULL;

	(void)mkdir(etc, 0755);
	(void)mkdir(dir, 0755);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

void write_conf(const struct persist_test *t, const char *name, const char *text)
{
	write_etc(t, "vfioadm.d", name, text);
}

const struct vfioadm_declared *status_of(struct persist_test *t, const char *name)
{
	forget(t);
	assert_int_equal(vfioadm_status(t->ctx, &t->status, &t->err), 0);
	for (size_t i = 0; i < vfioadm_status_n(t->status); i++)
		if (!name || streq(vfioadm_status_item(t->status, i)->name, name))
			return vfioadm_status_item(t->status, i);
	return NULL;
}

void assert_state(struct persist_test *t, const char *name, enum vfioadm_declared_state wanted)
{
	const struct vfioadm_declared *item = status_of(t, name);

	assert_non_null(item);
	if (item->state != wanted)
		fail_msg("%s is %s, not %s: %s", item->name, vfioadm_declared_state_name(item->state),
			 vfioadm_declared_state_name(wanted), item->message);
	assert_int_equal(vfioadm_status_drift(t->status), wanted != VFIOADM_DECLARED_IN_FORCE);
}

bool has_step(const struct persist_test *t, const char *action)
{
	for (size_t i = 0; i < vfioadm_plan_n_steps(t->plan); i++)
		if (streq(vfioadm_plan_step(t->plan, i)->action, action))
			return true;
	return false;
}

const struct vfioadm_finding *finding(const struct persist_test *t, const char *code)
{
	for (size_t i = 0; i < vfioadm_plan_n_findings(t->plan); i++)
		if (streq(vfioadm_plan_finding(t->plan, i)->code, code))
			return vfioadm_plan_finding(t->plan, i);
	return NULL;
}

int plan_renewal(struct persist_test *t, bool image_too)
{
	const struct vfioadm_options o = { .size = sizeof(o), .persist = image_too };

	forget(t);
	return vfioadm_plan_apply(t->ctx, NULL, 0, &o, &t->plan, &t->err);
}

void renewed(struct persist_test *t, bool image_too, bool rebuilds)
{
	assert_int_equal(plan_renewal(t, image_too), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	assert_true(has_step(t, "write-rules"));
	assert_int_equal(has_step(t, "rebuild-initramfs"), rebuilds);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_DONE);
}

void nothing_to_renew(struct persist_test *t, bool image_too)
{
	assert_int_equal(plan_renewal(t, image_too), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
}

