/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host that scenarios run on, and the files that they are read from. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fake/fake.h"
#include "fake/recorder.h"
#include "runner.h"

int runner_read_file(const char *path, char **ret)
{
	_cleanup_strbuf_ struct strbuf text = {0};
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char buf[4096];
	size_t n;

	if (!f)
		return -errno;
	while ((n = fread(buf, 1, sizeof(buf), f)))
		strbuf_add(&text, buf, n);
	*ret = strbuf_take(&text);
	return *ret ? 0 : -ENOMEM;
}

/* A directory stands for the scenarios in it. */
int runner_add_files(const char *path, struct strv *files)
{
	_cleanup_closedir_ DIR *d = opendir(path);
	struct strv found = {0};
	struct dirent *e;
	int r = 0;

	if (!d)
		return strv_add(files, path);
	while (r == 0 && (e = readdir(d)))
		if (str_after(e->d_name + strcspn(e->d_name, "."), ".scn"))
			r = strv_take(&found, str_format("%s/%s", path, e->d_name));
	strv_sort(&found);
	STRV_FOREACH (i, &found)
		if (r == 0)
			r = strv_add(files, found.items[i]);
	strv_clear(&found);
	return r;
}

/* ---- the host ---- */

static void record(void *userdata, const char *line)
{
	runner_note(userdata, "%s", line);
}

static int make_host(struct runner *run, const struct runner_options *o)
{
	const char *root = str_after(o->host, "fake:");
	_cleanup_free_ char *model = NULL;
	struct host *inner;
	int r = o->model ? runner_read_file(o->model, &model) : 0;

	if (r < 0)
		return r;
	if (root)
		r = fake_new(root, model, &inner);
	else
		r = host_live_new(o->helper, &inner);
	if (r < 0)
		return r;
	run->fake = root ? inner : NULL;
	return recorder_new(inner, record, run, &run->host);
}

/* What is declared on the model's host lies beside what vfioadm remembers; no other host's /etc is touched. */
int runner_set_root(struct vfioadm_ctx *ctx)
{
	char *root = str_format("%s/root", ctx->run_dir);

	int r = root ? 0 : -ENOMEM;

	if (r == 0 && ((mkdir(ctx->run_dir, 0755) < 0 && errno != EEXIST) ||
		       (mkdir(root, 0755) < 0 && errno != EEXIST)))
		r = -errno;
	if (r < 0) {
		free(root);
		return r;
	}
	free(ctx->root);
	ctx->root = root;
	return 0;
}

int runner_start(struct runner *run, const struct runner_options *o)
{
	int r = make_host(run, o);

	if (r < 0)
		return r;
	r = ctx_new_with_host(run->host, o->run_dir, &run->ctx);
	if (r < 0) {
		host_free(run->host);
		return r;
	}
	r = run->fake ? runner_set_root(run->ctx) : 0;
	if (r < 0)
		return r;
	r = o->map ? roles_read(o->map, &run->roles) : roles_find(run->host, &run->roles);
	return r;
}

void runner_stop(struct runner *run)
{
	run->ctx = vfioadm_ctx_unref(run->ctx);
	roles_clear(&run->roles);
}

static void remove_below(int fd)
{
	_cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) == 0 || errno != EISDIR)
			continue;
		remove_below(openat(dirfd(d), e->d_name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
		(void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	}
}

void runner_remove_files(const char *dir)
{
	remove_below(open(dir, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	(void)rmdir(dir);
}

int runner_restart(struct runner *run, const struct runner_options *o)
{
	runner_stop(run);
	runner_remove_files(o->run_dir);
	return runner_start(run, o);
}
