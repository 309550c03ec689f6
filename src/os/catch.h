// SPDX-License-Identifier: MIT
// catch.h: for files of C++ that catch. What the compiler's code takes from other libraries for it
// is weak, so that a program needs none.
#ifndef RIX_OS_CATCH_H
#define RIX_OS_CATCH_H

extern "C" void* __cxa_begin_catch(void*) noexcept __attribute__((weak));
// For names that clang makes itself and so sees no declaration of.
__asm__(
    ".weak __gxx_personality_v0\n"
    ".weak __cxa_begin_catch\n"
    ".weak __cxa_end_catch\n"
    ".weak _ZSt9terminatev\n");

#endif
