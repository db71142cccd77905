// SPDX-License-Identifier: GPL-2.0-only
/*
 * The watcher: fuzz [--seed N] [--seconds S] [--processes P]
 *
 * It starts and kills, waits for nobody, and ends by its time: whoever is not dead
 * long after SIGKILL is a finding, too. Exit code: 0 nothing found, 1 something,
 * 2 wrong arguments, 4 no module. SIGINT and SIGTERM end it early, in order.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define TURN	(20 * MILLISECOND)
/* Workers that end at once, one after the other. */
#define FAILURES	100

struct board *board;
static uint64_t killed_at[WORKERS];
static unsigned int kills, starts, failures;
static bool over;

static void end_early(int signal)
{
	(void)signal;
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
}

static void print_findings(void)
{
	static uint32_t printed;

	while (printed < FINDINGS &&
	       __atomic_load_n(&board->finding[printed][0], __ATOMIC_ACQUIRE))
		printf("finding: %.*s\n", FINDING_SIZE, board->finding[printed++]);
	fflush(stdout);
}

/* Where in the kernel all threads of a process are. */
static void print_stacks(pid_t pid)
{
	char path[64], line[200];
	struct dirent *entry;
	FILE *file;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.12s/stack", pid, entry->d_name);
		file = fopen(path, "r");
		printf("thread %s:\n", entry->d_name);
		while (file && fgets(line, sizeof(line), file))
			printf("    %s", line);
		if (file)
			fclose(file);
	}
	if (tasks)
		closedir(tasks);
}

static void kill_worker(unsigned int worker)
{
	struct worker_state *state = &board->workers[worker];

	if (state->pid <= 0 || killed_at[worker])
		return;
	kill(state->pid, SIGKILL);
	killed_at[worker] = now();
	kills++;
}

static void bury(pid_t pid, int status)
{
	struct worker_state *state = board->workers;
	unsigned int worker;

	for (worker = 0; worker < WORKERS && state[worker].pid != pid; worker++)
		;
	if (worker == WORKERS)
		return;
	state += worker;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		finding("worker %u.%u died of signal %d", worker, state->generation,
			WTERMSIG(status));
	failures = WIFEXITED(status) && WEXITSTATUS(status) ? failures + 1 : 0;
	memset(state->children, 0, sizeof(state->children));
	for (unsigned int i = 0; i < THREADS; i++)
		state->threads[i].tid = 0;
	state->pid = 0;
	killed_at[worker] = 0;
}

/* Also who was somebody's child, whose parent is dead. */
static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(pid, status);
}

static void start_worker(unsigned int worker)
{
	struct worker_state *state = &board->workers[worker];
	pid_t pid;

	state->generation++;
	pid = fork();
	if (!pid) {
		setpgid(0, board->holder);
		work(worker);
	}
	if (pid < 0)
		return;
	starts++;
	state->pid = pid;
	setpgid(pid, board->holder);
}

static void start_holder(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	}
	if (pid < 0)
		exit(2);
	setpgid(pid, pid);
	board->holder = pid;
}

/* Return a process that outlived its SIGKILL, or 0. */
static pid_t undead(void)
{
	for (unsigned int i = 0; i < board->processes; i++)
		if (killed_at[i] && now() - killed_at[i] > DEATH)
			return board->workers[i].pid;
	return 0;
}

static void rest(void)
{
	const struct timespec turn = { .tv_nsec = TURN };

	nanosleep(&turn, NULL);
}

static void report_undead(pid_t pid)
{
	for (unsigned int i = 0; i < board->processes; i++)
		if (board->workers[i].pid == pid)
			for (unsigned int j = 0; j < THREADS; j++)
				printf("worker %u.%u thread %u was in %s\n", i,
				       board->workers[i].generation, j,
				       kind_name(board->workers[i].threads[j].op.kind));
	finding("P6: process %d lives %llu s after SIGKILL", pid, DEATH / SECOND);
	print_stacks(pid);
}

/* Return whether to go on. */
static bool watch(struct stream *chance, unsigned int turn)
{
	pid_t pid;

	reap();
	for (unsigned int i = 0; i < board->processes; i++)
		if (!board->workers[i].pid)
			start_worker(i);
	if (!stream_below(chance, 20))
		kill_worker(stream_below(chance, board->processes));
	/* Somebody may have been stopped by somebody who is dead. */
	if (turn % 8 == 0)
		kill(-board->holder, SIGCONT);
	print_findings();
	if (turn % 1500 == 1499)
		printf("so far: %llu executions, %u PCs\n",
		       (unsigned long long)board->executions, board->pc_count);
	pid = undead();
	if (pid)
		report_undead(pid);
	if (failures >= FAILURES)
		finding("the workers do not start");
	return !pid && failures < FAILURES;
}

