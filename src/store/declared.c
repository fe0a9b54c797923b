/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading declared state: three directories, and what one of them hides of the others. */
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/ini.h"
#include "store/declared_private.h"

/* In the order in which they count. */
static const char *const directories[] = { DECLARED_ETC, "run/vfioadm.d", "usr/lib/vfioadm.d" };

struct entry {
	const char *file_name; /* with ".conf"; the listing's */
	size_t directory;
};

struct reading {
	bool trusted;
	int dirs[ARRAY_SIZE(directories)];
	struct strv names[ARRAY_SIZE(directories)];
	struct entry *entries;
	size_t n_entries;
	bool masks_unknown; /* of a directory before the ones that are left */
	struct declared d;
};

void declared_clear(struct declared *d)
{
	for (size_t i = 0; i < d->n_problems; i++)
		vfioadm_error_free(d->problems[i].error);
	free(d->problems);
	declarations_clear(&d->found);
	strv_clear(&d->masked);
	*d = (struct declared){ 0 };
}

static void reading_clear(struct reading *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		if (r->dirs[i] >= 0)
			close(r->dirs[i]);
		strv_clear(&r->names[i]);
	}
	free(r->entries);
	declared_clear(&r->d);
}

bool declared_is_masking_link(int dir, const char *name)
{
	char target[sizeof("/dev/null") + 1];
	ssize_t n = readlinkat(dir, name, target, sizeof(target));

	return n == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)n) == 0;
}

/* ---- problems ---- */

/* Takes the error, which must be there. */
static int add_problem(struct reading *r, const char *name, const char *file, struct vfioadm_error *error)
{
	struct declared_problem *grown;

	grown = error ? reallocarray(r->d.problems, r->d.n_problems + 1, sizeof(*grown)) : NULL;
	if (!grown) {
		vfioadm_error_free(error);
		return -ENOMEM;
	}
	r->d.problems = grown;
	grown[r->d.n_problems++] = (struct declared_problem){
		.name = arena_strdup(&r->d.found.arena, name),
		.file = arena_strdup(&r->d.found.arena, file),
		.error = error,
	};
	return r->d.found.arena.failed ? -ENOMEM : 0;
}

static void explain(int e, const char *file, const char *what, struct vfioadm_error **err)
{
	switch (e) {
	case -EPERM:
		error_set(err, e, VFIOADM_E_CONFIG,
			  "%s belongs to another user or can be written by others, so what it says cannot be "
			  "trusted.",
			  file);
		error_hint(err, "Make it belong to root, and writable by nobody else.");
		break;
	case -ELOOP:
		error_set(err, e, VFIOADM_E_CONFIG, "%s is a symbolic link, which is not followed.", file);
		error_hint(err, "Put a file there; a link to /dev/null masks what other directories say.");
		break;
	case -EINVAL:
	case -ENOTDIR:
		error_set(err, e, VFIOADM_E_CONFIG, "%s is not a %s.", file, what);
		break;
	default:
		error_set(err, e, VFIOADM_E_CONFIG, "%s cannot be read: %s.", file, strerror(-e));
	}
	error_path(err, file);
}

static int add_failure(struct reading *r, int e, const char *name, const char *file, const char *what)
{
	struct vfioadm_error *error = NULL;

	explain(e, file, what, &error);
	return add_problem(r, name, file, error);
}

/* ---- directories ---- */

