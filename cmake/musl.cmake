# SPDX-License-Identifier: MIT
# musl.cmake: the compiler of this machine on musl instead of glibc (Debian's musl-tools). There is
# no C++ library for it: the library needs only headers, and those for glibc work.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_HOST_SYSTEM_PROCESSOR})
set(CMAKE_C_COMPILER musl-gcc)
set(CMAKE_CXX_COMPILER musl-gcc)
file(GLOB cxx_headers /usr/include/c++/[0-9]* /usr/include/*-linux-gnu/c++/[0-9]*)
list(TRANSFORM cxx_headers PREPEND "-isystem ")
list(JOIN cxx_headers " " CMAKE_CXX_FLAGS_INIT)
string(APPEND CMAKE_CXX_FLAGS_INIT " '-D__GLIBC_PREREQ(major,minor)=0'")
