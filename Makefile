# SPDX-License-Identifier: GPL-2.0-only
#
# What people type. What kbuild reads is in Kbuild; the work is done in scripts/.

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
DESTDIR ?=
INSTALL_MOD_PATH ?= $(DESTDIR)

# What the scripts read. An own kernel needs the build folder that somebody names: not the default.
export ACCEL CPUS FILE KERNEL MEMORY PLANTED SEED STEP TEST TIME TIMEOUT V W
ifneq ($(origin KDIR),file)
export KDIR
endif

vm_targets := bench bench-check bench-profile demo check check-all check-debug check-small coverage fuzz vm

.PHONY: all headers module userlib install modules_install $(vm_targets) bench-native lint model clean distclean help

all: headers
	$(MAKE) module userlib

headers:
	@scripts/headers "$(KDIR)"

module: headers
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

userlib:
	$(MAKE) -C userlib

install:
	$(MAKE) -C userlib install DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)"

modules_install: module
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH="$(INSTALL_MOD_PATH)" modules_install

$(vm_targets) bench-native lint model clean distclean help:
	@scripts/$@
