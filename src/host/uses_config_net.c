/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interfaces that the host is set up to use, and does not use now. */
#include <fnmatch.h>
#include <strings.h>

#include "host/uses_config_net.h"
#include "host/uses_net.h"

int config_nic_add(struct config_nic *nic, const char *path, unsigned line)
{
	_cleanup_free_ char *place = NULL;
	size_t length = strlen(path);

	STRV_FOREACH (i, &nic->places) {
		const char *other = nic->places.items[i];

		if (other[0] == '/' && !strncmp(other + 1, path, length) && (!other[length + 1] || other[length + 1] == ':'))
			return 0;
	}
	place = line ? str_format("/%s:%u", path, line) : str_format("/%s", path);
	return place ? strv_add(&nic->places, place) : -ENOMEM;
}

bool config_nic_is(const struct config_nic *nic, const char *word)
{
	if (!*word)
		return false;
	if (nic->mac[0] && !strcasecmp(word, nic->mac))
		return true;
	return fnmatch(word, nic->name, 0) == 0;
}

int config_read(struct uses *u, const char *path, char **ret)
{
	const char *text;
	size_t size;
	int r = u->h->ops->map(u->h, path, &text, &size);

	*ret = NULL;
	if (r == -ENOMEM)
		return r;
	if (r == -EACCES || r == -EPERM)
		return uses_seen_in_part(u, -1, "Whether its interfaces are configured could not be read (/%s): %s.",
					 path, strerror(-r));
	if (r < 0)
		return 0;
	*ret = strdup(text);
	u->h->ops->unmap(u->h, text, size);
	return *ret ? 0 : -ENOMEM;
}

bool config_ini_next(struct config_ini *ini)
{
	char *line;

	while (ini->rest && *ini->rest) {
		size_t n = strcspn(ini->rest, "\n");
		char *equals;

		line = ini->rest;
		ini->rest += n + (line[n] == '\n');
		line[n] = '\0';
		ini->line++;
		line += strspn(line, " \t");
		str_rstrip(line);
		if (*line == '#' || *line == ';' || !*line)
			continue;
		if (*line == '[') {
			line[strcspn(line, "]")] = '\0';
			ini->section = line + 1;
			ini->key = ini->value = NULL;
			return true;
		}
		equals = strchr(line, '=');
		if (!equals)
			continue;
		*equals = '\0';
		ini->key = str_rstrip(line);
		ini->value = equals + 1 + strspn(equals + 1, " \t");
		return true;
	}
	return false;
}

/* ---- the search ---- */

static int read_nics(struct config_search *s, const struct net_ports *ports)
{
	s->items = calloc(ports->n + 1, sizeof(*s->items));
	if (!s->items)
		return -ENOMEM;
	for (size_t i = 0; i < ports->n; i++) {
		struct config_nic *nic = &s->items[s->n];
		char path[NAME_MAX + 32];

		/* Of one that is up there is more to be said than that it is configured. */
		if (net_may_be_up(s->u, ports->items[i].name))
			continue;
		*nic = (struct config_nic){ .function = ports->items[i].function, .name = ports->items[i].name };
		snprintf(path, sizeof(path), "sys/class/net/%s/address", nic->name);
		if (host_read_text(s->u->h, -1, path, nic->mac, sizeof(nic->mac)) < 0)
			nic->mac[0] = '\0';
		s->n++;
	}
	return 0;
}

static int add_places(struct config_search *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		struct config_nic *nic = &s->items[i];
		_cleanup_strbuf_ struct strbuf text = { 0 };

		STRV_FOREACH (k, &nic->places)
			strbuf_addf(&text, "%s%s", k ? ", " : "", nic->places.items[k]);
		if (text.failed)
			return -ENOMEM;
		if (text.s)
			r = uses_add(s->u, nic->function, "configured-net", nic->name,
				     "configured in %s, and down now", text.s);
	}
	return r;
}

int uses_config_net(struct uses *u)
{
	static int (*const kinds[])(struct config_search *s) = {
		config_ifupdown, config_word_files, config_netplan, config_network_manager, config_networkd,
		config_command_line,
	};
	struct config_search s = { .u = u };
	struct net_ports ports = { 0 };
	int r = net_any(u) ? net_ports_read(u, false, &ports) : 0;

	if (r == 0)
		r = read_nics(&s, &ports);
	for (size_t i = 0; r == 0 && s.n && i < ARRAY_SIZE(kinds); i++)
		r = kinds[i](&s);
	if (r == 0)
		r = add_places(&s);
	for (size_t i = 0; i < s.n; i++)
		strv_clear(&s.items[i].places);
	free(s.items);
	return r;
}
