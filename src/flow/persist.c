/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --persist: what was asked for becomes a declaration, or ceases to be one. */
#include <string.h>

#include "base/error.h"
#include "flow/persist.h"

void persist_clear(struct persist *p)
{
	declared_look_clear(&p->d);
	strv_clear(&p->modules);
	free(p->changes);
	free(p->types);
}

static int fail_nowhere(struct vfioadm_error **err)
{
	error_set(err, -EROFS, VFIOADM_E_STORE, "Nothing can be declared for this host.");
	error_hint(err, "--persist writes to /etc/vfioadm.d of the running host.");
	return -EROFS;
}

int persist_begin(struct persist *p, size_t n, struct vfioadm_error **err)
{
	if (!p->ctx->root || (!p->look->host->live && !p->options->dry_run))
		return fail_nowhere(err);
	p->changes = calloc(n + 1, sizeof(*p->changes));
	return p->changes ? declared_look(p->ctx, p->look, &p->d, err) : error_oom(err);
}

static const char *keep(struct persist *p, const char *s)
{
	return arena_strdup(&p->plan->arena, s);
}

/* What an unusable file of the same name has stays untouched: whoever wrote it did not mean this. */
static bool name_is_taken(const struct persist *p, const char *name)
{
	for (size_t i = 0; i < p->d.declared.found.n; i++)
		if (streq(p->d.declared.found.items[i].name, name))
			return true;
	for (size_t i = 0; i < p->d.declared.n_problems; i++)
		if (streq(p->d.declared.problems[i].name, name))
			return true;
	for (size_t i = 0; i < p->n_changes; i++)
		if (streq(p->changes[i].name, name))
			return true;
	/* A mask says that a name must not be: somebody's wish, too. */
	return strv_has(&p->d.declared.masked, name);
}

const char *persist_free_name(struct persist *p, const char *wanted)
{
	const char *name = wanted;

	for (unsigned i = 2; name && name_is_taken(p, name); i++)
		name = arena_format(&p->plan->arena, "%s-%u", wanted, i);
	return name;
}

/* ---- one change ---- */

int persist_change(struct persist *p, const char *name, const char *after, const char *words,
		   struct vfioadm_error **err)
{
	struct declare_change *change = &p->changes[p->n_changes];
	_cleanup_free_ char *before = NULL;
	int r = declared_text(p->ctx->root, name, &before);

	if (r < 0) {
		error_set(err, r, VFIOADM_E_STORE, "/etc/vfioadm.d/%s.conf cannot be read: %s.", name,
			  strerror(-r));
		error_hint(err, "Make /etc/vfioadm.d and its files belong to root and writable by nobody else.");
		return r;
	}
	if (streq_null(before, after))
		return 0;
	change->name = keep(p, name);
	change->before = before ? keep(p, before) : NULL;
	change->after = after ? keep(p, after) : NULL;
	change->text = keep(p, words);
	if (p->plan->arena.failed)
		return error_oom(err);
	p->n_changes++;
	return 0;
}

static int add_change(struct persist *p, const char *name, const struct declaration *after,
		      const char *words, struct vfioadm_error **err)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	if (after)
		declaration_format(after, &text);
	return text.failed ? error_oom(err) : persist_change(p, name, after ? text.s : NULL, words, err);
}

const char *persist_trust_words(enum trust trust)
{
	static const char *const words[] = {
		[TRUST_CARD] = "which goes with the card wherever it is plugged in",
		[TRUST_SLOT] = "which names the slot, whatever bus numbers do",
		[TRUST_ADDRESS] = "which may name another card once hardware is added",
	};

	return words[trust];
}

static int fail_no_ids(const struct vfioadm_function *f, struct vfioadm_error **err)
{
	error_set(err, -ENODATA, VFIOADM_E_IO, "The vendor and device ID of %s cannot be read.", f->address);
	error_device(err, f->address);
	error_hint(err, "Without them it could not be told from another card at the next boot; look at 'vfioadm show'.");
	return -ENODATA;
}

/* Of rivals as well, because their serial number may be the same. */
static int look_at_identity(struct look *look, struct vfioadm_function *f)
{
	const unsigned facets = VFIOADM_FACET_IDENTITY | VFIOADM_FACET_NAMES;
	int r = observe_function(look->host, look->inv, f, facets & ~f->facets);

	for (size_t i = 0; r == 0 && i < look->inv->n_functions; i++) {
		struct vfioadm_function *other = &look->inv->functions[i];

		if (identity_rival(f, other))
			r = observe_function(look->host, look->inv, other, VFIOADM_FACET_IDENTITY & ~other->facets);
	}
	return r;
}

