/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "recorder.h"

struct recorder {
	struct host base;
	struct host_ops ops; /* own: what the inner host lacks, this one lacks too */
	struct host *inner;
	recorder_fn fn;
	void *userdata;
};

static struct recorder *recorder_of(struct host *h)
{
	return (struct recorder *)h;
}

struct host *recorder_inner(struct host *h)
{
	return recorder_of(h)->inner;
}

const char *result_name(int r, char buf[32])
{
	const char *name = r < 0 ? strerrorname_np(-r) : NULL;

	if (r >= 0)
		return "0";
	if (name)
		return name;
	snprintf(buf, 32, "error %d", -r);
	return buf;
}

static char *quote(const char *data, size_t size)
{
	_cleanup_strbuf_ struct strbuf out = {0};

	strbuf_add(&out, "\"", 1);
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '\n')
			strbuf_add(&out, "\\n", 2);
		else if (c == '"' || c == '\\')
			strbuf_addf(&out, "\\%c", c);
		else if (isprint(c))
			strbuf_add(&out, data + i, 1);
		else
			strbuf_addf(&out, "\\x%02x", c);
	}
	strbuf_add(&out, "\"", 1);
	return strbuf_take(&out);
}

static void say(struct recorder *rec, char *line)
{
	if (line && rec->fn)
		rec->fn(rec->userdata, line);
	free(line);
}

/* What ctx sets on the outer host holds for the inner one, which does the work. */
static struct host *acting(struct recorder *rec)
{
	rec->inner->timeout_ms = rec->base.timeout_ms;
	rec->inner->cancel_fd = rec->base.cancel_fd;
	return rec->inner;
}

static int rec_write(struct host *h, const char *claim, const char *path, const char *data, size_t size)
{
	struct recorder *rec = recorder_of(h);
	struct host *inner = acting(rec);
	_cleanup_free_ char *text = quote(data, size);
	int r = inner->ops->write(inner, claim, path, data, size);
	char buf[32];

	say(rec, str_format("write %s %s = %s", path, text ? text : "?", result_name(r, buf)));
	return r;
}

static ssize_t rec_read_locked(struct host *h, const char *path, char *buf, size_t size)
{
	struct recorder *rec = recorder_of(h);
	struct host *inner = acting(rec);
	ssize_t r = inner->ops->read_locked(inner, path, buf, size);
	_cleanup_free_ char *text = r >= 0 ? quote(buf, (size_t)r) : NULL;
	char name[32];

	/* What is looked up of the host elsewhere is no business of the transcript's. */
	if (str_after(path, "sys/bus/pci/"))
		say(rec, str_format("read %s = %s", path, text ? text : result_name((int)r, name)));
	return r;
}

static int rec_own_node(struct host *h, const char *claim, const char *path, const char *owner, bool look_only)
{
	struct recorder *rec = recorder_of(h);
	struct host *inner = acting(rec);
	int r = inner->ops->own_node(inner, claim, path, owner, look_only);
	char buf[32];

	if (!look_only)
		say(rec, str_format("own %s %s = %s", path, owner, r > 0 ? "1" : result_name(r, buf)));
	return r;
}

static int rec_load_module(struct host *h, const char *module, const char *options)
{
	struct recorder *rec = recorder_of(h);
	struct host *inner = acting(rec);
	int r = inner->ops->load_module(inner, module, options);
	char buf[32];

	say(rec,
	    str_format("load %s \"%s\" = %s", module, options ? options : "", result_name(r, buf)));
	return r;
}

static void rec_reload_rules(struct host *h)
{
	struct host *inner = recorder_inner(h);

	inner->ops->reload_rules(inner);
}

static int rec_rebuild_image(struct host *h, bool back)
{
	struct recorder *rec = recorder_of(h);
	struct host *inner = acting(rec);
	int r = inner->ops->rebuild_image(inner, back);
	char buf[32];

	say(rec, str_format("rebuild initramfs%s = %s", back ? " back" : "", result_name(r, buf)));
	return r;
}

/* ---- handed through ---- */

static int rec_image_has(struct host *h, const char *const *modules, size_t n)
{
	struct host *inner = recorder_inner(h);
	int r = inner->ops->image_has(inner, modules, n);

	memcpy(h->image_error, inner->image_error, sizeof(h->image_error));
	return r;
}

static int rec_file(struct host *h, host_dir dir, const char *name, bool follow, struct host_file *ret)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->file(inner, dir, name, follow, ret);
}

static int rec_each(struct host *h, host_dir dir, const char *name, int (*fn)(const char *name, void *userdata),
		    void *userdata)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->each(inner, dir, name, fn, userdata);
}

static bool rec_is_ours(struct host *h, pid_t pid)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->is_ours(inner, pid);
}

static int rec_claim(struct host *h, const char *run_dir, const char *run, const char *name,
		     pid_t *ret_holder)
{
	struct host *inner = acting(recorder_of(h));

	return inner->ops->claim(inner, run_dir, run, name, ret_holder);
}

static void rec_unclaim(struct host *h, const char *const *names, size_t n)
{
	struct host *inner = acting(recorder_of(h));

	inner->ops->unclaim(inner, names, n);
}

static int rec_hold(struct host *h, const char *name, const char *disk)
{
	struct host *inner = acting(recorder_of(h));

	return inner->ops->hold(inner, name, disk);
}

