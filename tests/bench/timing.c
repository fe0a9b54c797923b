/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * timing ROUNDS <COMMANDS: runs each line of standard input (words between blanks) once per round, and
 * prints "line nanoseconds peak-kB status" for each run. No shell lies between clock and command, and what
 * happens to the machine meanwhile hits all commands alike, because they take turns.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS_MAX = 128, WORDS_MAX = 32, LINE_MAX_LENGTH = 512 };

struct command {
	char line[LINE_MAX_LENGTH];
	char *argv[WORDS_MAX + 1];
};

struct run {
	long long ns;
	long peak_kb;
	int status;
};

extern char **environ;

static size_t read_commands(struct command commands[COMMANDS_MAX])
{
	size_t n = 0;

	while (n < COMMANDS_MAX && fgets(commands[n].line, LINE_MAX_LENGTH, stdin)) {
		struct command *c = &commands[n];
		char *save = NULL, *word = strtok_r(c->line, " \n", &save);
		size_t words = 0;

		for (; word && words < WORDS_MAX; word = strtok_r(NULL, " \n", &save))
			c->argv[words++] = word;
		if (words)
			n++;
	}
	return n;
}

static int run(struct command *c, const posix_spawn_file_actions_t *actions, struct run *ret)
{
	struct timespec begin, end;
	struct rusage usage;
	int status;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	status = posix_spawnp(&pid, c->argv[0], actions, NULL, c->argv, environ);
	if (status)
		return status;
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return errno;
	clock_gettime(CLOCK_MONOTONIC, &end);
	ret->ns = (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec;
	ret->peak_kb = usage.ru_maxrss;
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

int main(int argc, char **argv)
{
	static struct command commands[COMMANDS_MAX];
	int rounds = argc > 1 ? atoi(argv[1]) : 0;
	size_t n = read_commands(commands);
	posix_spawn_file_actions_t actions;

	if (rounds < 1 || !n || !feof(stdin)) {
		fprintf(stderr, "usage: timing ROUNDS <COMMANDS (at most %d)\n", COMMANDS_MAX - 1);
		return 2;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++) {
			struct run r = {0};
			int e = run(&commands[i], &actions, &r);

			if (e) {
				fprintf(stderr, "%s: %s\n", commands[i].argv[0], strerror(e));
				return 1;
			}
			printf("%zu %lld %ld %d\n", i, r.ns, r.peak_kb, r.status);
			fflush(stdout);
		}
	posix_spawn_file_actions_destroy(&actions);
	return 0;
}
