// SPDX-License-Identifier: MIT
// process.c: the beginning and the end of the process, above all layers but override/.
//
// Into a program that links the archive of the core this file comes because heap/thread.c, which
// every allocation needs, refers to rix_process_comes_along.
#include <rimalloc/rimalloc.h>

#include "api/api.h"
#include "arena/limit.h"
#include "heap/fork.h"
#include "heap/scavenge.h"
#include "heap/thread.h"
#include "observe/layout.h"
#include "options/options.h"
#include "options/report.h"
#include "options/sealed.h"
#include "os/os.h"

const bool rix_process_comes_along = true;

// So that the table comes along with this file.
__attribute__((used)) static const rix_layout_t* const process_layout = &rix_layout;

// Reserves what the options ask for at the start.
static void process_reserve(void) {
  const size_t bytes = ri_option_get_size(ri_option_reserve_os_memory);
  const bool large = rix_option(ri_option_thp) >= RIX_THP_ALL;
  if (bytes > 0 && ri_reserve_os_memory(bytes, true, large) != 0) {
    rix_warning("no memory to reserve for the option reserve_os_memory");
  }
  const size_t pages = (size_t)rix_option(ri_option_reserve_huge_os_pages);
  if (pages == 0) return;
  const int node = (int)rix_option(ri_option_reserve_huge_os_pages_at);
  const size_t nodes = (size_t)rix_option(ri_option_use_numa_nodes);
  const size_t timeout = pages * 500;  // the kernel clears each page
  const int error = node >= 0 ? ri_reserve_huge_os_pages_at(pages, node, timeout)
                              : ri_reserve_huge_os_pages_interleave(pages, nodes, timeout);
  if (error != 0) rix_warning("the system has no huge pages of 1 GiB for reserve_huge_os_pages");
}

// At load time: everything that must be in place before the program's own code can fork.
__attribute__((constructor(101))) static void process_load(void) {
  rix_process_init();
  rix_options_read();
  if (rix_option(ri_option_thp) == RIX_THP_FORBIDDEN && !rix_os_disable_huge()) {
    rix_warning("the OS cannot turn off transparent huge pages for this process");
  }
  rix_fork_init();
  // Somebody thought of the control group: perhaps of a filter of system calls, too.
  const bool told = rix_option_source(ri_option_limit_cgroup) != RIX_OPTION_DEFAULT;
  if (told) rix_limit_find_group();
  if (rix_option(ri_option_verbose) >= 1) ri_options_print();
  process_reserve();
  rix_api_profile_begin();
  rix_scavenge_load();
  rix_sealed_start();
}

// The control group's limit is looked for when some memory is in use, which opens files. Where
// nobody would see that the program installs a filter which may kill for that, it is done now.
__attribute__((constructor(103))) static void process_look(void) {
  if (!rix_scavenge_is_trusted()) rix_limit_find_group();
}

// When the process ends, or the library that contains this code is closed.
__attribute__((destructor(101))) static void process_unload(void) {
  rix_scavenge_unload();
  rix_api_profile_end();
  rix_api_report_end();
  if (rix_option(ri_option_destroy_on_exit) != 0) ri_collect(true);
  rix_os_thread_exit_close();
}