int persist_name_function(struct persist *p, struct vfioadm_function *f, struct declaration *ret, char **ret_words)
{
	struct declaration new = { 0 };
	enum match_key key = MATCH_ADDRESS;
	enum trust trust = TRUST_ADDRESS;
	int r = look_at_identity(p->look, f);

	if (r == 0)
		r = persist_add_modules(p, f);
	if (r == 0)
		r = identity_of(p->look->inv, f, &p->plan->arena, &new, &key, &trust);
	if (r < 0)
		return r;
	new.name = persist_free_name(p, new.name);
	if (!new.name)
		return -ENOMEM;
	*ret_words = str_format("declare %s in /etc/vfioadm.d/%s.conf, known by its %s %s, %s", f->address, new.name,
				match_key_name(key), new.match[key], persist_trust_words(trust));
	if (!*ret_words)
		return -ENOMEM;
	*ret = new;
	return 0;
}

static int add_new(struct persist *p, struct vfioadm_function *f, struct vfioadm_error **err)
{
	_cleanup_free_ char *words = NULL;
	struct declaration new = { 0 };
	int r = persist_name_function(p, f, &new, &words);

	if (r == -ENODATA)
		return fail_no_ids(f, err);
	if (r < 0)
		return error_oom(err);
	new.driver = p->options->driver && !streq(p->options->driver, "auto") ? p->options->driver : NULL;
	return add_change(p, new.name, &new, words, err);
}

static bool is_ours_to_write(const struct declaration *d)
{
	return d->file && str_after(d->file, "/etc/");
}

/* Where it was last seen is worth no comment that somebody has written into the file. */
static bool was_written_by_us(const struct persist *p, const struct declaration *d)
{
	_cleanup_free_ char *text = NULL;

	return declared_text(p->ctx->root, d->name, &text) == 0 && text && str_after(text, DECLARATION_HEAD);
}

/* Its own declaration is there already: only what it says of the driver, and where it was seen, is renewed. */
static int renew(struct persist *p, const struct declaration *old, struct vfioadm_function *f,
		 struct vfioadm_error **err)
{
	_cleanup_free_ char *words = NULL;
	struct declaration new = *old;

	if (persist_add_modules(p, f) < 0)
		return error_oom(err);
	if (p->options->driver)
		new.driver = streq(p->options->driver, "auto") ? NULL : p->options->driver;
	if (!old->multiple)
		new.seen_address = f->address;
	if (!is_ours_to_write(old) || (streq_null(new.driver, old->driver) &&
				       (streq_null(new.seen_address, old->seen_address) || !was_written_by_us(p, old))))
		return 0;
	words = str_format("update /etc/vfioadm.d/%s.conf, which declares %s", old->name, f->address);
	return words ? add_change(p, old->name, &new, words, err) : error_oom(err);
}

/* ---- the initramfs ---- */

