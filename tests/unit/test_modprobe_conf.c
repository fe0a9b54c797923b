/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modprobe.d and the kernel command line, and what they mean for a module. */
#include <string.h>

#include "host/modprobe_conf.h"
#include "host/module_setup.h"
#include "host/modules.h"
#include "tmp_tree.h"

#define INDEX "lib/modules/6.1.0/"

static const char *const kinds[] = { "alias",  "options", "blacklist", "install",
				     "remove", "softdep", "weakdep",   "kernel" };

static void assert_lines(const struct modprobe_conf *c, const char *expected)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	for (size_t i = 0; i < c->n; i++)
		strbuf_addf(&text, "%s %s|%s|%s\n", kinds[c->lines[i].kind], c->lines[i].name, c->lines[i].value,
			    c->lines[i].source);
	assert_string_equal(text.s ? text.s : "", expected);
}

static void assert_file(const char *text, size_t size, const char *expected)
{
	_cleanup_modprobe_conf_ struct modprobe_conf c = { 0 };

	assert_int_equal(modprobe_conf_parse(&c, "f", text, size), 0);
	assert_lines(&c, expected);
}

static void test_lines(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "blacklist snd-hda-intel more", "blacklist snd_hda_intel||/f:1\n" },
		{ "blacklist", "" },
		{ "blacklists x", "" },
		{ "options vfio-pci\tids=1:2\tx=1 ", "options vfio_pci|ids=1:2 x=1 |/f:1\n" },
		{ "options vfio-pci", "" },
		{ "options vfio-pci ", "" },
		{ "options vfio-pci  ", "options vfio_pci| |/f:1\n" },
		{ "options a b # c", "options a|b # c|/f:1\n" },
		{ "#options a b\n # options a b\noptions c d", "options c|d|/f:3\n" },
		{ "# c \\\noptions a b\noptions c d", "options c|d|/f:3\n" },
		{ "options a b\\\nc\\\nd\noptions e f", "options a|bcd|/f:1\noptions e|f|/f:4\n" },
		{ "install a b\\c\\\\d\\", "install a|bc\\d|/f:1\n" },
		{ "install vfio-[0-9]-x /bin/true", "install vfio_[0-9]_x|/bin/true|/f:1\n" },
		{ "install vfio-[0-9 /bin/true\ninstall a] b", "" },
		{ "alias pci:v1-* vfio-pci x", "alias pci:v1_*|vfio_pci|/f:1\n" },
		{ "alias a", "" },
		{ "remove a b c\nsoftdep a-b pre: c-d\nweakdep a b", "remove a|b c|/f:1\nsoftdep a_b|pre: c-d|/f:2\n"
								     "weakdep a|b|/f:3\n" },
		{ "blacklist nvme\r\n", "blacklist nvme\r||/f:1\n" },
		{ "include x\nconfig y\nOPTIONS a b", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_file(rows[i].text, strlen(rows[i].text), rows[i].expected);
	/* getline() of kmod goes on, its strtok() does not. */
	assert_file("options a b\0c\nblacklist d", 25, "options a|b|/f:1\nblacklist d||/f:2\n");
}

static void test_command_line(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "root=/dev/x.y quiet", "" },
		{ "vfio-pci.ids=1:2", "options vfio_pci|ids=1:2|/proc/cmdline\n" },
		{ "a.b", "options a|b|/proc/cmdline\n" },
		{ "a.b.c=1", "" },
		{ "a.b=c.d=e", "options a|b=c.d=e|/proc/cmdline\n" },
		{ "a.b=\"c d\" e", "options a|b=\"c d\"|/proc/cmdline\n" },
		{ "\"a.b=c d\" e.f=1", "options a|b=\"c d\"|/proc/cmdline\noptions e|f=1|/proc/cmdline\n" },
		{ "a\"b.c=1 d.e=\"f", "" },
		{ "-- a.b=1\n", "options a|b=1|/proc/cmdline\n" },
		{ "modprobe.blacklist=vfio-pci,nvme,", "blacklist vfio-pci||/proc/cmdline\n"
							"blacklist nvme||/proc/cmdline\n"
							"blacklist ||/proc/cmdline\n" },
		{ "module_blacklist=a,b-c module-blacklist=d,e -- module_blacklist=f",
		  "kernel d||/proc/cmdline\nkernel e||/proc/cmdline\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_modprobe_conf_ struct modprobe_conf c = { 0 };

		assert_int_equal(modprobe_conf_parse_command_line(&c, rows[i].text), 0);
		assert_lines(&c, rows[i].expected);
	}
}

