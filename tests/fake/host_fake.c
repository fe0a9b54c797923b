/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of operations over the model. */
#include <string.h>

#include "fault.h"
#include "host/module_setup.h"

static host_dir fake_dir_open(struct host *h, const char *path)
{
	struct fake_host *f = fake_of(h);
	struct node *n = tree_lookup(&f->m->k.tree, NULL, path, true);
	struct node **slot;

	if (!n)
		return -ENOENT;
	if (n->type != NODE_DIR)
		return -ENOTDIR;
	for (size_t i = 0; i < f->n_dirs; i++)
		if (!f->dirs[i]) {
			f->dirs[i] = n;
			return (host_dir)i;
		}
	slot = array_add(&f->dirs, &f->n_dirs, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	*slot = n;
	return (host_dir)f->n_dirs - 1;
}

static void fake_dir_close(struct host *h, host_dir dir)
{
	struct fake_host *f = fake_of(h);

	if (dir >= 0 && (size_t)dir < f->n_dirs)
		f->dirs[dir] = NULL;
}

static int at(struct fake_host *f, host_dir dir, const char *name, bool follow, struct node **ret)
{
	struct node *start = NULL;

	if (dir >= 0) {
		if ((size_t)dir >= f->n_dirs || !f->dirs[dir])
			return -EBADF;
		start = f->dirs[dir];
		/* Removed while it was held open. */
		if (start->dead)
			return -ENOENT;
	}
	*ret = tree_lookup(&f->m->k.tree, start, name, follow);
	return *ret ? 0 : -ENOENT;
}

static ssize_t copy_out(const struct node *n, char *buf, size_t size)
{
	size_t fits = n->size < size ? n->size : size - 1;

	memcpy(buf, n->data ? n->data : "", fits);
	buf[fits] = '\0';
	return fits < n->size ? -EFBIG : (ssize_t)fits;
}

static ssize_t fake_read(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	struct node *n;
	int r = at(fake_of(h), dir, name, true, &n);

	if (r < 0)
		return r;
	if (n->type == NODE_DIR)
		return -EISDIR;
	if (n->type != NODE_FILE)
		return -ENXIO;
	return n->write_only ? -EACCES : copy_out(n, buf, size);
}

static ssize_t fake_readlink(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	struct node *n;
	int r = at(fake_of(h), dir, name, false, &n);

	if (r < 0)
		return r;
	return n->type == NODE_LINK ? copy_out(n, buf, size) : -EINVAL;
}

static int fake_list(struct host *h, host_dir dir, const char *name, struct strv *ret)
{
	struct strv names = {0};
	struct node *n;
	int r = at(fake_of(h), dir, name, true, &n);

	if (r == 0 && n->type != NODE_DIR)
		r = -ENOTDIR;
	for (size_t i = 0; r == 0 && i < n->n; i++)
		r = strv_add(&names, n->children[i]->name);
	if (r < 0) {
		strv_clear(&names);
		return r;
	}
	*ret = names;
	return 0;
}

static int fake_resolve(struct host *h, const char *path, char **ret)
{
	struct node *n = tree_lookup(&fake_of(h)->m->k.tree, NULL, path, true);
	char *s;

	if (!n)
		return -ENOENT;
	s = node_path(n);
	if (!s)
		return -ENOMEM;
	*ret = s;
	return 0;
}

static int fake_incarnation(struct host *h, host_dir dir, const char *name, uint64_t *ret)
{
	struct node *n;
	int r = at(fake_of(h), dir, name, true, &n);

	if (r == 0)
		*ret = n->ino;
	return r;
}

static int fake_map(struct host *h, const char *path, const char **ret, size_t *ret_size)
{
	struct node *n = tree_lookup(&fake_of(h)->m->k.tree, NULL, path, true);
	char *copy;

	if (!n)
		return -ENOENT;
	if (n->type != NODE_FILE)
		return -EINVAL;
	/* Not the node's own: a write may replace that while it is mapped. */
	copy = malloc(n->size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, n->data ? n->data : "", n->size);
	copy[n->size] = '\0';
	*ret = copy;
	*ret_size = n->size;
	return 0;
}

static void fake_unmap(struct host *h, const char *data, size_t size)
{
	(void)h;
	(void)size;
	free((void *)(uintptr_t)data);
}

/* devtmpfs shows a node for each "dev" file; captures do not repeat them. */
static int number_from_sysfs(struct fake_host *f, const char *name, bool *ret_block,
			     unsigned *ret_major, unsigned *ret_minor)
{
	struct node *classes = tree_lookup(&f->m->k.tree, NULL, "sys/class", true);

	for (size_t i = 0; classes && i < classes->n; i++) {
		struct node *dir = classes->children[i];
		struct node *n = tree_lookup(&f->m->k.tree, dir, name, true);
		struct node *dev = node_child(n, "dev");

		if (!dev || sscanf(dev->data, "%u:%u", ret_major, ret_minor) != 2)
			continue;
		*ret_block = streq(dir->name, "block");
		return 0;
	}
	return -ENOENT;
}

static int fake_device_number(struct host *h, const char *path, bool *ret_block,
			      unsigned *ret_major, unsigned *ret_minor)
{
	struct fake_host *f = fake_of(h);
	struct node *n = tree_lookup(&f->m->k.tree, NULL, path, false);
	const char *slash = strrchr(path, '/');

	for (int links = 0; n && n->type == NODE_LINK && links < 40; links++) {
		struct node *target = tree_lookup(&f->m->k.tree, n->parent, n->data, false);

		slash = strrchr(n->data, '/');
		path = n->data;
		n = target;
	}
	if (n && n->type != NODE_CHAR && n->type != NODE_BLOCK)
		return -ENOTBLK;
	if (!n)
		return number_from_sysfs(f, slash ? slash + 1 : path, ret_block, ret_major,
					 ret_minor);
	*ret_block = n->type == NODE_BLOCK;
	*ret_major = n->major;
	*ret_minor = n->minor;
	return 0;
}

static int operate(struct host *h, const char *claim, enum work_kind kind, const char *path,
		   const char *data, size_t size)
{
	struct work *w = work_new(kind, path, data, size);
	int r = w ? claims_operate(h, w, claim) : -ENOMEM;

	work_free(w);
	return r;
}

static int fake_write(struct host *h, const char *claim, const char *path, const char *data,
		      size_t size)
{
	return operate(h, claim, WORK_WRITE, path, data, size);
}

static ssize_t fake_read_locked(struct host *h, const char *path, char *buf, size_t size)
{
	struct node *n;
	int r = operate(h, claims_of_path(h, path), WORK_READ, path, NULL, 0);

	if (r < 0)
		return r;
	/* A lie about a read is an empty file. */
	n = tree_lookup(&fake_of(h)->m->k.tree, NULL, path, true);
	if (!n)
		return -ENOENT;
	return copy_out(n, buf, size);
}

static int fake_own_node(struct host *h, const char *claim, const char *path, const char *owner, bool look_only)
{
	const struct node *node = tree_lookup(&fake_of(h)->m->k.tree, NULL, path, false);
	int r;

	if (str_after(owner, "nobody-here:") && look_only)
		return -ESRCH;
	if (node && streq(node->data ? node->data : "root:root:0600", owner))
		return 0;
	r = look_only ? (node ? 0 : -ENOENT) : operate(h, claim, WORK_OWN, path, owner, strlen(owner));
	return r < 0 ? r : 1;
}

/* As the loader of a live host: what is configured, and ours behind it. */
static int add_configured(struct host *h, const char *module, struct strbuf *all)
{
	_cleanup_module_setup_ struct module_setup setup = {0};
	int r = module_setup_read(h, module, &setup);

	for (size_t i = 0; r == 0 && i < setup.n; i++)
		if (!setup.parameters[i].unread)
			strbuf_addf(all, "%s=%s ", setup.parameters[i].name,
				    setup.parameters[i].value ? setup.parameters[i].value : "1");
	return r;
}

/* Whether there are options of ours (first '!') makes a difference to a module that is loaded. */
static int fake_load_module(struct host *h, const char *module, const char *options)
{
	_cleanup_strbuf_ struct strbuf all = {0};
	int r;

	strbuf_addf(&all, "%c", options ? '!' : ' ');
	r = add_configured(h, module, &all);
	strbuf_addf(&all, "%s", options ? options : "");
	if (r < 0 || all.failed)
		return -ENOMEM;
	return operate(h, "host", WORK_LOAD, module, all.s, all.len);
}

static int fake_image_has(struct host *h, const char *const *modules, size_t n)
{
	const struct kernel *k = &fake_of(h)->m->k;

	h->image_error[0] = '\0';
	if (!k->image.known)
		return -ENOENT;
	if (k->image.unreadable) {
		snprintf(h->image_error, sizeof(h->image_error), "What is in /boot/initrd cannot be listed.");
		return -ENODATA;
	}
	for (size_t i = 0; i < n; i++)
		if (strv_has(&k->image.modules, modules[i]))
			return 1;
	return 0;
}

static int fake_rebuild_image(struct host *h, bool back)
{
	bool some = fake_of(h)->m->k.image.some;
	int r = operate(h, "host", WORK_REBUILD, "initramfs", NULL, 0);

	if (r == 0 && some)
		r = back ? 1 : -EREMOTEIO;
	if (r == -EREMOTEIO)
		snprintf(h->image_error, sizeof(h->image_error), "no room on /boot");
	return r;
}

static int fake_permanent_mac(struct host *h, const char *interface, uint8_t ret_mac[6])
{
	_cleanup_free_ char *path = str_format("sys/class/net/%s/address", interface), *s = NULL;
	unsigned v[6];

	s = path ? file_text(&fake_of(h)->m->k, NULL, path) : NULL;
	if (!s)
		return -ENODEV;
	if (sscanf(s, "%x:%x:%x:%x:%x:%x", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) != 6)
		return -EOPNOTSUPP;
	for (size_t i = 0; i < 6; i++)
		ret_mac[i] = (uint8_t)v[i];
	return 0;
}

static int fake_log_position(struct host *h, uint64_t *ret_position)
{
	*ret_position = fake_of(h)->m->k.log.n;
	return 0;
}

static int fake_log_lines(struct host *h, uint64_t position, const char *needle, struct strv *ret)
{
	const struct strv *log = &fake_of(h)->m->k.log;
	struct strv lines = {0};
	int r = 0;

	for (size_t i = position; r == 0 && i < log->n; i++)
		if (strstr(log->items[i], needle))
			r = strv_add(&lines, log->items[i]);
	if (r < 0) {
		strv_clear(&lines);
		return r;
	}
	*ret = lines;
	return 0;
}

static void fake_free(struct host *h)
{
	struct fake_host *f = fake_of(h);

	if (f->m) {
		fake_kill(h);
		if (--f->m->users == 0) {
			fake_faults_clear(h);
			claims_clear(f->m);
			kernel_clear(&f->m->k);
			free(f->m);
		}
	}
	free(f->dirs);
	free(f);
}

static const struct host_ops fake_ops = {
	.name = "fake",
	.dir_open = fake_dir_open,
	.dir_close = fake_dir_close,
	.read = fake_read,
	.readlink = fake_readlink,
	.list = fake_list,
	.resolve = fake_resolve,
	.incarnation = fake_incarnation,
	.map = fake_map,
	.unmap = fake_unmap,
	.device_number = fake_device_number,
	.is_ours = fake_is_ours,
	.claim = fake_claim,
	.unclaim = fake_unclaim,
	.hold = fake_hold,
	.let_go = fake_let_go,
	.stuck_in = fake_stuck_in,
	.write = fake_write,
	.read_locked = fake_read_locked,
	.own_node = fake_own_node,
	.load_module = fake_load_module,
	.image_has = fake_image_has,
	.rebuild_image = fake_rebuild_image,
	.permanent_mac = fake_permanent_mac,
	.log_position = fake_log_position,
	.log_lines = fake_log_lines,
	.free = fake_free,
};

static int apply_model(struct fake_host *f, const char *text, const char *where)
{
	unsigned line;
	int r = text ? fake_control_lines(&f->base, text, &line) : 0;

	if (r < 0)
		fprintf(stderr, "fake: %s, line %u: %s\n", where, line, strerror(-r));
	return r;
}

static struct fake_host *host_on(struct machine *m)
{
	struct fake_host *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->base = (struct host){
		.ops = &fake_ops,
		.live = true,
		.timeout_ms = 30000,
		.cancel_fd = -1,
		.display_root = "",
	};
	f->m = m;
	m->users++;
	return f;
}

static struct fake_host *fake_alloc(void)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct fake_host *f = m && tree_init(&m->k.tree) == 0 ? host_on(m) : NULL;

	if (!f)
		free(m);
	return f;
}

