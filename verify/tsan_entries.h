// SPDX-License-Identifier: MIT
// tsan_entries.h: the functions that code compiled with -fsanitize=thread calls: one before each
// plain access, and one in place of each atomic operation. Included once, by a file that defines
// what they come to:
//
//   void tsan_plain(const void* p, size_t size, bool write, const void* pc)
//   uint64_t tsan_do(op_kind_t kind, volatile void* p, unsigned size, uint64_t value, int order,
//                    const void* pc)           OP_LOAD, OP_STORE, ...; what was there before
//   bool tsan_cas(volatile void* p, unsigned size, uint64_t* expected, uint64_t value, int order,
//                 int fail_order, bool weak, const void* pc)
//   void tsan_fence(int order, const void* pc)
//   void* PREFIX_memset(...), memcpy, memmove  see TSAN_MEMORY
//
// The explorer of executions (model/) and the simulator of caches (bench/coherence) do.
#ifndef VERIFY_TSAN_ENTRIES_H
#define VERIFY_TSAN_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PC __builtin_return_address(0)

// ---- Plain accesses -----------------------------------------------------------------------------

#define TSAN_PLAIN(n)                                                     \
  void __tsan_read##n(void* p);                                           \
  void __tsan_write##n(void* p);                                          \
  void __tsan_unaligned_read##n(void* p);                                 \
  void __tsan_unaligned_write##n(void* p);                                \
  void __tsan_volatile_read##n(void* p);                                  \
  void __tsan_volatile_write##n(void* p);                                 \
  void __tsan_read##n(void* p) { tsan_plain(p, n, false, PC); }           \
  void __tsan_write##n(void* p) { tsan_plain(p, n, true, PC); }           \
  void __tsan_unaligned_read##n(void* p) { tsan_plain(p, n, false, PC); } \
  void __tsan_unaligned_write##n(void* p) { tsan_plain(p, n, true, PC); } \
  void __tsan_volatile_read##n(void* p) { tsan_plain(p, n, false, PC); }  \
  void __tsan_volatile_write##n(void* p) { tsan_plain(p, n, true, PC); }

TSAN_PLAIN(1)
TSAN_PLAIN(2)
TSAN_PLAIN(4)
TSAN_PLAIN(8)
TSAN_PLAIN(16)

void __tsan_init(void);
void __tsan_func_entry(void* pc);
void __tsan_func_exit(void);
void __tsan_read_range(void* p, size_t size);
void __tsan_write_range(void* p, size_t size);
void __tsan_init(void) {}
void __tsan_func_entry(void* pc) { (void)pc; }
void __tsan_func_exit(void) {}
void __tsan_read_range(void* p, size_t size) { tsan_plain(p, size, false, PC); }
void __tsan_write_range(void* p, size_t size) { tsan_plain(p, size, true, PC); }

// The names of the C library's functions in instrumented code are changed to these (objcopy), because
// nothing else tells what they do to memory.
#define TSAN_MEMORY(prefix)                                      \
  void* prefix##_memset(void* to, int c, size_t n);              \
  void* prefix##_memcpy(void* to, const void* from, size_t n);   \
  void* prefix##_memmove(void* to, const void* from, size_t n);  \
  void* prefix##_memset(void* to, int c, size_t n) {             \
    tsan_plain(to, n, true, PC);                                 \
    return memset(to, c, n);                                     \
  }                                                              \
  void* prefix##_memcpy(void* to, const void* from, size_t n) {  \
    tsan_plain(from, n, false, PC);                              \
    tsan_plain(to, n, true, PC);                                 \
    return memcpy(to, from, n);                                  \
  }                                                              \
  void* prefix##_memmove(void* to, const void* from, size_t n) { \
    tsan_plain(from, n, false, PC);                              \
    tsan_plain(to, n, true, PC);                                 \
    return memmove(to, from, n);                                 \
  }

// ---- Atomic operations --------------------------------------------------------------------------

#define TSAN_RMW(bits, T, name, kind)                             \
  T __tsan_atomic##bits##_##name(volatile T* p, T v, int order);  \
  T __tsan_atomic##bits##_##name(volatile T* p, T v, int order) { \
    return (T)tsan_do(kind, p, sizeof(T), v, order, PC);          \
  }

#define TSAN_CAS(bits, T, name, weak)                                                         \
  int __tsan_atomic##bits##_compare_exchange_##name(volatile T* p, T* c, T v, int o, int f);  \
  int __tsan_atomic##bits##_compare_exchange_##name(volatile T* p, T* c, T v, int o, int f) { \
    uint64_t expected = *c;                                                                   \
    const bool done = tsan_cas(p, sizeof(T), &expected, v, o, f, weak, PC);                   \
    if (!done) *c = (T)expected;                                                              \
    return done;                                                                              \
  }

#define TSAN_ATOMIC(bits, T)                                                            \
  T __tsan_atomic##bits##_load(const volatile T* p, int order);                         \
  void __tsan_atomic##bits##_store(volatile T* p, T v, int order);                      \
  T __tsan_atomic##bits##_compare_exchange_val(volatile T* p, T c, T v, int o, int f);  \
  T __tsan_atomic##bits##_load(const volatile T* p, int order) {                        \
    return (T)tsan_do(OP_LOAD, (volatile void*)p, sizeof(T), 0, order, PC);             \
  }                                                                                     \
  void __tsan_atomic##bits##_store(volatile T* p, T v, int order) {                     \
    tsan_do(OP_STORE, p, sizeof(T), v, order, PC);                                      \
  }                                                                                     \
  TSAN_RMW(bits, T, exchange, OP_EXCHANGE)                                              \
  TSAN_RMW(bits, T, fetch_add, OP_ADD)                                                  \
  TSAN_RMW(bits, T, fetch_sub, OP_SUB)                                                  \
  TSAN_RMW(bits, T, fetch_and, OP_AND)                                                  \
  TSAN_RMW(bits, T, fetch_or, OP_OR)                                                    \
  TSAN_RMW(bits, T, fetch_xor, OP_XOR)                                                  \
  TSAN_RMW(bits, T, fetch_nand, OP_NAND)                                                \
  TSAN_CAS(bits, T, strong, false)                                                      \
  TSAN_CAS(bits, T, weak, true)                                                         \
  T __tsan_atomic##bits##_compare_exchange_val(volatile T* p, T c, T v, int o, int f) { \
    uint64_t expected = c;                                                              \
    tsan_cas(p, sizeof(T), &expected, v, o, f, false, PC);                              \
    return (T)expected;                                                                 \
  }

TSAN_ATOMIC(8, uint8_t)
TSAN_ATOMIC(16, uint16_t)
TSAN_ATOMIC(32, uint32_t)
TSAN_ATOMIC(64, uint64_t)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_thread_fence(int order) { tsan_fence(order, PC); }
void __tsan_atomic_signal_fence(int order) { (void)order; }

#endif
