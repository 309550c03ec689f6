# SPDX-License-Identifier: MIT
# riscv64.cmake: Debian's cross compiler for riscv64; tests run in qemu's user mode. Guests have
# 38-bit addresses here, as with Sv39 page tables: qemu pays for each page of a reservation.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_C_COMPILER riscv64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER riscv64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-riscv64 -R 0x4000000000 -L /usr/riscv64-linux-gnu)