int fake_attach(struct host *h, struct host **ret)
{
	struct fake_host *f = host_on(fake_of(h)->m);

	if (!f)
		return -ENOMEM;
	*ret = &f->base;
	return 0;
}

/* The capture may bring a model of its own. */
static int start(struct fake_host *f, const char *model, struct host **ret)
{
	struct node *own = tree_lookup(&f->m->k.tree, NULL, "model", true);
	int r = kernel_load(&f->m->k);

	if (r == 0 && own)
		r = apply_model(f, own->data, "the root's own model");
	if (r == 0)
		r = apply_model(f, model, "model");
	if (r < 0) {
		fake_free(&f->base);
		return r;
	}
	*ret = &f->base;
	return 0;
}

int fake_new(const char *root, const char *model, struct host **ret)
{
	struct fake_host *f = fake_alloc();
	int r = f ? tree_load(&f->m->k.tree, root) : -ENOMEM;

	if (r < 0) {
		if (f)
			fake_free(&f->base);
		return r;
	}
	return start(f, model, ret);
}

int fake_new_text(const char *archive, const char *model, struct host **ret)
{
	struct fake_host *f = fake_alloc();
	unsigned line = 0;
	int r = f ? tree_load_text(&f->m->k.tree, archive, strlen(archive), &line) : -ENOMEM;

	if (r < 0) {
		if (line)
			fprintf(stderr, "fake: line %u is not a line of a captured root\n", line);
		if (f)
			fake_free(&f->base);
		return r;
	}
	return start(f, model, ret);
}

