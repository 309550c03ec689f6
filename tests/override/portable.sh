# SPDX-License-Identifier: MIT
# portable.sh: a C and a C++ program that know of no particular C library, in each way to get a
# program on rimalloc. Every platform runs this; link.sh asks more, and of glibc.
source "$(dirname "$0")/lib.bash"
need "$CC"
for way in $ways; do
  check "$way" portable.c
  if has_cxx; then check "$way" portable.cc; fi
done
if ! has_cxx; then echo "without C++: there is no C++ library"; fi
