/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who on the host uses the function: the sentences that users become. */
#include "model/mount_point.h"
#include "policy/check_private.h"

/* What the device does for a user, so that "what" can follow. */
static const struct {
	const char *kind, *verb;
} verbs[] = {
	{ "block", "carries" },	  { "net", "has" },
	{ "vf", "has" },	  { "display", "drives" },
	{ "usb", "carries" },	  { "sound", "has" },
	{ "gpu", "has" },	  { "open", "is used by" },
	{ "vfio", "is used by" }, { "claim", "is claimed by" },
};

static const char *verb_of(const struct vfioadm_code_info *info, const struct vfioadm_user *user)
{
	if (streq(info->code, "openers-unknown"))
		return "may be in use:";
	/* Whatever it has open: a process is not part of the device. */
	if (strstr(user->what, " (pid "))
		return "is used by";
	for (size_t i = 0; info->kind && i < ARRAY_SIZE(verbs); i++)
		if (streq(verbs[i].kind, info->kind))
			return verbs[i].verb;
	return "is used by";
}

static bool in_list(const struct vfioadm_list *list, const char *item)
{
	for (size_t i = 0; i < list->n; i++)
		if (streq(list->items[i], item))
			return true;
	return false;
}

/* A disk of the function or a partition of one: that has a node to type. */
static bool is_disk_of(const struct vfioadm_function *f, const char *what)
{
	if (strchr(what, '/') || strchr(what, ' '))
		return false;
	for (size_t i = 0; i < f->block.n; i++)
		if (str_after(what, f->block.items[i]))
			return true;
	return false;
}

static const char *before_what(const struct vfioadm_function *f, const struct vfioadm_user *user)
{
	if (is_disk_of(f, user->what))
		return "/dev/";
	if (in_list(&f->net, user->what))
		return "the interface ";
	return "";
}

/* "mounted at /" continues with a comma, which does for "is mounted at /" as well; "has …" needs a word more. */
static const char *before_why(const struct vfioadm_code_info *info, const char **why)
{
	static const char *const short_forms[] = { "is mounted ", "is used as ", "is part of " };
	size_t first;

	if (streq(info->code, "openers-unknown"))
		return " ";
	for (size_t i = 0; i < ARRAY_SIZE(short_forms); i++)
		if (str_after(*why, short_forms[i])) {
			*why += strlen("is ");
			return ", ";
		}
	first = strcspn(*why, " ");
	if (str_after(*why, "part of ") || (first > 2 && strncmp(*why + first - 2, "ed", 2) == 0) ||
	    (first > 3 && strncmp(*why + first - 3, "ing", 3) == 0))
		return ", ";
	return ", which ";
}

static const char *sentence(struct checker *c, const struct vfioadm_function *f,
			    const struct vfioadm_user *user, const struct vfioadm_code_info *info)
{
	const char *name = check_name(c, f), *why = user->why, *join = before_why(info, &why);
	bool root = streq(info->code, "root-filesystem");

	if (!name)
		return NULL;
	return SAY(c, "%s %s %s%s%s%s%s.%s", name, verb_of(info, user), before_what(f, user), user->what, join, why,
		   root ? " — the root file system" : "",
		   info->severity == VFIOADM_BLOCKS ? " It cannot be assigned." : "");
}

/* "/srv, /var and /home": the first points of a list. */
static bool names_vital(const char *list)
{
	for (const char *p = list; *p == '/';) {
		size_t length = strcspn(p, " ,;");

		if (mount_rank_of(p, length) != MOUNT_DATA)
			return true;
		p += length;
		p += strspn(p, ", ");
		if (str_after(p, "and "))
			p += strlen("and ");
	}
	return false;
}

/*
 * The host, or a service of it, cannot do without what is mounted there: on the disk itself, or on what is made of it.
 * What a container calls /var is another matter.
 */
static bool is_vital_mount(const struct vfioadm_user *user)
{
	static const char *const words[] = { "mounted at ", "below the overlay at " };

	if (strstr(user->why, " in the mount namespace of "))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (const char *p = user->why; (p = strstr(p, words[i]));) {
			p += strlen(words[i]);
			if (names_vital(p))
				return true;
		}
	return false;
}

enum carries { CARRIES_NOTHING, CARRIES_DATA, CARRIES_VITAL, CARRIES_ROOT };

/* Storage of the host that an interface of the function leads to, or that is on the function itself. */
static enum carries carries(const struct vfioadm_function *f)
{
	enum carries most = CARRIES_NOTHING;

	for (size_t i = 0; i < f->n_users; i++) {
		const struct vfioadm_code_info *info = code_info(f->users[i]->code);
		enum carries it;

		if (!info || info->severity == VFIOADM_WARNS || !streq_null(info->kind, "block"))
			continue;
		it = streq(info->code, "root-filesystem") ? CARRIES_ROOT :
		     is_vital_mount(f->users[i])	  ? CARRIES_VITAL :
							    CARRIES_DATA;
		most = it > most ? it : most;
	}
	return most;
}

/*
 * "Take the interface down" would take the storage with it that is reached through it: where that is vital
 * the host would hang or die of the very advice. NULL: force is no way either.
 */
