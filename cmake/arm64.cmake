# SPDX-License-Identifier: MIT
# arm64.cmake: Debian's cross compiler for arm64; tests run in qemu's user mode. Guests have 39-bit
# addresses here, as with many arm64 kernels: qemu pays for each page of a reservation.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -R 0x8000000000 -L /usr/aarch64-linux-gnu)
