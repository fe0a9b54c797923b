/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * List the functions that could be given to a guest, and print what assigning the first would do.
 * Build: cc example.c -o example $(pkg-config --cflags --libs libvfioadm)
 */
#include <stdio.h>
#include <vfioadm.h>

static struct vfioadm_inventory *inventory;
static struct vfioadm_ctx *ctx;

static int end(bool failed, struct vfioadm_error *error)
{
	int status = failed ? vfioadm_error_exit(error) : 0;

	if (error)
		fprintf(stderr, "%s\n", vfioadm_error_message(error));
	vfioadm_error_free(error);
	vfioadm_inventory_free(inventory);
	vfioadm_ctx_unref(ctx);
	return status;
}

int main(int argc, char **argv)
{
	struct vfioadm_options options = {.size = sizeof(options), .dry_run = true};
	struct vfioadm_error *error = NULL;
	const char *first = NULL;
	struct vfioadm_plan *plan;

	if (vfioadm_ctx_new(&ctx) < 0)
		return 1;
	if (argc > 1 && vfioadm_ctx_set_sysroot(ctx, argv[1], &error) < 0)
		return end(true, error);
	if (vfioadm_observe(ctx, VFIOADM_FACET_BASIC, &inventory, &error) < 0)
		return end(true, error);
	for (size_t i = 0; i < vfioadm_inventory_n_functions(inventory); i++) {
		const struct vfioadm_function *f = vfioadm_inventory_function(inventory, i);

		if (f->verdict != VFIOADM_VERDICT_ASSIGNABLE)
			continue;
		printf("%s is assignable\n", f->address);
		first = first ? first : f->address;
	}
	if (first && vfioadm_plan_assign(ctx, &first, 1, &options, &plan, &error) < 0)
		return end(true, error);
	for (size_t i = 0; first && i < vfioadm_plan_n_steps(plan); i++)
		printf("would: %s\n", vfioadm_plan_step(plan, i)->text);
	if (first)
		vfioadm_plan_free(plan);
	return end(false, NULL);
}
