# SPDX-License-Identifier: MIT
# i386.sh: the core compiled for 32 bits. Its warnings are errors; then i386.c, which guards against
# what was wrong there, and the unit tests that assume nothing about the width of an address.
source "$(dirname "$0")/lib.bash"
this_machine "it is about this one"
need gcc
echo '#include <stdio.h>' > "$work/try.c"
echo 'int main(void) { return puts("32") < 0; }' >> "$work/try.c"
if ! gcc -m32 -pthread "$work/try.c" -o "$work/try" 2> "$work/try.log" || ! "$work/try" > "$work/out"
then
  skip "gcc -m32 makes no program that runs here (package gcc-multilib)"
fi
# Debian's link to the kernel's headers cannot be installed beside cross compilers.
flags=(-m32 -idirafter /usr/include/x86_64-linux-gnu -O2 -g -Wall -Wextra -Wconversion -Wshadow -Wundef -Werror -pthread
  -I"$RIMALLOC_SOURCE/include" -I"$RIMALLOC_SOURCE/src")

# core OBJECT [FLAG...]: the core as one file.
core() {
  local object=$1
  shift
  gcc "${flags[@]}" -std=gnu11 -fno-builtin-malloc -ftls-model=initial-exec "$@" \
    -c "$RIMALLOC_SOURCE/src/rimalloc.c" -o "$object"
}
gcc "${flags[@]}" -x c++ -std=gnu++17 -fexceptions -fno-rtti -c "$RIMALLOC_SOURCE/src/os/catch.cc" \
  -o "$work/catch.o"

# test32 OBJECT SOURCE [FLAG...]
test32() {
  local object=$1 source=$2 program=$work/test32
  shift 2
  gcc "${flags[@]}" -std=gnu11 "$@" -fno-builtin -I"$RIMALLOC_SOURCE/tests" \
    "$RIMALLOC_SOURCE/tests/$source" "$object" "$work/catch.o" -o "$program"
  RIMALLOC_TEST_SCALE=0.3 "$program" || fail "$source, 32 bits $*: exit code $?"
}

core "$work/release.o"
core "$work/debug.o" -DRIX_DEBUG=2
test32 "$work/release.o" override/programs/i386.c
test32 "$work/debug.o" override/programs/i386.c -DRIX_DEBUG=2
for name in abandon audit bitmap page queue remote report sizeclass theap thread; do
  test32 "$work/debug.o" unit/$name.c -DRIX_DEBUG=2
done
