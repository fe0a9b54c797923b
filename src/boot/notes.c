/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was claimed in this boot: one address per line in RUN_DIR/early, written before the first change. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "boot/private.h"
#include "model/address.h"

static const char name[] = "early", host_name[] = "early-host", types_name[] = "early-types";

enum { NOTES_MAX = 1024 * 1024 };

/* NULL: there is none. */
static int read_file(const struct run *run, const char *file, char **ret)
{
	_cleanup_close_ int dir = file_open_trusted_dir(AT_FDCWD, run->e->run_dir, false);
	size_t size;
	int r = dir < 0 ? dir : file_read_all(dir, file, NOTES_MAX, ret, &size);

	return r == -ENOENT ? 0 : r;
}

int notes_read(const struct run *run, struct strv *ret)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r = read_file(run, name, &text);

	if (r < 0)
		return r;
	for (rest = text; (line = strsep(&rest, "\n"));) {
		struct address a;

		if (address_parse(line, &a) == 0 && !strv_has(ret, line) && strv_add(ret, line) < 0)
			return -ENOMEM;
	}
	return 0;
}

int notes_write(const struct run *run)
{
	_cleanup_close_ int dir = file_open_trusted_dir(AT_FDCWD, run->e->run_dir, true);
	_cleanup_strv_ struct strv noted = { 0 };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	int r = dir < 0 ? dir : notes_read(run, &noted);

	if (r < 0)
		return r;
	for (size_t i = 0; i < run->n_targets; i++) {
		const struct target *t = &run->targets[i];

		if (!t->dropped && !strv_has(&noted, t->f->address) && strv_add(&noted, t->f->address) < 0)
			return -ENOMEM;
	}
	STRV_FOREACH(i, &noted)
		strbuf_addf(&text, "%s\n", noted.items[i]);
	if (text.failed)
		return -ENOMEM;
	return text.len ? file_replace(dir, name, text.s, text.len) : 0;
}

int notes_drop(const struct run *run)
{
	_cleanup_close_ int dir = file_open_trusted_dir(AT_FDCWD, run->e->run_dir, false);

	return dir < 0 ? dir : file_remove(dir, name);
}

int notes_read_types(const struct run *run, struct strv *ret)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r = read_file(run, types_name, &text);

	if (r < 0)
		return r;
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (*line && strv_add(ret, line) < 0)
			return -ENOMEM;
	return 0;
}

int notes_write_types(const struct run *run, const struct strv *types)
{
	_cleanup_close_ int dir = file_open_trusted_dir(AT_FDCWD, run->e->run_dir, true);
	_cleanup_strbuf_ struct strbuf text = { 0 };

	if (dir < 0)
		return dir;
	STRV_FOREACH(i, types)
		strbuf_addf(&text, "%s\n", types->items[i]);
	return text.failed ? -ENOMEM : file_replace(dir, types_name, text.s ? text.s : "", text.len);
}

int notes_drop_types(const struct run *run)
{
	_cleanup_close_ int dir = file_open_trusted_dir(AT_FDCWD, run->e->run_dir, false);

	return dir < 0 ? dir : file_remove(dir, types_name);
}

int notes_first_in_host(const struct run *run)
{
	_cleanup_close_ int dir = file_open_trusted_dir(AT_FDCWD, run->e->run_dir, true);
	struct stat st;
	int r;

	if (dir < 0)
		return dir;
	if (fstatat(dir, host_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = errno == ENOENT ? file_replace(dir, host_name, "", 0) : -errno;
	return r < 0 ? r : 1;
}

/*
 * Who names a driver wants it. That cannot be read while the driver is at work on the function, and then there was
 * hardly time to name it.
 */
static bool names_driver(struct run *run, const struct target *t)
{
	char override[DRIVER_SIZE];

	return run_step(run) == 0 && observe_override(run->h, t->f->address, override, sizeof(override)) == 0 &&
	       *override;
}

bool notes_late(struct run *run, const struct target *t, const char *driver)
{
	int r;

	if (!t->by_type)
		return true;
	if (!run->first_in_host || run_is_set_aside(driver) || names_driver(run, t))
		return false;
	r = late_set(run->e->run_dir, t->f->address);
	if (r < 0)
		run_log(run, EARLY_WARNING, "%s: that vfioadm-apply.service is to look at it could not be noted: %s.",
			t->f->address, strerror(-r));
	return r == 0;
}
