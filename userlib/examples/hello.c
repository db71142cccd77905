// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include <msgpass.h>

int main(void)
{
	struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = 10,
		.mode = 0600,
	};
	struct msgpass *mailbox = msgpass_create("hello", &attributes, MSGPASS_ACCESS_BOTH);
	struct msgpass_info info;
	char text[64];

	if (!mailbox || msgpass_send(mailbox, "Hello!", sizeof("Hello!"), 0) ||
	    msgpass_receive(mailbox, text, sizeof(text), 0, &info) < 0) {
		perror("hello");
		return 1;
	}
	printf("%s (from process %d)\n", text, info.sender_pid);
	return 0;
}