int persist_add_modules(struct persist *p, struct vfioadm_function *f)
{
	if (observe_function(p->look->host, p->look->inv, f, VFIOADM_FACET_DRIVERS & ~f->facets) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < f->host_drivers.n; i++)
		if (!strv_has(&p->modules, f->host_drivers.items[i]) &&
		    strv_add(&p->modules, f->host_drivers.items[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int warn_image_unknown(struct persist *p, const char *why)
{
	struct vfioadm_finding *finding = plan_add_finding(p->plan);

	if (!finding)
		return -ENOMEM;
	finding->code = "initramfs-unknown";
	finding->severity = VFIOADM_WARNS;
	finding->message = *why ? arena_strdup(&p->plan->arena, why) :
				  "Which initramfs this host boots with could not be found out.";
	if (!finding->message)
		return -ENOMEM;
	finding->hint = "If it contains the device's host driver, rebuild it: an older one binds that driver first at the next boot.";
	return 0;
}

int persist_image_matters(struct persist *p, bool *ret, struct vfioadm_error **err)
{
	struct host *h = p->look->host;
	int has = h->ops->image_has ?
		      h->ops->image_has(h, (const char *const *)p->modules.items, p->modules.n) :
		      -ENOENT;
	/* One that was not looked into may stand beside others that were. */
	const char *why = h->ops->image_has ? h->image_error : "";

	if (has == -ENOMEM || ((has < 0 || *why) && warn_image_unknown(p, why) < 0))
		return error_oom(err);
	/* What cannot be listed may have anything. */
	*ret = has == 1 || has == -ENODATA;
	return 0;
}

/* Costs a look into a compressed file, so only when something has changed. */
int persist_plan_changes(struct persist *p, struct vfioadm_error **err)
{
	const struct declare_change *modprobe = persist_modprobe_change(p);
	bool image = false, any = p->n_changes || modprobe;
	int r = any ? persist_image_matters(p, &image, err) : 0;

	if (r < 0 || !any)
		return r;
	return plan_declare(p->plan, p->changes, p->n_changes, modprobe, image) < 0 ? error_oom(err) : 0;
}

/* ---- assign, release ---- */

int persist_assign(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		   struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_persist_ struct persist p = { .ctx = ctx, .look = look, .options = o, .plan = plan };
	int r = persist_begin(&p, look->selected.n, err);

	for (size_t i = 0; r == 0 && i < look->selected.n; i++) {
		struct vfioadm_function *f = &look->inv->functions[look->selected.items[i]];
		ssize_t at = declared_for(&p.d, look->selected.items[i]);

		r = at >= 0 && p.d.declared.found.items && !p.d.declared.found.items[at].match[MATCH_CARD_TYPE] ?
			    renew(&p, &p.d.declared.found.items[at], f, err) :
			    add_new(&p, f, err);
	}
	return r < 0 ? r : persist_plan_changes(&p, err);
}

static int fail_not_alone(const struct declaration *d, const struct vfioadm_function *f,
			  struct vfioadm_error **err)
{
	error_set(err, -EINVAL, VFIOADM_E_USAGE, "%s declares %s together with others.", d->file, f->address);
	error_device(err, f->address);
	error_path(err, d->file);
	error_hint(err, d->match[MATCH_CARD_TYPE] ?
				"To give up the whole card type use 'vfioadm disable --persist'; to give back "
				"this one until the next boot, leave --persist out." :
				"Edit the file, or leave --persist out to give it back until the next boot.");
	return -EINVAL;
}

/* what: the function's address (also device), or the card type. */
static int fail_not_ours(const struct declaration *d, const char *what, const char *device,
			 struct vfioadm_error **err)
{
	error_set(err, -EINVAL, VFIOADM_E_USAGE, "%s is declared by %s, which is not ours to remove.", what,
		  d->file);
	error_device(err, device);
	error_path(err, d->file);
	error_hint(err, "Mask it by an empty file of its name: touch /etc/vfioadm.d/%s.conf", d->name);
	return -EINVAL;
}

/* One of the same name in a directory behind it would come into force: then an empty file stays, and masks it. */
static int add_removal(struct persist *p, const struct declaration *d, const char *what, struct vfioadm_error **err)
{
	int hides = declared_hides(p->ctx->root, d->name);
	_cleanup_free_ char *words = NULL;

	if (hides < 0)
		return error_oom(err);
	words = hides ? str_format("empty /etc/vfioadm.d/%s.conf, so that neither it nor what it hides declares %s",
				   d->name, what) :
			str_format("remove /etc/vfioadm.d/%s.conf, which declares %s", d->name, what);
	return words ? persist_change(p, d->name, hides ? "" : NULL, words, err) : error_oom(err);
}

static int say_what_still_declares(struct persist *p, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < p->d.declared.found.n; i++) {
		const struct declaration *d = &p->d.declared.found.items[i];

		if (d->match[MATCH_CARD_TYPE] && cardtype_matches(&d->type, f) &&
		    check_still_declared(p->plan, f, d->match[MATCH_CARD_TYPE]) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* What cannot be read may have been meant to say it. */
static int say_what_may_declare(struct persist *p, const char *what, struct vfioadm_error **err)
{
	for (size_t i = 0; i < p->d.declared.n_problems; i++)
		if (check_perhaps_declared(p->plan, what, p->d.declared.problems[i].file) < 0)
			return error_oom(err);
	return 0;
}

static int forget(struct persist *p, size_t function, struct vfioadm_error **err)
{
	struct vfioadm_function *f = &p->look->inv->functions[function];
	ssize_t at = declared_of(p->look, &p->d, function);
	const struct declaration *d;
	int r;

	if (at < 0 || !p->d.declared.found.items)
		return say_what_may_declare(p, f->address, err);
	d = &p->d.declared.found.items[at];
	if (d->multiple || d->match[MATCH_CARD_TYPE] || d->vfs.state == VFIOADM_KNOWN)
		return fail_not_alone(d, f, err);
	if (!is_ours_to_write(d))
		return fail_not_ours(d, f->address, f->address, err);
	if (persist_add_modules(p, f) < 0 || say_what_still_declares(p, f) < 0)
		return error_oom(err);
	r = say_what_may_declare(p, f->address, err);
	if (r < 0)
		return r;
	return add_removal(p, d, f->address, err);
}

int persist_release(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		    struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_persist_ struct persist p = { .ctx = ctx, .look = look, .options = o, .plan = plan };
	int r = persist_begin(&p, look->selected.n, err);

	for (size_t i = 0; r == 0 && i < look->selected.n; i++)
		r = forget(&p, look->selected.items[i], err);
	return r < 0 ? r : persist_plan_changes(&p, err);
}

/* ---- card types ---- */

const struct declaration *persist_type_declared(const struct persist *p, const struct cardtype *type)
{
	for (size_t i = 0; i < p->d.declared.found.n; i++) {
		const struct declaration *d = &p->d.declared.found.items[i];

		if (d->match[MATCH_CARD_TYPE] && cardtype_equal(&d->type, type))
			return d;
	}
	return NULL;
}

/* "15b3:1003" is a fine name for a file, but a colon is a nuisance to shells and to copying. */
const char *persist_type_name(struct persist *p, const char *id)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	const char *name;

	strbuf_addf(&text, "type-");
	for (const char *c = id; *c; c++)
		strbuf_addf(&text, *c == ':' ? "-" : *c == '*' ? "any" : "%c", *c);
	name = text.failed ? NULL : keep(p, text.s);
	return name ? persist_free_name(p, name) : NULL;
}

static int declare_type(struct persist *p, const struct cardtype *type, struct vfioadm_error **err)
{
	_cleanup_free_ char *words = NULL;
	struct declaration new = { .multiple = true, .type = *type };
	char id[CARDTYPE_MAX];

	if (persist_type_declared(p, type))
		return 0;
	cardtype_format(type, id);
	new.match[MATCH_CARD_TYPE] = id;
	new.name = persist_type_name(p, id);
	if (!new.name)
		return error_oom(err);
	words = str_format("declare card type %s in /etc/vfioadm.d/%s.conf", id, new.name);
	return words ? add_change(p, new.name, &new, words, err) : error_oom(err);
}

static int forget_type(struct persist *p, const struct cardtype *type, struct vfioadm_error **err)
{
	const struct declaration *d = persist_type_declared(p, type);
	_cleanup_free_ char *what = NULL;
	char id[CARDTYPE_MAX];

	int r;

	cardtype_format(type, id);
	r = say_what_may_declare(p, id, err);
	if (r < 0 || !d)
		return r;
	what = str_format(is_ours_to_write(d) ? "card type %s" : "Card type %s", d->match[MATCH_CARD_TYPE]);
	if (!what)
		return error_oom(err);
	return is_ours_to_write(d) ? add_removal(p, d, what, err) : fail_not_ours(d, what, NULL, err);
}

int persist_types(struct vfioadm_ctx *ctx, struct look *look, const struct cardtype *types, size_t n,
		  const struct vfioadm_options *o, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_persist_ struct persist p = { .ctx = ctx, .look = look, .options = o, .plan = plan };
	bool enable = plan->verb == VERB_ENABLE;
	int r = persist_begin(&p, n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = enable ? declare_type(&p, &types[i], err) : forget_type(&p, &types[i], err);
	if (r == 0)
		r = persist_modprobe(&p, enable && o->modprobe, err);
	/* modprobe knows nothing of what is left out of an initramfs: none of its types may be needed at boot. */
	if (r == 0 && enable && o->modprobe && persist_modprobe_change(&p))
		r = persist_refuse_needed(&p, p.types, p.n_types, err);
	else if (r == 0 && enable)
		r = persist_refuse_needed(&p, types, n, err);
	if (r < 0 || plan->result == VFIOADM_RESULT_REFUSED)
		return r;
	r = persist_modules_of_types(&p, types, n, err);
	return r < 0 ? r : persist_plan_changes(&p, err);
}
