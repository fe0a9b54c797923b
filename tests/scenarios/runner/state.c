/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be seen of every function: before, after, and in the transcript. */
#include <ctype.h>
#include <string.h>

#include "fake/recorder.h"
#include "runner.h"

static int look(struct host *h, const char *address, struct function_state *s)
{
	char path[128], buf[5000], number[32];
	_cleanup_strv_ struct strv nodes = {0};

	snprintf(s->address, sizeof(s->address), "%s", address);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver", address);
	s->driver = strdup(host_link_name(h, -1, path, buf, sizeof(buf)) < 0 ? "none" : buf);
	/* Nothing is stuck in the kernel when this is asked, so it does not block. */
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver_override", address);
	s->override = strdup(host_read_text(h, -1, path, buf, sizeof(buf)) < 0 ? "?" : buf);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/iommu_group", address);
	if (host_link_name(h, -1, path, number, sizeof(number)) >= 0) {
		snprintf(path, sizeof(path), "dev/vfio/%s", number);
		s->group_node = host_exists(h, path);
	}
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/vfio-dev", address);
	if (h->ops->list(h, -1, path, &nodes) == 0 && nodes.n) {
		snprintf(path, sizeof(path), "dev/vfio/devices/%.32s", nodes.items[0]);
		s->vfio_node = host_exists(h, path);
	}
	return s->driver && s->override ? 0 : -ENOMEM;
}

int snapshot_take(struct host *h, struct snapshot *ret)
{
	_cleanup_strv_ struct strv names = {0};
	struct snapshot s = {0};
	int r = h->ops->list(h, -1, "sys/bus/pci/devices", &names);

	if (r < 0)
		return r;
	strv_sort(&names);
	s.items = calloc(names.n + 1, sizeof(*s.items));
	if (!s.items)
		return -ENOMEM;
	for (; s.n < names.n; s.n++) {
		r = look(h, names.items[s.n], &s.items[s.n]);
		if (r < 0) {
			s.n++;
			snapshot_clear(&s);
			return r;
		}
	}
	*ret = s;
	return 0;
}

void snapshot_clear(struct snapshot *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->items[i].driver);
		free(s->items[i].override);
	}
	free(s->items);
	*s = (struct snapshot){0};
}

const struct function_state *snapshot_find(const struct snapshot *s, const char *address)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->items[i].address, address))
			return &s->items[i];
	return NULL;
}

static char *describe(const struct function_state *s)
{
	return str_format("driver=%s override=%s group-node=%s vfio-node=%s", s->driver,
			  s->override, s->group_node ? "yes" : "no", s->vfio_node ? "yes" : "no");
}

char *snapshot_difference(const struct snapshot *before, const struct snapshot *after)
{
	for (size_t i = 0; i < before->n; i++) {
		const struct function_state *b = &before->items[i];
		const struct function_state *a = snapshot_find(after, b->address);
		_cleanup_free_ char *was = describe(b), *is = a ? describe(a) : strdup("gone");

		if (!was || !is || !streq(was, is))
			return str_format("%s was %s, is %s", b->address, was ? was : "?",
					  is ? is : "?");
	}
	for (size_t i = 0; i < after->n; i++)
		if (!snapshot_find(before, after->items[i].address))
			return str_format("%s is new", after->items[i].address);
	return NULL;
}

int state_dump(struct runner *run)
{
	struct snapshot s;
	int r = snapshot_take(recorder_inner(run->host), &s);

	for (size_t i = 0; r == 0 && i < s.n; i++) {
		_cleanup_free_ char *text = describe(&s.items[i]);
		_cleanup_free_ char *name = roles_hide(&run->roles, s.items[i].address);

		if (!text || !name)
			r = -ENOMEM;
		else
			runner_note(run, "state %s %s", name, text);
	}
	if (r == 0)
		snapshot_clear(&s);
	return r;
}

static void put(struct host *h, const char *value, const char *fmt, const char *a)
{
	char path[256];

	/* fmt is one of the literals below. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(path, sizeof(path), fmt, a);
#pragma GCC diagnostic pop
	(void)h->ops->write(h, NULL, path, value, strlen(value));
}

void state_restore(struct runner *run)
{
	struct host *h = recorder_inner(run->host);
	struct snapshot now;

	if (snapshot_take(h, &now) < 0)
		return;
	for (size_t i = 0; i < run->start.n; i++) {
		const struct function_state *want = &run->start.items[i];
		const struct function_state *is = snapshot_find(&now, want->address);
		bool move = is && !streq(is->driver, want->driver);

		if (move && !streq(is->driver, "none"))
			put(h, want->address, "sys/bus/pci/drivers/%s/unbind", is->driver);
		if (is && !streq(is->override, want->override))
			put(h, streq(want->override, "(null)") ? "\n" : want->override,
			    "sys/bus/pci/devices/%s/driver_override", want->address);
		if (move && !streq(want->driver, "none"))
			put(h, want->address, "sys/bus/pci/drivers/%s/bind", want->driver);
	}
	snapshot_clear(&now);
}

void hide_instances(char *json)
{
	char *to = json;

	while (*json) {
		bool match = str_after(json, "nvme") || str_after(json, "eth");

		if (!match) {
			*to++ = *json++;
			continue;
		}
		while (islower((unsigned char)*json))
			*to++ = *json++;
		if (!isdigit((unsigned char)*json))
			continue;
		*to++ = 'N';
		while (isalnum((unsigned char)*json))
			json++;
	}
	*to = '\0';
}
