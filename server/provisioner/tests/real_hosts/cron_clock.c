/* Gives cron a clock of its own: time passes only while it sleeps, and what it would run is written down instead. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static time_t now, end;

__attribute__((constructor)) static void begin(void) {
    now = atol(getenv("CLOCK_FROM"));
    end = atol(getenv("CLOCK_UNTIL"));
}

time_t time(time_t *at) {
    if (at) *at = now;
    return now;
}

/* Whatever was begun in this minute is done before the next one comes. */
static void pass(long seconds) {
    siginfo_t info;
    struct timespec moment = {0, 200000};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) nanosleep(&moment, NULL);
    now += seconds;
    if (now >= end) _exit(0);
}

unsigned sleep(unsigned seconds) {
    pass(seconds);
    return 0;
}

int execle(const char *path, const char *arg0, ...) {
    va_list arguments;
    char line[512];
    va_start(arguments, arg0);
    va_arg(arguments, const char *);
    const char *command = va_arg(arguments, const char *);
    va_end(arguments);
    int file = open(getenv("CLOCK_LOG"), O_WRONLY | O_APPEND);
    int length = snprintf(line, sizeof line, "%ld %s\n", (long)now, command);
    if (write(file, line, length) != length) _exit(1);
    _exit(0);
}
