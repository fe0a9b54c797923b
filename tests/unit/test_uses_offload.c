/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RDMA, vDPA, SMC and the auxiliary bus. */
#include <string.h>

#include "base/str.h"
#include "host/observe.h"
#include "tmp_tree.h"

#define NIC  "15b3 101d 15b3 0001 020000"
#define NVME "1b36 0010 1af4 1100 010802"
#define DEV0 "pci0000:00/0000:01:00.0"
#define DEV1 "pci0000:00/0000:02:00.0"
#define DISK "pci0000:00/0000:03:00.0"

static const char *smc_lines;
static int smc_error;
static unsigned n_smc_asked;

static int fake_smc(struct host *h, struct strv *ret)
{
	char text[512], *rest;

	n_smc_asked++;
	if (smc_error)
		return smc_error;
	snprintf(text, sizeof(text), "%s", smc_lines);
	*ret = (struct strv){ 0 };
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		assert_int_equal(strv_add(ret, line), 0);
	return 0;
}

static void look_for(struct tmp_tree *t, const char *only)
{
	bool wanted[8] = { false };
	const struct host_ops *real;
	struct host_ops ops;

	tmp_observe(t);
	real = t->host->ops;
	ops = *real;
	ops.smc_devices = smc_lines || smc_error ? fake_smc : NULL;
	t->host->ops = &ops;
	for (size_t i = 0; i < t->inv->n_functions; i++)
		wanted[i] = !only || streq(t->inv->functions[i].address, only);
	assert_int_equal(observe_uses(t->host, t->inv, wanted), 0);
	t->host->ops = real;
}

static void look(struct tmp_tree *t)
{
	look_for(t, NULL);
}

static const char *uses_of(struct tmp_tree *t, const char *address)
{
	const struct vfioadm_function *f = tmp_get(t, address);
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < f->n_users; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s: %s", i ? "\n" : "",
				      f->users[i]->code, f->users[i]->what, f->users[i]->why);
	return text;
}

#define assert_uses(t, address, text) assert_string_equal(uses_of(t, address), text)

static void process(struct tmp_tree *t, const char *pid, const char *comm, const char *node)
{
	char path[128], text[256];

	snprintf(path, sizeof(path), "proc/%s/stat", pid);
	snprintf(text, sizeof(text), "%s (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0\n", pid, comm);
	tmp_file(t, path, text);
	snprintf(path, sizeof(path), "proc/%s/fd/3", pid);
	tmp_link(t, path, node);
}

static int setup(void **state)
{
	struct tmp_tree *t;

	tmp_setup(state);
	t = *state;
	smc_lines = NULL;
	smc_error = 0;
	n_smc_asked = 0;
	tmp_function(t, DEV0, NIC, "mlx5_core", 1);
	tmp_function(t, DEV1, NIC, "mlx5_core", 2);
	tmp_function(t, DISK, NVME, "nvme", 3);
	tmp_class(t, "net", DEV0 "/net", "eth0");
	tmp_class(t, "net", DEV1 "/net", "eth1");
	tmp_file(t, "sys/class/net/eth0/flags", "0x1002\n");
	tmp_file(t, "sys/class/net/eth1/flags", "0x1002\n");
	tmp_file(t, "proc/self/mountinfo", "");
	process(t, "1", "init", "pipe:[1]");
	return 0;
}

static void add_rdma(struct tmp_tree *t, const char *place, const char *name, const char *node,
		     const char *number)
{
	char path[512], where[256];

	snprintf(where, sizeof(where), "%s/infiniband", place);
	tmp_class(t, "infiniband", where, name);
	snprintf(where, sizeof(where), "%s/infiniband_verbs", place);
	tmp_class(t, "infiniband_verbs", where, node);
	snprintf(path, sizeof(path), "sys/class/infiniband_verbs/%s/ibdev", node);
	tmp_file(t, path, name);
	snprintf(path, sizeof(path), "sys/class/infiniband_verbs/%s/dev", node);
	tmp_file(t, path, number);
}

static void test_rdma(void **state)
{
	struct tmp_tree *t = *state;

	add_rdma(t, DEV0, "mlx5_0", "uverbs0", "231:192\n");
	add_rdma(t, DEV1, "mlx5_1", "uverbs1", "231:193\n");
	tmp_file(t, "sys/class/infiniband_verbs/abi_version", "6\n");
	look(t);
	assert_uses(t, "0000:01:00.0", "");
	process(t, "70", "ib_write_bw", "/dev/infiniband/uverbs1");
	process(t, "71", "other", "/dev/infiniband/uverbs1");
	process(t, "72", "daemon", "/dev/infiniband/rdma_cm");
	look(t);
	assert_uses(t, "0000:01:00.0", "");
	assert_uses(t, "0000:02:00.0",
		    "in-use-rdma ib_write_bw (pid 70): has the RDMA device mlx5_1 open (uverbs1)\n"
		    "in-use-rdma other (pid 71): has the RDMA device mlx5_1 open (uverbs1)");
}

/* RDMA in software over one of the interfaces. */
static void test_soft_rdma(void **state)
{
	struct tmp_tree *t = *state;

	add_rdma(t, "virtual", "rxe0", "uverbs0", "231:192\n");
	tmp_file(t, "sys/class/infiniband/rxe0/parent", "eth1\n");
	process(t, "70", "ib_write_bw", "/dev/infiniband/uverbs0");
	look(t);
	assert_uses(t, "0000:01:00.0", "");
	assert_uses(t, "0000:02:00.0",
		    "in-use-rdma ib_write_bw (pid 70): has the RDMA device rxe0 open (uverbs0)");
	tmp_file(t, "sys/class/infiniband/rxe0/parent", "../../evil\n");
	look(t);
	assert_uses(t, "0000:02:00.0", "");
}

