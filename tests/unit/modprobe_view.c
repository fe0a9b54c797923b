/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the reader of modprobe.d finds below a root, in the words of "modprobe --showconfig", and what a module would be
 * loaded with, as "modprobe -n -v" prints it: for tests/roots/test_modprobe.py.
 */
#include <stdio.h>
#include <string.h>

#include "host/host.h"
#include "host/modprobe_conf.h"
#include "host/module_setup.h"
#include "host/modules.h"

static void show(const struct modprobe_conf *c)
{
	static const char *const words[] = { "alias", "options", "blacklist", "install", "remove", "softdep", "weakdep" };

	for (size_t i = 0; i < c->n; i++) {
		const struct modprobe_line *l = &c->lines[i];

		if (l->kind < ARRAY_SIZE(words))
			printf("%s %s%s%s\n", words[l->kind], l->name, *l->value ? " " : "", l->value);
	}
}

static int load(struct host *h, const char *module)
{
	_cleanup_module_setup_ struct module_setup s = { 0 };

	if (module_setup_read(h, module, &s) < 0)
		return 1;
	printf("%s\n", s.n_commands && streq(s.commands[0].module, module) ? s.commands[0].command : "insert");
	for (size_t i = 0; i < s.n; i++)
		printf("%s%s%s\n", s.parameters[i].name, s.parameters[i].value ? "=" : "",
		       s.parameters[i].value ? s.parameters[i].value : "");
	return 0;
}

int main(int argc, char **argv)
{
	const struct modprobe_conf *c;
	struct host *h;
	int r;

	if (argc < 2 || host_root_new(argv[1], &h, NULL) < 0)
		return 1;
	r = argc > 2 ? load(h, argv[2]) : modules_conf(h, &c) < 0;
	if (r == 0 && argc == 2)
		show(c);
	host_free(h);
	return r;
}