static void rec_let_go(struct host *h, const char *name)
{
	struct host *inner = acting(recorder_of(h));

	inner->ops->let_go(inner, name);
}

static int rec_stuck_in(struct host *h, const char *name, struct strv *ret)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->stuck_in(inner, name, ret);
}

static int rec_net_links(struct host *h, const char *netns, struct strv *ret)
{
	struct host *inner = acting(recorder_of(h));

	return inner->ops->net_links(inner, netns, ret);
}

static int rec_route_to(struct host *h, const char *destination, const char *from,
			char *ret_interface, size_t size)
{
	struct host *inner = acting(recorder_of(h));

	return inner->ops->route_to(inner, destination, from, ret_interface, size);
}

static int rec_smc_devices(struct host *h, struct strv *ret)
{
	struct host *inner = acting(recorder_of(h));

	return inner->ops->smc_devices(inner, ret);
}

static host_dir rec_dir_open(struct host *h, const char *path)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->dir_open(inner, path);
}

static void rec_dir_close(struct host *h, host_dir dir)
{
	struct host *inner = recorder_inner(h);

	inner->ops->dir_close(inner, dir);
}

static ssize_t rec_read(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->read(inner, dir, name, buf, size);
}

static ssize_t rec_readlink(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->readlink(inner, dir, name, buf, size);
}

static int rec_list(struct host *h, host_dir dir, const char *name, struct strv *ret)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->list(inner, dir, name, ret);
}

static int rec_resolve(struct host *h, const char *path, char **ret)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->resolve(inner, path, ret);
}

static int rec_incarnation(struct host *h, host_dir dir, const char *name, uint64_t *ret)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->incarnation(inner, dir, name, ret);
}

static int rec_map(struct host *h, const char *path, const char **ret, size_t *ret_size)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->map(inner, path, ret, ret_size);
}

static void rec_unmap(struct host *h, const char *data, size_t size)
{
	struct host *inner = recorder_inner(h);

	inner->ops->unmap(inner, data, size);
}

static int rec_device_number(struct host *h, const char *path, bool *ret_block, unsigned *ret_major,
			     unsigned *ret_minor)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->device_number(inner, path, ret_block, ret_major, ret_minor);
}

static int rec_permanent_mac(struct host *h, const char *interface, uint8_t ret_mac[6])
{
	struct host *inner = recorder_inner(h);

	return inner->ops->permanent_mac(inner, interface, ret_mac);
}

static int rec_log_position(struct host *h, uint64_t *ret_position)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->log_position(inner, ret_position);
}

static int rec_log_lines(struct host *h, uint64_t position, const char *needle, struct strv *ret)
{
	struct host *inner = recorder_inner(h);

	return inner->ops->log_lines(inner, position, needle, ret);
}

static void rec_announce(struct host *h, const char *text)
{
	struct host *inner = recorder_inner(h);

	inner->ops->announce(inner, text);
}

static void rec_free(struct host *h)
{
	host_free(recorder_inner(h));
	free(h);
}

int recorder_new(struct host *inner, recorder_fn fn, void *userdata, struct host **ret)
{
	struct recorder *rec = calloc(1, sizeof(*rec));

	if (!rec) {
		host_free(inner);
		return -ENOMEM;
	}
	rec->base = *inner;
	rec->base.names = NULL;
	rec->base.modules = NULL;
	rec->ops = (struct host_ops){
		.name = inner->ops->name,
		.dir_open = rec_dir_open,
		.dir_close = rec_dir_close,
		.read = rec_read,
		.readlink = rec_readlink,
		.list = rec_list,
		.resolve = rec_resolve,
		.incarnation = rec_incarnation,
		.map = rec_map,
		.unmap = rec_unmap,
		.device_number = rec_device_number,
		.is_ours = inner->ops->is_ours ? rec_is_ours : NULL,
		.file = inner->ops->file ? rec_file : NULL,
		.each = inner->ops->each ? rec_each : NULL,
		.claim = inner->ops->claim ? rec_claim : NULL,
		.unclaim = inner->ops->unclaim ? rec_unclaim : NULL,
		.hold = inner->ops->hold ? rec_hold : NULL,
		.let_go = inner->ops->let_go ? rec_let_go : NULL,
		.stuck_in = inner->ops->stuck_in ? rec_stuck_in : NULL,
		.net_links = inner->ops->net_links ? rec_net_links : NULL,
		.route_to = inner->ops->route_to ? rec_route_to : NULL,
		.smc_devices = inner->ops->smc_devices ? rec_smc_devices : NULL,
		.write = rec_write,
		.read_locked = rec_read_locked,
		.own_node = rec_own_node,
		.load_module = rec_load_module,
		.image_has = rec_image_has,
		.rebuild_image = rec_rebuild_image,
		.reload_rules = inner->ops->reload_rules ? rec_reload_rules : NULL,
		.permanent_mac = rec_permanent_mac,
		.log_position = rec_log_position,
		.log_lines = rec_log_lines,
		.announce = inner->ops->announce ? rec_announce : NULL,
		.free = rec_free,
	};
	rec->base.ops = &rec->ops;
	rec->inner = inner;
	rec->fn = fn;
	rec->userdata = userdata;
	*ret = &rec->base;
	return 0;
}
