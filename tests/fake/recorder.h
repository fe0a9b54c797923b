/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FAKE_RECORDER_H
#define VFIOADM_FAKE_RECORDER_H

#include "host/host.h"

/*
 * Around any host: hands everything through and writes down what acts, one line each:
 *
 *   write sys/bus/pci/drivers/nvme/unbind "0000:01:00.0" = 0
 *   load vfio_pci "ids=1b36:0010" = EEXIST
 *   read sys/bus/pci/devices/0000:01:00.0/driver_override = "(null)\n"
 *
 * The same scenario on the model and on the kernel must leave the same lines.
 */
typedef void (*recorder_fn)(void *userdata, const char *line);

/** Owns inner from then on, also when it fails. */
int recorder_new(struct host *inner, recorder_fn fn, void *userdata, struct host **ret) MUST_CHECK;
struct host *recorder_inner(struct host *h);
/** "0", "ENODEV", "error 517" */
const char *result_name(int r, char buf[32]);

#endif
