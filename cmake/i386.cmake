# SPDX-License-Identifier: MIT
# i386.cmake: the compiler of x86-64 with -m32; programs run natively. Debian's package for
# <asm/types.h> cannot be installed beside other cross compilers, so it is looked for here.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR i386)
set(CMAKE_C_COMPILER gcc)
set(CMAKE_CXX_COMPILER g++)
set(CMAKE_C_FLAGS_INIT "-m32 -idirafter /usr/include/x86_64-linux-gnu")
set(CMAKE_CXX_FLAGS_INIT "${CMAKE_C_FLAGS_INIT}")
