# SPDX-License-Identifier: MIT
# copies.sh: several copies of rimalloc in one process: one that replaces malloc for the program
# (preloaded, or linked static), and one each in two libraries. They share nothing.
source "$(dirname "$0")/lib.bash"
glibc "it loads no library with thread-locals of the initial block"
need "$CC"
for name in one two; do
  compile "$work/$name.so" plugin.c -fPIC -shared "$RIMALLOC_BUILD/librimalloc.a" \
    "-Wl,--exclude-libs,ALL" "-Wl,-Bsymbolic" -Wl,-z,nodelete
done
for way in preload shared object; do
  build $way "$work/host.$way" copies_host.c -ldl
  run $way "$work/host.$way" "$work/one.so" "$work/two.so" 2> "$work/err" ||
    fail "$way: exit code $?: $(tail -n 5 "$work/err")"
done