unsigned fake_operations(const struct host *h)
{
	return ((const struct fake_host *)h)->m->operations;
}

int fake_modprobe(struct host *h, const char *module, const char *options)
{
	return module_load(&fake_of(h)->m->k, module, options, false);
}

int fake_write_aside(struct host *h, const char *path, const char *data)
{
	struct work *w = work_new(WORK_WRITE, path, data, strlen(data));
	int r = w ? kernel_operate(&fake_of(h)->m->k, w) : -ENOMEM;

	work_free(w);
	claims_tidy(fake_of(h)->m);
	return r;
}

int fake_unload(struct host *h, const char *module)
{
	return module_unload(&fake_of(h)->m->k, module);
}

bool fake_crashed(const struct host *h)
{
	return ((const struct fake_host *)h)->m->k.crashed;
}

unsigned fake_rebuilt(const struct host *h)
{
	return ((const struct fake_host *)h)->m->k.image.rebuilt;
}

bool fake_hangs(const struct host *h)
{
	return kernel_hangs(&((const struct fake_host *)h)->m->k);
}

bool fake_stuck(const struct host *h, const char *address)
{
	const struct kernel *k = &((const struct fake_host *)h)->m->k;

	for (size_t i = 0; i < k->n_devices; i++)
		if (streq(k->devices[i]->address, address) && k->devices[i]->phase != IDLE)
			return true;
	return false;
}