static int open_component(int parent, const char *name, enum declared_open how)
{
	int fd;

	if (how == DECLARED_ANY) {
		fd = fd_above(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
		return fd < 0 ? -errno : fd;
	}
	fd = file_open_trusted_dir(parent, name, false);
	if (fd != -ENOENT || how != DECLARED_MAKE)
		return fd;
	fd = file_open_trusted_dir(parent, name, true);
	/* Else a power cut could take the new directory, and with it the file that was synced in it. */
	if (fd >= 0 && fsync(parent) < 0) {
		int e = -errno;

		close(fd);
		return e;
	}
	return fd;
}

int declared_open_below(const char *root, const char *path, enum declared_open how)
{
	_cleanup_free_ char *copy = strdup(path);
	char *rest = copy, *name;
	int fd;

	if (!copy)
		return -ENOMEM;
	fd = fd_above(open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		return -errno;
	while ((name = strsep(&rest, "/"))) {
		int below = *name && !streq(name, ".") && !streq(name, "..") ? open_component(fd, name, how) :
									       -EINVAL;

		close(fd);
		if (below < 0)
			return below;
		fd = below;
	}
	return fd;
}

struct listing {
	struct strv *names;
	bool too_many;
};

static int on_name(void *userdata, const char *name)
{
	struct listing *l = userdata;
	size_t n = strlen(name), suffix = strlen(DECLARED_SUFFIX);

	/* Temporary files, and what editors and package managers leave behind, are not ours. */
	if (*name == '.' || n <= suffix || !streq(name + n - suffix, DECLARED_SUFFIX))
		return 0;
	if (l->names->n == DECLARED_MAX) {
		l->too_many = true;
		return 0;
	}
	return strv_add(l->names, name);
}

static int list_directory(struct reading *r, size_t i, const char *root)
{
	_cleanup_free_ char *file = str_format("/%s", directories[i]);
	struct listing l = { .names = &r->names[i] };
	struct vfioadm_error *error = NULL;
	int e;

	if (!file)
		return -ENOMEM;
	r->dirs[i] = declared_open_below(root, directories[i], r->trusted ? DECLARED_TRUSTED : DECLARED_ANY);
	if (r->dirs[i] == -ENOENT || r->dirs[i] == -ENOMEM)
		return r->dirs[i] == -ENOENT ? 0 : -ENOMEM;
	r->masks_unknown = true;
	if (r->dirs[i] < 0)
		return add_failure(r, r->dirs[i], file, file, "directory");
	e = file_list(r->dirs[i], on_name, &l);
	if (e == -ENOMEM)
		return e;
	if (e < 0)
		return add_failure(r, e, file, file, "directory");
	r->masks_unknown = l.too_many;
	if (!l.too_many)
		return 0;
	error_set(&error, -E2BIG, VFIOADM_E_CONFIG, "%s has more than %d files: not all of them count.", file,
		  DECLARED_MAX);
	error_path(&error, file);
	return add_problem(r, file, file, error);
}

/* ---- files ---- */

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->file_name, y->file_name);

	return r ? r : (x->directory > y->directory) - (x->directory < y->directory);
}

/* Each name once, from the first directory that has it. */
static int merge(struct reading *r)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		n += r->names[i].n;
	r->entries = calloc(n + 1, sizeof(*r->entries));
	if (!r->entries)
		return -ENOMEM;
	for (size_t i = 0, k = 0; i < ARRAY_SIZE(directories); i++)
		STRV_FOREACH (j, &r->names[i])
			r->entries[k++] = (struct entry){ r->names[i].items[j], i };
	qsort(r->entries, n, sizeof(*r->entries), compare_entries);
	for (size_t k = 0; k < n; k++)
		if (!k || !streq(r->entries[k].file_name, r->entries[k - 1].file_name))
			r->entries[r->n_entries++] = r->entries[k];
	return 0;
}

static int too_large(const char *file, struct vfioadm_error **err)
{
	return ini_error(file, 1, err, "The file is larger than %d bytes.", INI_FILE_MAX);
}

/* What two files say of the same functions would depend on which comes first. */
static int refuse_twin(const struct declarations *found, const struct declaration *d, struct vfioadm_error **err)
{
	for (size_t i = 0; i < found->n; i++) {
		if (!declaration_same_match(&found->items[i], d))
			continue;
		ini_error(d->file, d->line, err, "%s has the same [Match], and comes first.",
			  found->items[i].file);
		error_hint(err, "Remove one of both, or mask it with an empty file of its name in /etc/vfioadm.d.");
		return -EBADMSG;
	}
	return 0;
}

