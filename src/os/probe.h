// SPDX-License-Identifier: MIT
// probe.h: places where tools of the system may look in, as bpftrace, perf, SystemTap and gdb do
// (USDT): an instruction that does nothing, and a note in the file that says where it is and where
// its arguments are. They are there where sys/sdt.h was when the library was compiled
// (systemtap-sdt-dev); elsewhere they are nothing.
//
// The names are those that OpenTelemetry proposes for allocators:
//   otel_memory:alloc  a sampled block: its address, the bytes asked for, and the bytes of all
//                      blocks that it stands for
//   otel_memory:free   the address of one that was sampled
#ifndef RIX_OS_PROBE_H
#define RIX_OS_PROBE_H

#if defined(__linux__) && defined(__has_include) && !defined(__FRAMAC__)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define RIX_HAS_PROBES 1
#endif
#endif

#ifdef RIX_HAS_PROBES
#define RIX_PROBE_ALLOC(p, size, weighted) DTRACE_PROBE3(otel_memory, alloc, p, size, weighted)
#define RIX_PROBE_FREE(p) DTRACE_PROBE1(otel_memory, free, p)
#else
#define RIX_PROBE_ALLOC(p, size, weighted) ((void)(p), (void)(size), (void)(weighted))
#define RIX_PROBE_FREE(p) ((void)(p))
#endif

#endif