/* All of them, whoever started them: they are this process's children at last. */
static bool kill_all(void)
{
	uint64_t limit = now() + DEATH;
	pid_t pid;

	do {
		kill(-board->holder, SIGKILL);
		for (unsigned int i = 0; i < board->processes; i++)
			if (board->workers[i].pid > 0)
				kill(board->workers[i].pid, SIGKILL);
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			for (unsigned int i = 0; i < board->processes; i++)
				if (board->workers[i].pid == pid)
					board->workers[i].pid = 0;
		if (pid < 0 && errno == ECHILD)
			return true;
		rest();
	} while (now() < limit);
	for (unsigned int i = 0; i < board->processes; i++)
		if (board->workers[i].pid > 0)
			report_undead(board->workers[i].pid);
	finding("P6: somebody lives %llu s after SIGKILL", DEATH / SECOND);
	return false;
}

/* In a process of its own, which can be left where it is. */
static void clean_up_watched(void)
{
	uint64_t limit = now() + 3 * DEATH;
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(!clean_up());
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now() > limit) {
			finding("cleaning up does not end");
			print_stacks(pid);
			kill(pid, SIGKILL);
			return;
		}
		rest();
	}
	if (status)
		finding("cleaning up failed (0x%x)", status);
}

static void ignore_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGQUIT,
				       SIGTSTP, SIGTTOU, SIGTTIN };

	for (unsigned int i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGINT, end_early);
	signal(SIGTERM, end_early);
}

static void prepare(uint64_t seed, unsigned int processes)
{
	int null = open("/dev/null", O_RDWR);

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (board == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, board->sockets)) {
		perror("fuzz");
		exit(2);
	}
	dup2(null, 0);
	board->seed = seed;
	board->processes = processes;
	board->watcher = getpid();
	/* Where every mailbox is the fuzzer's, however odd its name came to be. */
	board->alone = !unshare(CLONE_NEWIPC);
	board->guided = kcov_there();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	ignore_signals();
	start_holder();
}

static unsigned long long number_of(const char *text)
{
	char *end;
	unsigned long long number = strtoull(text, &end, 0);

	if (*end || !*text) {
		fprintf(stderr, "fuzz: not a number: %s\n", text);
		exit(2);
	}
	return number;
}

static void idle(void)
{
	usleep(500000);
	exit(0);
}

static noreturn void explain(void)
{
	fprintf(stderr, "usage: fuzz [--seed N] [--seconds S] [--processes 1..%d]\n", WORKERS);
	exit(2);
}

struct settings {
	unsigned long long seed, seconds, processes;
};

static void parse(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "processes", required_argument, NULL, 'p' },
		{ "idle", no_argument, NULL, 'i' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'i')
			idle();
		else if (option == 's')
			settings->seed = number_of(optarg);
		else if (option == 't')
			settings->seconds = number_of(optarg);
		else if (option == 'p')
			settings->processes = number_of(optarg);
		else
			explain();
	}
	if (optind != argc || !settings->processes || settings->processes > WORKERS ||
	    settings->seconds > 1000000)
		explain();
	while (!settings->seed)
		if (getrandom(&settings->seed, 4, 0) != 4)
			exit(2);
}

int main(int argc, char **argv)
{
	struct settings settings = { .seconds = 10, .processes = 5 };
	struct stream chance;
	uint64_t end;

	parse(argc, argv, &settings);
	printf("seed %llu\n", settings.seed);
	fflush(stdout);
	if (access(MSGPASS_DEVICE, F_OK)) {
		fprintf(stderr, "fuzz: no %s\n", MSGPASS_DEVICE);
		return 4;
	}

	prepare(settings.seed, settings.processes);
	chance = stream_of(settings.seed, WORKERS, 0, 0);
	end = now() + settings.seconds * SECOND;
	for (unsigned int turn = 0; now() < end && watch(&chance, turn); turn++) {
		if (__atomic_load_n(&over, __ATOMIC_RELAXED))
			break;
		rest();
	}
	if (kill_all()) {
		close(board->sockets[0]);
		close(board->sockets[1]);
		clean_up_watched();
	}
	print_findings();
	printf("%u processes started, %u of them killed, %llu children\n", starts, kills,
	       (unsigned long long)board->forks);
	report();
	return board->findings ? 1 : 0;
}
