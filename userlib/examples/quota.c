// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quotas: what rests is charged to its sender's user, in whichever mailbox. Over the
 * quota a send fails with EDQUOT and nothing is queued; a receipt makes room again.
 *
 *	cc quota.c -lmsgpass -o quota && ./quota
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <msgpass.h>

#define MIB	(1024 * 1024UL)

/* What the administrator allows, for everybody to read. */
static unsigned long limit(const char *name)
{
	unsigned long value;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/kernel/msgpass/%s", name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%lu", &value) != 1)
		err(1, "%s", path);
	fclose(file);
	return value;
}

static struct msgpass *create(const char *what)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = MSGPASS_UNBOUNDED,
		.mode = 0600,
	};
	struct msgpass *mailbox;
	char name[64];

	snprintf(name, sizeof(name), "quota-%s-%d", what, getpid());
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!mailbox)
		err(1, "mailbox '%s'", name);
	return mailbox;
}

int main(void)
{
	unsigned long quota = limit("user_bytes_max"), sent = 0;
	struct msgpass *one = create("one"), *other = create("other");
	size_t size = quota / 8;
	char *data;

	if (size > limit("message_size_max"))
		size = limit("message_size_max");
	if (quota > 256 * MIB) {
		printf("this user may queue %lu bytes: too many to try\n", quota);
		return 0;
	}
	data = calloc(1, size);
	if (!data)
		err(1, "%zu bytes", size);

	while (!msgpass_send(one, data, size, 0))
		sent += size;
	if (errno != EDQUOT)
		err(1, "sending %zu bytes", size);
	printf("this user may queue %lu bytes: no more after %lu\n", quota, sent);
	if (!sent || sent > quota)
		errx(1, "the quota is %lu bytes", quota);

	if (!msgpass_send(other, data, size, 0) || errno != EDQUOT)
		errx(1, "another mailbox has a quota of its own");
	printf("nor in another mailbox\n");

	if (msgpass_receive(one, data, size, MSGPASS_NONBLOCK, NULL) < 0)
		err(1, "receiving");
	if (msgpass_send(other, data, size, 0))
		err(1, "sending after a receipt");
	printf("one received, and another of %zu bytes can be sent\n", size);
	free(data);
	msgpass_close(other);
	msgpass_close(one);
	return 0;
}
