// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libkmod.h>

#include "tool.h"

#define NAME	"msgpass"

bool module_is_loaded(void)
{
	return !access("/sys/module/" NAME, F_OK);
}

/* libkmod returns negative errno values. */
static int module_failure(const char *what, int err)
{
	errno = -err;
	if (errno == EPERM)
		warnx("%s: you must be root", what);
	else if (errno == ENOEXEC)
		warnx("%s: not a module for this kernel", what);
	else
		warn("%s", what);
	return EXIT_FAILURE;
}

static struct kmod_ctx *open_kmod(void)
{
	struct kmod_ctx *kmod = kmod_new(NULL, NULL);

	if (kmod)
		/* What goes wrong is told here, once. */
		kmod_set_log_priority(kmod, -1);
	else
		warnx("libkmod: cannot be used");
	return kmod;
}

/* Whatever the file is called, it must be this module and no other. */
static bool is_msgpass(const struct kmod_module *module)
{
	struct kmod_list *info = NULL, *entry;
	bool found = false;

	if (kmod_module_get_info(module, &info) < 0)
		return false;
	kmod_list_foreach(entry, info) {
		if (!strcmp(kmod_module_info_get_key(entry), "name") &&
		    !strcmp(kmod_module_info_get_value(entry), NAME))
			found = true;
	}
	kmod_module_info_free_list(info);
	return found;
}

static int load_file(struct kmod_ctx *kmod, const char *path)
{
	struct kmod_module *module;
	int err;

	/* For a file that is not there libkmod has other reasons, too. */
	if (access(path, R_OK))
		return module_failure(path, -errno);
	err = kmod_module_new_from_path(kmod, path, &module);
	if (err < 0)
		return module_failure(path, err);
	if (!is_msgpass(module)) {
		warnx("%s: not the module " NAME, path);
		kmod_module_unref(module);
		return EXIT_FAILURE;
	}
	err = kmod_module_insert_module(module, 0, NULL);
	kmod_module_unref(module);
	return err < 0 && err != -EEXIST ? module_failure(path, err) : EXIT_SUCCESS;
}

static int load_installed(struct kmod_ctx *kmod)
{
	struct kmod_list *list = NULL;
	struct kmod_module *module;
	int err;

	err = kmod_module_new_from_lookup(kmod, NAME, &list);
	if (err < 0 || !list) {
		warnx("no module " NAME " is installed for this kernel");
		return EXIT_FAILURE;
	}
	module = kmod_module_get_module(list);
	err = kmod_module_probe_insert_module(module, KMOD_PROBE_IGNORE_COMMAND,
					      NULL, NULL, NULL, NULL);
	kmod_module_unref(module);
	kmod_module_unref_list(list);
	return err < 0 && err != -EEXIST ? module_failure("module " NAME, err) :
		EXIT_SUCCESS;
}

int command_load(const struct arguments *arguments)
{
	const char *path = arguments->operands[0];
	struct kmod_ctx *kmod;
	int code;

	if (module_is_loaded()) {
		puts("the module is already loaded");
		return EXIT_SUCCESS;
	}
	kmod = open_kmod();
	if (!kmod)
		return EXIT_FAILURE;
	code = path ? load_file(kmod, path) : load_installed(kmod);
	kmod_unref(kmod);
	return code;
}

static int unload(struct kmod_ctx *kmod)
{
	struct kmod_module *module;
	int err;

	err = kmod_module_new_from_name(kmod, NAME, &module);
	if (err < 0)
		return module_failure("module " NAME, err);
	err = kmod_module_remove_module(module, KMOD_REMOVE_NOLOG);
	kmod_module_unref(module);
	if (err == -EAGAIN || err == -EBUSY) {
		warnx("the module is in use: by a name, a descriptor, or a message in an inbox");
		return EXIT_FAILURE;
	}
	return err < 0 && err != -ENOENT ? module_failure("module " NAME, err) :
		EXIT_SUCCESS;
}

int command_unload(const struct arguments *arguments)
{
	struct kmod_ctx *kmod;
	int code;

	(void)arguments;
	if (!module_is_loaded()) {
		puts("the module is not loaded");
		return EXIT_SUCCESS;
	}
	kmod = open_kmod();
	if (!kmod)
		return EXIT_FAILURE;
	code = unload(kmod);
	kmod_unref(kmod);
	return code;
}
