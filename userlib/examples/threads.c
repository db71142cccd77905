// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads: they share their process's inbox, and may all use the same endpoint. Each
 * message goes to one of them, and tells which thread has sent it.
 *
 *	cc -pthread threads.c -lmsgpass -o threads && ./threads
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <msgpass.h>

#define THREADS		4
#define MESSAGES	100

static struct msgpass *endpoint;

/* Until an empty message comes. Return how many came before. */
static void *receive_all(void *unused)
{
	struct msgpass_info info;
	uintptr_t received = 0;
	unsigned int number;

	(void)unused;
	for (;;) {
		if (msgpass_receive(endpoint, &number, sizeof(number), 0, &info) < 0)
			err(1, "receiving");
		if (info.sender_pid != getpid() || info.sender_tid != getpid())
			errx(1, "process %d, thread %d sent it", info.sender_pid,
			     info.sender_tid);
		if (!info.size)
			return (void *)received;
		received++;
	}
}

int main(void)
{
	unsigned int i, sum = 0;
	pthread_t thread[THREADS];
	void *received;

	endpoint = msgpass_endpoint();
	if (!endpoint)
		err(1, "%s", MSGPASS_DEVICE);
	for (i = 0; i < THREADS; i++) {
		errno = pthread_create(&thread[i], NULL, receive_all, NULL);
		if (errno)
			err(1, "starting a thread");
	}

	/* To the own process: whichever thread is free takes it. */
	for (i = 0; i < MESSAGES; i++)
		if (msgpass_send_to(endpoint, getpid(), &i, sizeof(i), 0))
			err(1, "sending message %u", i);
	for (i = 0; i < THREADS; i++)
		if (msgpass_send_to(endpoint, getpid(), NULL, 0, 0))
			err(1, "sending the end");

	for (i = 0; i < THREADS; i++) {
		errno = pthread_join(thread[i], &received);
		if (errno)
			err(1, "joining a thread");
		printf("thread %u: %u messages\n", i + 1, (unsigned int)(uintptr_t)received);
		sum += (uintptr_t)received;
	}
	printf("%u messages, each received by one of %d threads\n", sum, THREADS);
	if (sum != MESSAGES)
		errx(1, "%d were sent", MESSAGES);
	msgpass_close(endpoint);
	return 0;
}
