// Runs whole processes alternately, so that other load on the machine affects all of them alike.
// pairs ROUNDS NAME CODE CMD [ARG...] [, NAME CODE CMD [ARG...]]...
// Prints for each: the median wall time in us, the median of the ratios to the first one's time in the same round, and the
// most resident memory in kB. A command that does not exit with CODE is an error.
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char** environ;

enum { max_commands = 16 };

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int ascending(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static double median(double* values, int count) {
  qsort(values, (size_t)count, sizeof *values, ascending);
  return values[count / 2];
}

int main(int argc, char** argv) {
  if (argc < 5) return 64;
  const int rounds = atoi(argv[1]);
  const int warm_up = 20;
  char** starts[max_commands];
  int count = 0;
  for (int i = 2; i < argc && count < max_commands; ++i) {
    starts[count++] = argv + i;
    while (i < argc && strcmp(argv[i], ",") != 0) ++i;
    if (i < argc) argv[i] = NULL;
  }
  double *times[max_commands], *ratios[max_commands];
  long memory[max_commands] = {0};
  for (int i = 0; i < count; ++i) {
    times[i] = calloc((size_t)rounds, sizeof(double));
    ratios[i] = calloc((size_t)rounds, sizeof(double));
  }
  for (int round = -warm_up; round < rounds; ++round) {
    for (int i = 0; i < count; ++i) {
      pid_t pid;
      int status;
      struct rusage usage;
      const double start = now_us();
      if (posix_spawnp(&pid, starts[i][2], NULL, NULL, starts[i] + 2, environ) != 0) return 127;
      if (wait4(pid, &status, 0, &usage) != pid) return 70;
      const double time = now_us() - start;
      if (!WIFEXITED(status) || WEXITSTATUS(status) != atoi(starts[i][1])) {
        fprintf(stderr, "pairs: %s gave status %#x\n", starts[i][0], (unsigned)status);
        return 1;
      }
      if (round < 0) continue;
      times[i][round] = time;
      ratios[i][round] = time / times[0][round];
      if (usage.ru_maxrss > memory[i]) memory[i] = usage.ru_maxrss;
    }
  }
  for (int i = 0; i < count; ++i) {
    const double ratio = median(ratios[i], rounds);
    printf("%-10s %8.0f us %8.3f x %7ld kB\n", starts[i][0], median(times[i], rounds), ratio, memory[i]);
  }
}