static void test_parameters(void **state)
{
	char text[] = " a=1 \"b=c d\" e=\"f g\" =h i= --  \"j\" k=\"l";
	char *rest = text, *name, *value;
	static const char *const expected[][2] = { { "a", "1" },   { "b", "c d" }, { "e", "f g" }, { "=h", NULL },
						   { "i", "" },    { "--", NULL }, { "j", NULL },  { "k", "l" } };

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_true(modprobe_next_parameter(&rest, &name, &value));
		assert_string_equal(name, expected[i][0]);
		assert_true(streq_null(value, expected[i][1]));
	}
	assert_false(modprobe_next_parameter(&rest, &name, &value));
}

static void test_commands_that_forbid(void **state)
{
	static const char *const forbid[] = { "/bin/true", "/bin/false", "true", ":", "exit 1", "/bin/true; /bin/false",
					      "echo \"not here\" >&2; exit 1", "/usr/bin/logger no && false", "{ :; }" },
				 *const run[] = { "/usr/bin/x.sh", "modprobe -i vfio-pci", "/bin/true; /sbin/modprobe -i x",
						  "echo vfio-pci > $OVERRIDE", "echo `x`", "/bin/sh -c true" };

	for (size_t i = 0; i < ARRAY_SIZE(forbid); i++)
		if (!module_command_forbids(forbid[i]))
			fail_msg("%s", forbid[i]);
	for (size_t i = 0; i < ARRAY_SIZE(run); i++)
		if (module_command_forbids(run[i]))
			fail_msg("%s", run[i]);
}

static void put_index(struct tmp_tree *t)
{
	tmp_file(t, INDEX "modules.alias", "alias pci:v00008086d*sv*sd*bc*sc*i* e1000e\n");
	tmp_file(t, INDEX "modules.dep",
		 "kernel/vfio.ko.xz:\nkernel/vfio-pci-core.ko.xz: kernel/vfio.ko.xz\n"
		 "kernel/vfio-pci.ko.xz: kernel/vfio-pci-core.ko.xz kernel/vfio.ko.xz\nkernel/e1000e.ko:\n"
		 "kernel/vfio_iommu_type1.ko: kernel/vfio.ko.xz\n");
	tmp_file(t, INDEX "modules.softdep", "softdep vfio post: vfio_iommu_type1 vfio_iommu_spapr_tce\n");
}

static void test_setup(void **state)
{
	_cleanup_module_setup_ struct module_setup s = { 0 };
	struct tmp_tree *t = *state;

	put_index(t);
	tmp_file(t, "etc/modprobe.d/a.conf", "options vfio-pci ids=\"1:2 3:4\" disable_vga\n"
					     "softdep vfio-pci pre: e1000e\ninstall vfio_pci_core /x\n");
	tmp_file(t, "proc/cmdline", "modprobe.blacklist=vfio_pci vfio_pci.disable_vga=0\n");
	assert_int_equal(module_setup_read(tmp_open(t), "vfio-pci", &s), 0);
	assert_false(s.builtin);
	assert_null(s.trouble);
	assert_string_equal(module_setup_find(&s, "ids")->value, "1:2 3:4");
	assert_string_equal(module_setup_find(&s, "ids")->source, "/etc/modprobe.d/a.conf:1");
	assert_string_equal(module_setup_find(&s, "disable-vga")->value, "0");
	assert_string_equal(module_setup_find(&s, "disable_vga")->source, "/proc/cmdline");
	assert_string_equal(s.blacklist, "/proc/cmdline");
	assert_int_equal(s.n_commands, 1);
	assert_string_equal(s.commands[0].module, "vfio_pci_core");
	assert_string_equal(s.commands[0].source, "/etc/modprobe.d/a.conf:3");
	/* e1000e would take functions; vfio_iommu_type1 would not. */
	assert_int_equal(s.n_soft, 1);
	assert_string_equal(s.soft[0].module, "e1000e");
}

