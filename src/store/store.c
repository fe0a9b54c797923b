/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "store/store.h"

/* SHARED_MS: one that was killed gives its two locks back in no certain order. */
enum { TURN_MS = 100, UNKNOWN_MS = 100, SHARED_MS = 300 };

void store_close(struct store *s)
{
	if (s->shared >= 0)
		file_unlock_fd(s->shared);
	if (s->lock >= 0)
		file_unlock(s->lock);
	if (s->dir >= 0)
		close(s->dir);
	s->dir = s->lock = s->shared = -1;
}

static int unusable(const char *path, int r, struct vfioadm_error **err)
{
	if (r == -EPERM)
		error_set(err, r, VFIOADM_E_STORE,
			  "%s belongs to another user or can be written by others, so what it says "
			  "cannot be trusted.",
			  path);
	else
		error_set(err, r, VFIOADM_E_STORE, "%s cannot be used: %s.", path, strerror(-r));
	error_path(err, path);
	if (r == -EPERM)
		error_hint(err, "Look at who made it, remove it, and try again.");
	else
		error_hint(err, "vfioadm keeps there how to give devices back; make it a directory "
				"that root can write.");
	return r;
}

int store_open(struct store *s, const char *path, struct vfioadm_error **err)
{
	int fd = file_open_trusted_dir(AT_FDCWD, path, false);

	/* Who may not look is told so by whatever needs the answer. */
	if (fd == -ENOENT || fd == -EACCES)
		return 0;
	if (fd < 0)
		return unusable(path, fd, err);
	s->dir = fd;
	return 0;
}

static int locked_by_other(struct store *s, const char *path, struct vfioadm_error **err)
{
	struct file_lock_holder holder = { 0 };
	int known = file_lock_holder(s->dir, "lock", &holder) > 0 && holder.pid;

	if (known && streq(holder.what, STORE_LATE_SETTLING)) {
		error_set(err, -EAGAIN, VFIOADM_E_BUSY,
			  "An interrupted run is still being settled on this host (pid %d, since %lld s).",
			  (int)holder.pid, (long long)holder.age_s);
		error_hint(err, "Wait longer for it with --timeout SECONDS.");
		return -EAGAIN;
	}
	if (!known)
		error_set(err, -EAGAIN, VFIOADM_E_BUSY,
			  "Another vfioadm is changing devices on this host, and holds %s/lock.", path);
	else
		error_set(err, -EAGAIN, VFIOADM_E_BUSY,
			  "Another vfioadm (pid %d, %s, since %lld s) is changing devices on this host.",
			  (int)holder.pid, holder.what, (long long)holder.age_s);
	error_hint(err, "Wait for it with --lock-wait SECONDS.");
	return -EAGAIN;
}

enum holder { HOLDER_UNKNOWN, HOLDER_RUN, HOLDER_LATE };

static enum holder holder_of(struct store *s)
{
	struct file_lock_holder holder = { 0 };

	if (file_lock_holder(s->dir, "lock", &holder) <= 0 || !holder.pid)
		return HOLDER_UNKNOWN;
	/* Its lock goes in a moment, and then what it left is settled. */
	if (process_is_ending(holder.pid))
		return HOLDER_LATE;
	return streq(holder.what, STORE_LATE_SETTLING) ? HOLDER_LATE : HOLDER_RUN;
}

/* In short turns, for who has the lock may change meanwhile. */
static int take_lock(struct store *s, const char *what, unsigned wait_ms, unsigned late_ms, int cancel_fd)
{
	/* One that has just gone, or not said yet who it is, is asked once more. */
	unsigned unknown_ms = late_ms ? UNKNOWN_MS : 0;

	for (;;) {
		int64_t begun = clock_ms();
		int fd = file_lock(s->dir, "lock", what, 0, cancel_fd);
		unsigned *left = &wait_ms, passed;

		if (fd != -EAGAIN)
			return fd;
		switch (holder_of(s)) {
		case HOLDER_LATE:
			left = late_ms ? &late_ms : &wait_ms;
			break;
		case HOLDER_UNKNOWN:
			left = wait_ms ? &wait_ms : &unknown_ms;
			break;
		default:
			break;
		}
		if (!*left)
			return -EAGAIN;
		fd = file_lock(s->dir, "lock", what, *left < TURN_MS ? *left : TURN_MS, cancel_fd);
		if (fd != -EAGAIN)
			return fd;
		passed = (unsigned)(clock_ms() - begun);
		*left -= passed < *left ? passed : *left;
	}
}

static int cancelled(struct vfioadm_error **err)
{
	return error_set(err, -ECANCELED, VFIOADM_E_CANCELLED,
			 "Stopped while waiting for another vfioadm; nothing was changed.");
}

int store_open_locked_after(struct store *s, const char *path, const char *what, unsigned wait_ms, unsigned late_ms,
			    int cancel_fd, struct vfioadm_error **err)
{
	int fd = file_open_trusted_dir(AT_FDCWD, path, true);

	if (fd < 0)
		return unusable(path, fd, err);
	s->dir = fd;
	fd = take_lock(s, what, wait_ms, late_ms, cancel_fd);
	if (fd == -EAGAIN)
		return locked_by_other(s, path, err);
	if (fd == -ECANCELED)
		return cancelled(err);
	if (fd < 0)
		return unusable(path, fd, err);
	s->lock = fd;
	return 0;
}

int store_open_locked(struct store *s, const char *path, const char *what, unsigned wait_ms, int cancel_fd,
		      struct vfioadm_error **err)
{
	return store_open_locked_after(s, path, what, wait_ms, 0, cancel_fd, err);
}

