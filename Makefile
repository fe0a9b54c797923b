# SPDX-License-Identifier: LGPL-2.1-or-later
# The front door. The build itself is Meson's; 'make help' lists what there is.

ARCH ?= x86_64
PREFIX ?= /usr/local
BUILD ?= build
DESTDIR ?=
# What 'make shell' boots; of the kernels of the tests it needs no other.
KERNEL_x86_64 = debian-6.12
KERNEL_s390x = s390x-6.12

.DEFAULT_GOAL := build
.PHONY: help setup build install demo shell test test-long bench mutants clean

help:
	@echo 'make demo  [ARCH=s390x]  show the main job in an emulated guest (installs what it needs)'
	@echo 'make shell [ARCH=s390x]  boot the same guest and get its prompt'
	@echo 'make test                all tests (installs what it needs, about 40 minutes)'
	@echo 'make test-long           what takes longer than its share of that'
	@echo 'make build               build in $(BUILD)/'
	@echo 'make install             install (PREFIX=$(PREFIX), DESTDIR=$(DESTDIR))'
	@echo 'make bench               measure against other tools, in a guest'
	@echo 'make mutants             break the code on purpose and see the tests notice'

setup:
	@scripts/setup build

build: setup
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --prefix=$(PREFIX)
	@ninja -C $(BUILD)

# ldconfig, so that the loader finds the library at once; without root it cannot, and that is no failure.
install:
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) --prefix=$(PREFIX)
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	meson install -C $(BUILD) $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))
	@$(if $(DESTDIR),,ldconfig 2>/dev/null || true)

demo:
	@scripts/demo $(ARCH)

shell:
	@KERNEL=$(or $(KERNEL),$(KERNEL_$(ARCH))) scripts/build-for-guest $(ARCH)
	@scripts/guest-shell --arch $(ARCH) $(if $(KERNEL),--kernel $(KERNEL)) \
		$(if $(LINEUP),--lineup $(LINEUP)) $(if $(APPEND),--append '$(APPEND)') \
		--build build-guest-$(ARCH)

test:
	@tests/run

test-long:
	@tests/run --long

bench:
	@tests/bench/run

mutants:
	@tests/mutants/run

clean:
	rm -rf build build-*