static const char *remedy_of(const struct checker *c, const struct vfioadm_function *f,
			     const struct vfioadm_user *user, const struct vfioadm_code_info *info)
{
	bool net = streq_null(info->kind, "net"), block = streq_null(info->kind, "block");
	enum carries most = net || block ? carries(f) : CARRIES_NOTHING;

	if (most == CARRIES_ROOT && info->severity == VFIOADM_REFUSES)
		return NULL;
	if (block && info->severity == VFIOADM_REFUSES && is_vital_mount(user))
		return "The host needs what is mounted there: move that elsewhere first.";
	/* It may be the way to a file system that could not be followed. */
	if (net && f->n_unseen_doubt)
		return "Find out first whether the host reaches what it needs through it, and leave it alone if so.";
	if (streq(info->code, "openers-unknown") && uint_is(&c->inv->facts.root, 1))
		return "In a container, run it on the host; else find out by hand who has it open.";
	if (!net || most == CARRIES_NOTHING)
		return info->remedy;
	return most == CARRIES_VITAL ? "Leave it as it is while the host needs what it carries." :
				       "Stop using what it carries, and unmount that, before anything else.";
}

/* What to do, and how to have it all the same. */
static const char *hint(struct checker *c, const struct vfioadm_finding *finding,
			const struct vfioadm_code_info *info, const char *remedy)
{
	size_t length;

	if (finding->forceable && finding->severity == VFIOADM_WARNS)
		return SAY(c, "This was overridden by --force %s.", info->code);
	if (!remedy)
		return "It stays with the host for as long as that runs from what it carries.";
	if (!finding->forceable)
		return remedy;
	length = strlen(remedy);
	while (length && remedy[length - 1] == '.')
		length--;
	return SAY(c, "%.*s; if you are sure, add --force %s.", (int)length, remedy, info->code);
}

/* Who has it through VFIO matters when it is taken from there, the host's own use when it goes there. */
static bool applies(const struct checker *c, const struct vfioadm_function *f, const char *code)
{
	bool through_vfio = streq(code, "in-use-vfio") || streq(code, "openers-unknown");

	/* Programs that drive it through uio lose it as those do that have it through VFIO. */
	if (c->request->verb == VERB_RELEASE && KNOWN(f->driver) && driver_name_keeps_off(f->driver.value))
		return true;
	if (check_leaves_vfio(c, f) || c->request->verb == VERB_RELEASE)
		return through_vfio || streq(code, "libvirt-running");
	/* check_vfs() has said it, with a way out. */
	return !through_vfio && !(f->virtfns.n && streq(code, "in-use-vf"));
}

int check_users(struct checker *c, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->n_users; i++) {
		const struct vfioadm_user *user = f->users[i];
		const struct vfioadm_code_info *info = code_info(user->code);
		struct vfioadm_finding *finding;

		/* A code that is not in the table is a mistake, but a user is a user. */
		if (!info)
			info = code_info("in-use");
		if (!applies(c, f, info->code))
			continue;
		finding = check_add(c, f, info->code, sentence(c, f, user, info));
		if (!finding)
			return -ENOMEM;
		finding->hint = hint(c, finding, info, remedy_of(c, f, user, info));
		if (!finding->hint)
			return -ENOMEM;
		if (!*finding->hint)
			finding->hint = NULL;
	}
	return 0;
}

/* Root is told of no way that it has gone already, and nobody of one that leads to the same place. */
static const char *remedy_of_unseen(const struct checker *c, const struct vfioadm_function *f, size_t i)
{
	size_t first_minor = f->unseen.n - f->n_unseen_minor;

	if (i < first_minor && i + f->n_unseen_doubt >= first_minor)
		return "Find out by hand whether that is so.";
	if (!uint_is(&c->inv->facts.root, 1))
		return code_info(i < first_minor ? "not-looked-at" : "looked-at-in-part")->remedy;
	return i < first_minor ? "In a container, run it on the host; else find out by hand whether it is used." :
				 "In a container, run it on the host; else look at it by hand.";
}

/*
 * What could not be looked at may be a use, so it refuses. Who has the function through VFIO has a code of its
 * own (openers-unknown): where it leaves a VFIO driver nothing else is lost.
 */
int check_unseen(struct checker *c, const struct vfioadm_function *f)
{
	bool leaves = check_leaves_vfio(c, f) || c->request->verb == VERB_RELEASE;

	for (size_t i = 0; i < f->unseen.n; i++) {
		const char *text = f->unseen.items[i];
		bool named = strstr(text, f->address), refused = c->refused;
		const char *message = SAY(c, "%s%s%s", named ? "" : f->address, named ? "" : ": ", text);
		struct vfioadm_finding *finding;

		if (i + f->n_unseen_minor >= f->unseen.n) {
			if (check_say(c, f, "looked-at-in-part", message, remedy_of_unseen(c, f, i)) < 0)
				return -ENOMEM;
			continue;
		}
		finding = check_add(c, f, "not-looked-at", message);
		if (!finding)
			return -ENOMEM;
		/* What could not be read may as well tell that no driver can take it. */
		if (leaves && !inventory_is_fault(c->inv, text)) {
			finding->severity = VFIOADM_WARNS;
			finding->hint = remedy_of_unseen(c, f, i);
			c->refused = refused;
			continue;
		}
		finding->hint = hint(c, finding, code_info(finding->code), remedy_of_unseen(c, f, i));
		if (!finding->hint)
			return -ENOMEM;
	}
	return 0;
}

int check_unread(struct checker *c, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->unseen.n; i++) {
		const struct vfioadm_code_info *info = code_info("not-looked-at");
		const char *text = f->unseen.items[i];
		struct vfioadm_finding *finding;

		if (!inventory_is_fault(c->inv, text))
			continue;
		finding = check_add(c, f, info->code, SAY(c, "%s: %s", f->address, text));
		if (finding)
			finding->hint = hint(c, finding, info, remedy_of_unseen(c, f, i));
		if (!finding || !finding->hint)
			return -ENOMEM;
	}
	return 0;
}