static void assert_soft(struct tmp_tree *t, const char *module, const char *left_out, const char *source)
{
	_cleanup_module_setup_ struct module_setup s = { 0 };

	assert_int_equal(module_setup_read(tmp_open(t), module, &s), 0);
	assert_int_equal(s.n_soft, left_out ? 1 : 0);
	if (left_out) {
		assert_string_equal(s.soft[0].module, left_out);
		assert_string_equal(s.soft[0].source, source);
	}
}

/* What drives no function itself may need, and so bring, what does. */
static void test_soft_brings(void **state)
{
	struct tmp_tree *t = *state;

	put_index(t);
	tmp_file(t, INDEX "modules.dep", "kernel/vfio.ko:\nkernel/vfio-pci.ko: kernel/vfio.ko\nkernel/e1000e.ko:\n"
					 "kernel/rdma.ko: kernel/e1000e.ko\nkernel/quiet.ko: kernel/vfio.ko\n");
	tmp_file(t, "etc/modprobe.d/a.conf", "softdep vfio-pci pre: rdma\n");
	assert_soft(t, "vfio_pci", "rdma", "/etc/modprobe.d/a.conf:1");
	/* The one that asks is there by then, as is what it needs. */
	tmp_file(t, "etc/modprobe.d/a.conf", "softdep e1000e post: rdma\n");
	assert_soft(t, "e1000e", NULL, NULL);
	/* A command of what it needs. */
	tmp_file(t, "etc/modprobe.d/a.conf", "softdep e1000e pre: quiet\ninstall vfio /x\n");
	assert_soft(t, "e1000e", "quiet", "/etc/modprobe.d/a.conf:2");
	/* Nothing is taken by what is loaded. */
	tmp_dir(t, "sys/module/vfio");
	assert_soft(t, "e1000e", NULL, NULL);
}

/* What is loaded along brings its own soft dependencies, and so does what either needs. */
static void test_soft_of_soft(void **state)
{
	static const struct {
		const char *conf, *soft, *of;
		unsigned line;
	} t[] = {
		{ "softdep vfio-pci pre: quiet\nsoftdep quiet post: e1000e\n", "e1000e", "quiet", 2 },
		{ "softdep vfio-pci post: rdma-core\nsoftdep helper pre: e1000e\n", "e1000e", "helper", 2 },
		{ "softdep vfio pre: c\nsoftdep c pre: a\nsoftdep a pre: b\nsoftdep b pre: e1000e\n", "e1000e", "b", 4 },
		/* The loader goes no farther. */
		{ "softdep vfio-pci pre: quiet\nsoftdep quiet pre: a\nsoftdep a pre: b\nsoftdep b pre: c\n"
		  "softdep c pre: e1000e\n", NULL, NULL, 0 },
		/* Each other's. */
		{ "softdep vfio-pci pre: a\nsoftdep a pre: b\nsoftdep b pre: a\n", NULL, NULL, 0 },
		/* By two ways, told of once. */
		{ "softdep vfio-pci pre: a b\nsoftdep a pre: e1000e\nsoftdep b pre: e1000e\n", "e1000e", "a", 2 },
		/* What is left out brings nothing. */
		{ "softdep vfio-pci pre: a\ninstall a /x\nsoftdep a pre: b\n", "a", "vfio_pci", 2 },
		{ "softdep vfio-pci pre: a\nsoftdep a pre: b\ninstall b /x\n", "b", "a", 3 },
		/* Loaded by then is what the first one needs; the first one itself only for what comes after it. */
		{ "softdep vfio-pci pre: a\nsoftdep a pre: quiet\ninstall vfio /x\n", NULL, NULL, 0 },
		{ "softdep vfio-pci pre: user\n", "user", "vfio_pci", 1 },
		{ "softdep vfio-pci post: user\n", NULL, NULL, 0 },
	};
	struct tmp_tree *tree = *state;

	put_index(tree);
	tmp_file(tree, INDEX "modules.dep", "kernel/vfio.ko:\nkernel/vfio-pci.ko: kernel/vfio.ko\nkernel/e1000e.ko:\n"
					    "kernel/helper.ko:\nkernel/rdma-core.ko: kernel/helper.ko\n"
					    "kernel/user.ko: kernel/vfio-pci.ko kernel/vfio.ko\n"
					    "kernel/quiet.ko: kernel/vfio.ko\nkernel/a.ko:\nkernel/b.ko:\nkernel/c.ko:\n");
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		_cleanup_module_setup_ struct module_setup s = { 0 };
		char source[64];

		tmp_file(tree, "etc/modprobe.d/a.conf", t[i].conf);
		assert_int_equal(module_setup_read(tmp_open(tree), "vfio_pci", &s), 0);
		if (s.n_soft != (t[i].soft != NULL))
			fail_msg("%zu are left out by: %s", s.n_soft, t[i].conf);
		if (!t[i].soft)
			continue;
		snprintf(source, sizeof(source), "/etc/modprobe.d/a.conf:%u", t[i].line);
		assert_string_equal(s.soft[0].module, t[i].soft);
		assert_string_equal(s.soft[0].of, t[i].of);
		assert_string_equal(s.soft[0].source, source);
	}
}