int store_lock_shared(struct store *s, int fd, unsigned wait_ms, int cancel_fd, struct vfioadm_error **err)
{
	int r = fd < 0 ? 0 : file_lock_fd(fd, wait_ms > SHARED_MS ? wait_ms : SHARED_MS, cancel_fd);

	if (r == 0) {
		s->shared = fd;
		return 0;
	}
	close(fd);
	if (r == -ECANCELED)
		return cancelled(err);
	error_set(err, -EAGAIN, VFIOADM_E_BUSY,
		  "Another vfioadm, which sees another /run/vfioadm than this one, is changing devices on this host.");
	error_hint(err, "Look for it in containers: all that change devices must share the host's /run/vfioadm.");
	return -EAGAIN;
}

/* ---- enabled card types ---- */

enum { ENABLED_MAX = 256 * 1024 };

void enabled_ids_clear(struct enabled_ids *ids)
{
	free(ids->items);
	*ids = (struct enabled_ids){ 0 };
}

static int add_line(struct enabled_ids *ids, char *line)
{
	char *registration = strchr(line, ' ');
	struct enabled_id id, *grown;

	if (!registration)
		return 0;
	*registration++ = '\0';
	if (cardtype_parse(line, &id.type, NULL) < 0 ||
	    str_to_u64(registration, 10, UINT64_MAX, &id.registration) < 0)
		return 0;
	grown = reallocarray(ids->items, ids->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	ids->items = grown;
	ids->items[ids->n++] = id;
	return 0;
}

int store_load_ids(struct store *s, struct enabled_ids *ret)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = { 0 };
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r;

	*ret = ids;
	if (s->dir < 0)
		return 0;
	r = file_read_all(s->dir, "enabled", ENABLED_MAX, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (add_line(&ids, line) < 0)
			return -ENOMEM;
	*ret = ids;
	ids = (struct enabled_ids){ 0 };
	return 0;
}

static int save_ids(struct store *s, const struct enabled_ids *ids, const struct cardtype *skip)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *data = NULL;
	char name[CARDTYPE_MAX];

	for (size_t i = 0; i < ids->n; i++) {
		if (skip && cardtype_equal(&ids->items[i].type, skip))
			continue;
		cardtype_format(&ids->items[i].type, name);
		strbuf_addf(&text, "%s %llu\n", name,
			    (unsigned long long)ids->items[i].registration);
	}
	data = strbuf_take(&text);
	if (!data)
		return -ENOMEM;
	return file_replace(s->dir, "enabled", data, strlen(data));
}

static struct enabled_id *find_id(const struct enabled_ids *ids, const struct cardtype *type)
{
	for (size_t i = 0; i < ids->n; i++)
		if (cardtype_equal(&ids->items[i].type, type))
			return &ids->items[i];
	return NULL;
}

bool enabled_ids_cover(const struct enabled_ids *ids, const struct cardtype *type)
{
	for (size_t i = 0; i < ids->n; i++)
		if (cardtype_covers(&ids->items[i].type, type))
			return true;
	return false;
}

bool enabled_ids_have(const struct enabled_ids *ids, const struct cardtype *type)
{
	return find_id(ids, type) != NULL;
}

int store_remove_id(struct store *s, const struct cardtype *type, bool *ret_changed)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = { 0 };
	int r = store_load_ids(s, &ids);
	bool there = r == 0 && enabled_ids_have(&ids, type);

	if (there)
		r = save_ids(s, &ids, type);
	if (r == 0)
		*ret_changed = there;
	return r;
}

static int append_id(struct enabled_ids *ids, const struct cardtype *type, uint64_t registration)
{
	struct enabled_id *grown = reallocarray(ids->items, ids->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	ids->items = grown;
	ids->items[ids->n++] = (struct enabled_id){ *type, registration };
	return 0;
}

int store_add_id(struct store *s, const struct cardtype *type, uint64_t registration, bool *ret_changed)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = { 0 };
	struct enabled_id *id;
	int r = store_load_ids(s, &ids);
	bool there;

	if (r < 0)
		return r;
	id = find_id(&ids, type);
	there = id && id->registration == registration;
	if (id)
		id->registration = registration;
	else
		r = append_id(&ids, type, registration);
	if (r == 0 && !there)
		r = save_ids(s, &ids, NULL);
	if (r == 0)
		*ret_changed = !there;
	return r;
}

/* ---- what vfio-pci was loaded with ---- */

int store_note_load(struct store *s, uint64_t registration, const char *ids)
{
	_cleanup_free_ char *text = str_format("%llu %s\n", (unsigned long long)registration, ids);

	return text ? file_replace(s->dir, "loaded", text, strlen(text)) : -ENOMEM;
}

int store_noted_load(struct store *s, uint64_t registration, char **ret_ids)
{
	enum { LOADED_MAX = 8192 };
	_cleanup_free_ char *text = NULL;
	uint64_t noted;
	char *ids;
	int r = s->dir < 0 ? -ENOENT : file_read_all(s->dir, "loaded", LOADED_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	text[strcspn(text, "\n")] = '\0';
	ids = strchr(text, ' ');
	if (!ids)
		return -ENOENT;
	*ids++ = '\0';
	if (str_to_u64(text, 10, UINT64_MAX, &noted) < 0 || noted != registration)
		return -ENOENT;
	*ret_ids = strdup(ids);
	return *ret_ids ? 0 : -ENOMEM;
}
