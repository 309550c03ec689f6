// SPDX-License-Identifier: MIT
// main.c: usage: PROGRAM WORKLOAD CPUS
// Prints what was counted, one line for each kind of operation and each instruction, and how many
// cycles it took from the first thread that had warmed up to the end of the last.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

#include "coherence.h"

static const co_workload_t* workload;
static unsigned cpus;

_Noreturn void co_fail(const char* what) {
  fprintf(stderr, "coherence: %s\n", what);
  _exit(1);
}

// Which lines addresses are in must not depend on where the kernel puts things.
static void main_fix_addresses(char** argv) {
  const int now = personality(0xFFFFFFFFu);
  if (now < 0 || (now & ADDR_NO_RANDOMIZE) != 0) return;
  if (personality((unsigned)now | ADDR_NO_RANDOMIZE) < 0) return;
  execv("/proc/self/exe", argv);
}

static void main_first(void* arg) {
  (void)arg;
  workload->run(cpus);
}

int main(int argc, char** argv) {
  main_fix_addresses(argv);
  if (argc != 3) co_fail("usage: PROGRAM WORKLOAD CPUS");
  cpus = (unsigned)strtoul(argv[2], NULL, 10);
  workload = co_workloads;
  while (workload->name != NULL && strcmp(workload->name, argv[1]) != 0)
    workload++;
  if (workload->name == NULL) co_fail("no such workload");
  if (cpus < 1 || cpus > CO_CPUS_MAX) co_fail("1 to 128 CPUs");
  if (cpus < workload->cpus_min) cpus = workload->cpus_min;
  fibers_run(main_first, NULL);
  printf("run cpus=%u threads=%u cycles=%" PRIu64 "\n", cpus, fibers_ended(), fibers_time());
  counts_print();
  fflush(stdout);
  _exit(0);
}
