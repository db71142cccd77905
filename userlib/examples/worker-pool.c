// SPDX-License-Identifier: GPL-2.0-only
/*
 * Indirect communication: many processes share a mailbox, and each message goes to
 * one of them. Workers take jobs from one mailbox as fast as they can, and send what
 * comes of them to another; each job is done exactly once.
 *
 *	cc worker-pool.c -lmsgpass -o worker-pool && ./worker-pool
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

#define WORKERS	4
#define JOBS	100

static int work(struct msgpass *jobs, const char *name)
{
	struct msgpass *results = msgpass_open(name, MSGPASS_ACCESS_SEND);
	unsigned int job, done = 0;

	if (prctl(PR_SET_PDEATHSIG, SIGTERM))	/* without a pool, no worker */
		err(1, "prctl");
	if (!results)
		err(1, "mailbox '%s'", name);
	while (msgpass_receive(jobs, &job, sizeof(job), 0, NULL) >= 0) {
		if (msgpass_send(results, &job, sizeof(job), 0))
			err(1, "the result of job %u", job);
		done++;
	}
	if (errno != EIDRM)		/* how one learns that there are no more */
		err(1, "receiving a job");
	printf("worker %d: %u jobs\n", getpid(), done);
	return 0;
}

int main(void)
{
	struct msgpass_attributes attributes = { .capacity = 10, .mode = 0600 };
	unsigned int times[JOBS] = { }, job, i;
	struct msgpass *jobs, *results;
	pid_t worker;
	char name[64];
	int status;

	setlinebuf(stdout);
	/*
	 * Workers receive from it, so it is not owned by this process. Without its
	 * name it ends with its last descriptor: nothing can stay behind.
	 */
	snprintf(name, sizeof(name), "worker-pool-jobs-%d", getpid());
	jobs = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!jobs || msgpass_unlink(name))
		err(1, "mailbox '%s'", name);

	/* Unbounded: were both full, workers and we would wait for each other. */
	attributes.flags = MSGPASS_PROCESS_OWNED;
	attributes.capacity = MSGPASS_UNBOUNDED;
	snprintf(name, sizeof(name), "worker-pool-results-%d", getpid());
	results = msgpass_create(name, &attributes, MSGPASS_ACCESS_RECEIVE);
	if (!results)
		err(1, "mailbox '%s'", name);

	for (i = 0; i < WORKERS; i++) {
		worker = fork();
		if (worker < 0)
			err(1, "fork");
		if (!worker)
			return work(jobs, name);
	}
	for (job = 0; job < JOBS; job++)
		if (msgpass_send(jobs, &job, sizeof(job), 0))
			err(1, "sending job %u", job);
	for (i = 0; i < JOBS; i++) {
		if (msgpass_receive(results, &job, sizeof(job), 0, NULL) < 0)
			err(1, "receiving a result");
		if (job >= JOBS || times[job]++)
			errx(1, "job %u was done twice", job);
	}
	if (msgpass_delete(jobs))
		err(1, "deleting the jobs");
	for (i = 0; i < WORKERS; i++)
		if (wait(&status) < 0 || status)
			errx(1, "a worker failed");
	printf("%d jobs, each done exactly once by one of %d workers\n", JOBS, WORKERS);
	msgpass_close(results);
	msgpass_close(jobs);
	return 0;
}
