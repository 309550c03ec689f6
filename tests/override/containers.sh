# SPDX-License-Identifier: MIT
# containers.sh: the C++ headers with each compiler, each C++ library and each version of C++ that
# there is, on the core library, which leaves operator new to them; inline by fast.h, too.
source "$(dirname "$0")/lib.bash"
this_machine "the compilers are this machine's"
core=$RIMALLOC_BUILD/librimalloc_core.a
ran=0

# build COMPILER VERSION [FLAG...]: one program, run.
build() {
  local compiler=$1 version=$2
  shift 2
  "$compiler" "-std=$version" -O1 -g -Wall -Wextra -Wundef -Werror -pthread \
    -I"$RIMALLOC_SOURCE/include" "$@" "$programs/containers.cc" -o "$work/containers" "$core"
  "$work/containers" || fail "$compiler $version $*: exit code $?"
  ran=$((ran + 1))
}

for compiler in g++ clang++; do
  if ! command -v $compiler > /dev/null; then
    echo "without $compiler, which is not installed" >&2
    continue
  fi
  for version in c++11 c++14 c++17 c++20; do
    build $compiler $version
  done
  build $compiler c++17 -O2 -include rimalloc/fast.h  # new and delete inline
done
if echo '#include <vector>' | clang++ -stdlib=libc++ -E -x c++ - > "$work/out" 2> "$work/err"; then
  for version in c++11 c++14 c++17 c++20; do
    build clang++ $version -stdlib=libc++
  done
else
  echo "without clang's C++ library, which is not installed" >&2
fi
((ran > 0)) || skip "there is no C++ compiler"
