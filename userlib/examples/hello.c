// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include <msgpass.h>

int main(void)
{
	struct msgpass_attributes attributes = { .capacity = 10, .mode = 0600 };
	struct msgpass_info info;
	struct msgpass *mailbox;
	char text[64];
	int failed;

	mailbox = msgpass_create("hello", &attributes, MSGPASS_ACCESS_BOTH);
	if (!mailbox) {
		perror("hello");
		return 1;
	}
	failed = msgpass_send(mailbox, "Hello!", sizeof("Hello!"), 0) ||
		 msgpass_receive(mailbox, text, sizeof(text), 0, &info) < 0;
	if (failed)
		perror("hello");
	else
		printf("%s (from process %d)\n", text, info.sender_pid);
	msgpass_delete(mailbox);
	msgpass_close(mailbox);
	return failed;
}
