/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program that is asked one thing, with scripts in its place. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ask.h"
#include "base/clock.h"
#include "subreaper.h"

static char dir[64], program[80];
static int cancel_fd;
static char text[64];

static int setup(void **state)
{
	strcpy(dir, "/tmp/vfioadm-ask-XXXXXX");
	cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!mkdtemp(dir) || cancel_fd < 0)
		return -1;
	snprintf(program, sizeof(program), "%s/program", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	close(cancel_fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct ask script(const char *body)
{
	FILE *f = fopen(program, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nexec >&3 2>&1\nread -r request <&3\ncd %s\n%s\n", dir, body);
	fclose(f);
	assert_int_equal(chmod(program, 0755), 0);
	return (struct ask){.program = program, .request = "please\n", .patience_ms = 20000, .end_ms = 10000,
			    .cancel_fd = cancel_fd, .stops = 1};
}

static void wish(uint64_t n)
{
	assert_int_equal(write(cancel_fd, &n, sizeof(n)), sizeof(n));
}

/* A process that a script has noted in a file, or 0. */
static pid_t noted(const char *name)
{
	char path[96];
	FILE *f;
	int pid = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid;
}

/* Dead, though whoever has to may not have waited for it yet. */
static bool is_dead(pid_t pid)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	(void)!fgets(line, sizeof(line), f);
	fclose(f);
	return strstr(line, ") Z ") != NULL;
}

static void assert_dies(pid_t pid)
{
	int64_t end = clock_ms() + 5000;

	assert_true(pid > 0);
	while (!is_dead(pid) && clock_ms() < end)
		clock_pause();
	assert_true(is_dead(pid));
}

static void test_answer(void **state)
{
	struct ask ask = script("echo \"you said $request\"");

	assert_int_equal(ask_program(&ask, text, sizeof(text)), 0);
	assert_string_equal(text, "you said please\n");
	ask = script("i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; echo last");
	assert_int_equal(ask_program(&ask, text, sizeof(text)), 0);
	assert_int_equal(strlen(text), sizeof(text) - 1);
	assert_string_equal(text + strlen(text) - 10, " 199\nlast\n");
	ask.program = "/nowhere";
	assert_int_equal(ask_program(&ask, text, sizeof(text)), 0);
}

/* Each word gives it as long again. */
static void test_patience(void **state)
{
	struct ask ask = script("for i in 1 2 3 4 5; do sleep 0.4; echo $i; done");

	ask.patience_ms = 1500;
	assert_int_equal(ask_program(&ask, text, sizeof(text)), 0);
	ask = script("echo $$ >self; sleep 60 & echo $! >child; wait");
	ask.patience_ms = 500;
	assert_int_equal(ask_program(&ask, text, sizeof(text)), -ETIME);
	assert_dies(noted("self"));
	assert_dies(noted("child"));
}

/* A wish to stop ends it with all that it has started, soon, and it may put things right. */
static void test_stopped(void **state)
{
	struct ask ask = script("trap 'echo $$ >trapped; exit 1' TERM; echo $$ >self; sleep 60 & echo $! >child; wait");
	int64_t begun;

	wish(1);
	ask.patience_ms = 60000;
	/* From its first turn on: so that the script has come so far, it begins without. */
	ask.stops = 0;
	ask.patience_ms = 3000;
	assert_int_equal(ask_program(&ask, text, sizeof(text)), -ETIME);
	assert_int_equal(noted("trapped"), noted("self"));
	assert_dies(noted("child"));
	ask.stops = 1;
	begun = clock_ms();
	assert_int_equal(ask_program(&ask, text, sizeof(text)), -ECANCELED);
	assert_true(clock_ms() - begun < 30000);
	assert_dies(noted("self"));
	/* Fewer than it takes. */
	ask = script("echo fine");
	ask.stops = 2;
	assert_int_equal(ask_program(&ask, text, sizeof(text)), 0);
	assert_string_equal(text, "fine\n");
}

/* What does not listen is killed when its time is over. */
static void test_killed(void **state)
{
	struct ask ask = script("trap '' TERM; echo $$ >self; while :; do sleep 1; done");

	ask.patience_ms = 400;
	ask.end_ms = 300;
	assert_int_equal(ask_program(&ask, text, sizeof(text)), -ETIME);
	assert_dies(noted("self"));
}

/* What puts things back is waited for no longer, and goes on. */
static void test_left(void **state)
{
	struct ask ask = script("echo $$ >self; sleep 60");
	pid_t pid;

	ask.leave = true;
	ask.stops = 2;
	wish(2);
	for (int i = 0; i < 100 && !noted("self"); i++) {
		assert_int_equal(ask_program(&ask, text, sizeof(text)), -ETIMEDOUT);
		usleep(100000);
	}
	pid = noted("self");
	assert_true(pid > 0 && !is_dead(pid));
	assert_int_equal(kill(-getpgid(pid), SIGKILL), 0);
	assert_dies(pid);
}

#define ASK(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Where this process is init to it, nothing is left of it, and its zombie keeps nobody waiting. */
static void test_reaped(void **state)
{
	pid_t own = become_subreaper();
	struct ask ask = script("echo done");
	int64_t begin;

	assert_int_equal(ask_program(&ask, text, sizeof(text)), 0);
	assert_string_equal(text, "done\n");
	ask = script("exec sleep 100");
	ask.patience_ms = 100;
	begin = clock_ms();
	assert_int_equal(ask_program(&ask, text, sizeof(text)), -ETIME);
	assert_true(clock_ms() - begin < 5000);
	ask.program = "/nonexistent/program";
	(void)!ask_program(&ask, text, sizeof(text));
	assert_nothing_left(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ASK(test_answer), ASK(test_patience), ASK(test_stopped), ASK(test_killed), ASK(test_left),
		ASK(test_reaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