static void assert_trouble(struct tmp_tree *t, const char *module, const char *trouble)
{
	_cleanup_module_setup_ struct module_setup s = { 0 };

	assert_int_equal(module_setup_read(tmp_open(t), module, &s), 0);
	if (trouble)
		assert_string_equal(s.trouble, trouble);
	else
		assert_null(s.trouble);
}

static void test_trouble(void **state)
{
	struct tmp_tree *t = *state;

	put_index(t);
	tmp_file(t, "proc/cmdline", "module_blacklist=vfio,e1000e-x\n");
	assert_trouble(t, "vfio-pci", "module_blacklist= on the kernel command line names vfio, so the kernel refuses to "
				      "load it");
	assert_trouble(t, "e1000e", NULL);
	tmp_file(t, "etc/modprobe.d/a.conf", "install e1000* /bin/true\ninstall e1000e /usr/bin/x\n");
	assert_trouble(t, "e1000e", "/etc/modprobe.d/a.conf:1 says \"install e1000e /bin/true\", which loads nothing");
	/* libkmod runs no command of a module with soft dependencies. */
	tmp_file(t, "etc/modprobe.d/b.conf", "softdep e1000e pre: vfio_iommu_type1\n");
	assert_trouble(t, "e1000e", NULL);
	tmp_file(t, "etc/modprobe.d/b.conf", "softdep e1000e pre: not-there\n");
	assert_trouble(t, "e1000e", "/etc/modprobe.d/a.conf:1 says \"install e1000e /bin/true\", which loads nothing");
	tmp_dir(t, "sys/module/e1000e");
	assert_trouble(t, "e1000e", NULL);
}

static void assert_lookup(struct tmp_tree *t, const char *expected, const char *left_out, const char *source)
{
	static const char text[] = "pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i00";
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ char *module = NULL;
	const char *from = NULL;
	struct host *h = tmp_open(t);

	assert_int_equal(modules_lookup(h, text, &names), 0);
	assert_int_equal(names.n, *expected ? 1 : 0);
	if (names.n)
		assert_string_equal(names.items[0], expected);
	assert_int_equal(modules_left_out(h, text, &module, &from), left_out ? 0 : -ENOENT);
	if (left_out) {
		assert_string_equal(module, left_out);
		assert_string_equal(from, source);
	}
}

static void test_left_out(void **state)
{
	struct tmp_tree *t = *state;

	put_index(t);
	assert_lookup(t, "e1000e", NULL, NULL);
	tmp_file(t, "proc/cmdline", "modprobe.blacklist=x,e1000e\n");
	assert_lookup(t, "", "e1000e", "/proc/cmdline");
	tmp_file(t, "proc/cmdline", "\n");
	tmp_file(t, "etc/modprobe.d/a.conf", "alias pci:v00008086* off\n");
	assert_lookup(t, "", "e1000e", "/etc/modprobe.d/a.conf:1");
	tmp_file(t, "etc/modprobe.d/a.conf", "alias pci:v00008086* vfio-pci\n");
	assert_lookup(t, "vfio_pci", "e1000e", "/etc/modprobe.d/a.conf:1");
	tmp_file(t, "etc/modprobe.d/a.conf", "alias pci:v00008086* e1000e\n");
	assert_lookup(t, "e1000e", NULL, NULL);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_commands_that_forbid),
		T(test_setup),
		T(test_soft_brings),
		T(test_soft_of_soft),
		T(test_trouble),
		T(test_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