static int add_declaration(struct declarations *found, const struct declaration *d)
{
	if (found->n == found->room) {
		size_t room = found->room ? 2 * found->room : 16;
		struct declaration *grown = reallocarray(found->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		found->items = grown;
		found->room = room;
	}
	found->items[found->n++] = *d;
	return 0;
}

static int parse(struct reading *r, const char *name, const char *file, const char *text, size_t size)
{
	struct vfioadm_error *error = NULL;
	struct declaration d;
	int e = declaration_parse(name, file, text, size, &r->d.found.arena, &d, &error);

	if (e == 0)
		e = refuse_twin(&r->d.found, &d, &error);
	if (e == 0)
		return add_declaration(&r->d.found, &d);
	if (e == -EBADMSG)
		return add_problem(r, name, file, error);
	vfioadm_error_free(error);
	return e;
}

static int refuse_name(struct reading *r, const char *name, const char *file)
{
	struct vfioadm_error *error = NULL;

	error_set(&error, -EINVAL, VFIOADM_E_CONFIG,
		  "%s has a name that cannot be used: it must be shorter than 128 characters, of letters, digits "
		  "and \"-_.:@\".",
		  file);
	error_path(&error, file);
	return add_problem(r, name, file, error);
}

static int read_file(struct reading *r, const struct entry *entry, const char *name, const char *file)
{
	int dir = r->dirs[entry->directory], e;
	struct vfioadm_error *error = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	e = (r->trusted ? file_read_trusted : file_read_all)(dir, entry->file_name, INI_FILE_MAX, &text, &size);
	if (e == -ENOENT || e == -ENOMEM) /* it was removed meanwhile */
		return e == -ENOENT ? 0 : e;
	if (e == -EFBIG) {
		too_large(file, &error);
		return add_problem(r, name, file, error);
	}
	if ((e == 0 && !size) || (e == -ELOOP && declared_is_masking_link(dir, entry->file_name)))
		return strv_add(&r->d.masked, name);
	return e < 0 ? add_failure(r, e, name, file, "file") : parse(r, name, file, text, size);
}

static int read_entry(struct reading *r, const struct entry *entry)
{
	size_t n = strlen(entry->file_name) - strlen(DECLARED_SUFFIX);
	_cleanup_free_ char *name = strndup(entry->file_name, n), *file = NULL;

	if (!name)
		return -ENOMEM;
	if (declaration_name_valid(name)) {
		file = str_format("/%s/%s", directories[entry->directory], entry->file_name);
		return file ? read_file(r, entry, name, file) : -ENOMEM;
	}
	/* Whoever is shown the name gets it without what must not be shown. */
	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		len = str_character(name + i, n - i);
		if (!len)
			name[i] = '?';
	}
	file = str_format("/%s/%s%s", directories[entry->directory], name, DECLARED_SUFFIX);
	return file ? refuse_name(r, name, file) : -ENOMEM;
}

static int read_all(struct reading *r, const char *root)
{
	int e = 0;

	/* What a directory hides of those behind it must not come into force because it cannot be read. */
	for (size_t i = 0; i < ARRAY_SIZE(directories) && e == 0 && !r->masks_unknown; i++)
		e = list_directory(r, i, root);
	if (e == 0)
		e = merge(r);
	for (size_t i = 0; i < r->n_entries && e == 0; i++)
		e = read_entry(r, &r->entries[i]);
	return e;
}

int declared_read(const char *root, bool trusted, struct declared *ret, struct vfioadm_error **err)
{
	CLEANUP(reading_clear) struct reading r = { .trusted = trusted, .dirs = { -1, -1, -1 } };
	_cleanup_close_ int fd = fd_above(open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (fd < 0) {
		int e = errno;

		error_set(err, -EIO, VFIOADM_E_IO, "%s cannot be read: %s.", root, strerror(e));
		error_path(err, root);
		error_errno(err, e);
		error_hint(err, "It must be a directory that can be read: the root of a host, as --sysroot names it.");
		return -EIO;
	}
	if (read_all(&r, root) < 0)
		return error_oom(err);
	*ret = r.d;
	r.d = (struct declared){ 0 };
	return 0;
}

int declared_check_file(const char *file, struct vfioadm_error **err)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	_cleanup_free_ char *text = NULL;
	struct declaration d;
	struct arena arena = { 0 };
	size_t size = 0;
	int e = file_read_all(AT_FDCWD, file, INI_FILE_MAX, &text, &size);

	if (e == -ENOMEM)
		return error_oom(err);
	if (e == -EFBIG)
		return too_large(file, err);
	/* It masks, as an empty one does. */
	if (e < 0 && declared_is_masking_link(AT_FDCWD, file))
		return 0;
	if (e < 0) {
		explain(e, file, "file", err);
		return e;
	}
	if (!size)
		return 0;
	e = declaration_parse(name, file, text, size, &arena, &d, err);
	arena_free(&arena);
	return e;
}