static void add_vdpa(struct tmp_tree *t, const char *name, const char *driver)
{
	char path[256], target[256];

	snprintf(path, sizeof(path), "sys/devices/" DEV0 "/%s", name);
	tmp_dir(t, path);
	snprintf(path, sizeof(path), "sys/bus/vdpa/devices/%s", name);
	snprintf(target, sizeof(target), "../../../devices/" DEV0 "/%s", name);
	tmp_link(t, path, target);
	if (!driver)
		return;
	snprintf(path, sizeof(path), "sys/devices/" DEV0 "/%s/driver", name);
	snprintf(target, sizeof(target), "../../../../bus/vdpa/drivers/%s", driver);
	tmp_link(t, path, target);
}

static void test_vdpa(void **state)
{
	struct tmp_tree *t = *state;

	add_vdpa(t, "vdpa0", "vhost_vdpa");
	add_vdpa(t, "vdpa1", "virtio_vdpa");
	add_vdpa(t, "vdpa2", NULL);
	tmp_file(t, "sys/devices/" DEV0 "/vdpa0/vhost-vdpa-0/dev", "511:0\n");
	look(t);
	assert_uses(t, "0000:01:00.0",
		    "in-use-vdpa vdpa0: is a vDPA device of it, bound to vhost_vdpa\n"
		    "in-use-vdpa vdpa1: is a vDPA device of it that the host drives\n"
		    "in-use-vdpa vdpa2: is a vDPA device of it, without a driver");
	assert_uses(t, "0000:02:00.0", "");
	/* Nodes without a class are known by their directory only; this root has the node itself. */
	tmp_class(t, "vhost-vdpa", DEV0 "/vdpa0", "vhost-vdpa-0");
	process(t, "70", "qemu", "/dev/vhost-vdpa-0");
	look(t);
	assert_non_null(strstr(uses_of(t, "0000:01:00.0"),
			       "in-use-vdpa qemu (pid 70): has the vDPA device vdpa0 open (vhost-vdpa-0)"));
	assert_null(strstr(uses_of(t, "0000:01:00.0"), "bound to vhost_vdpa"));
}

static void add_auxiliary(struct tmp_tree *t, const char *place, const char *name, const char *driver)
{
	char path[512], target[512];

	snprintf(path, sizeof(path), "sys/devices/%s/%s", place, name);
	tmp_dir(t, path);
	snprintf(path, sizeof(path), "sys/bus/auxiliary/devices/%s", name);
	snprintf(target, sizeof(target), "../../../devices/%s/%s", place, name);
	tmp_link(t, path, target);
	if (!driver)
		return;
	snprintf(path, sizeof(path), "sys/devices/%s/%s/driver", place, name);
	snprintf(target, sizeof(target), "../../../../bus/auxiliary/drivers/%s", driver);
	tmp_link(t, path, target);
}

static void test_auxiliary(void **state)
{
	struct tmp_tree *t = *state;

	add_auxiliary(t, DEV0, "mlx5_core.eth.0", "mlx5_core.eth");
	add_auxiliary(t, DEV0, "mlx5_core.rdma.0", "mlx5_ib.rdma");
	add_auxiliary(t, DEV0, "mlx5_core.vnet.0", NULL);
	add_auxiliary(t, DEV1, "mlx5_core.eth.1", "mlx5_core.eth");
	add_auxiliary(t, DEV1, "mlx5_core.eth.2", "mlx5_core.eth");
	add_auxiliary(t, "virtual", "elsewhere.0", "x");
	/* Other kinds of functions have them as well. */
	add_auxiliary(t, DISK, "odd.0", "odd");
	look(t);
	assert_uses(t, "0000:01:00.0",
		    "auxiliary mlx5_core.eth, mlx5_ib.rdma: stand on its driver (auxiliary bus)");
	assert_uses(t, "0000:02:00.0", "auxiliary mlx5_core.eth: stands on its driver (auxiliary bus)");
	assert_uses(t, "0000:03:00.0", "auxiliary odd: stands on its driver (auxiliary bus)");
}

static void test_smc(void **state)
{
	struct tmp_tree *t = *state;

	smc_lines = "0000:01:00.0 3\n0000:02:00.0 0\n0000:77:00.0 9\nnonsense\n";
	look(t);
	assert_uses(t, "0000:01:00.0", "in-use-smc SMC: has 3 link groups through it");
	assert_uses(t, "0000:02:00.0", "");
	smc_lines = "0000:02:00.0 1\n";
	look(t);
	assert_uses(t, "0000:02:00.0", "in-use-smc SMC: has 1 link group through it");
	/* Not for a disk. */
	n_smc_asked = 0;
	look_for(t, "0000:03:00.0");
	assert_int_equal(n_smc_asked, 0);
}

static void test_smc_without_an_answer(void **state)
{
	struct tmp_tree *t = *state;
	const struct vfioadm_list *unseen;

	smc_error = -EOPNOTSUPP;
	look(t);
	unseen = &tmp_get(t, "0000:01:00.0")->unseen;
	assert_int_equal(unseen->state, VFIOADM_NONE);
	smc_error = -ETIMEDOUT;
	look(t);
	unseen = &tmp_get(t, "0000:01:00.0")->unseen;
	assert_int_equal(unseen->n, 1);
	assert_non_null(strstr(unseen->items[0], "SMC"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rdma),      TEST(test_soft_rdma), TEST(test_vdpa),
		TEST(test_auxiliary), TEST(test_smc),	    TEST(test_smc_without_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
