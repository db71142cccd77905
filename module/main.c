// SPDX-License-Identifier: GPL-2.0-only
/*
 * msgpass: message passing between processes. Registration only; mailbox.h
 * tells what the module is about, <linux/msgpass.h> what it offers.
 */
#include <linux/init.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "endpoint.h"
#include "limit.h"
#include "link.h"
#include "message.h"
#include "name.h"
#include "process.h"
#include "spare.h"

static struct miscdevice msgpass_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "msgpass",
	.fops	= &msgpass_device_fops,
	.mode	= 0666,
};

static int __init msgpass_init(void)
{
	int err;

	err = msgpass_message_init();
	if (err)
		return err;
	err = msgpass_limit_init();
	if (err)
		goto exit_message;
	err = msgpass_link_init();
	if (err)
		goto exit_limit;
	err = msgpass_process_init();
	if (err)
		goto exit_link;
	err = misc_register(&msgpass_device);
	if (err)
		goto exit_process;
	return 0;

exit_process:
	msgpass_process_exit();
exit_link:
	msgpass_link_exit();
exit_limit:
	msgpass_limit_exit();
exit_message:
	msgpass_message_exit();
	return err;
}

static void __exit msgpass_exit(void)
{
	misc_deregister(&msgpass_device);
	msgpass_process_exit();
	msgpass_link_exit();
	msgpass_name_exit();
	msgpass_spare_exit();
	msgpass_limit_exit();
	msgpass_message_exit();
}

module_init(msgpass_init);
module_exit(msgpass_exit);

MODULE_DESCRIPTION("Message passing between processes");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
