# SPDX-License-Identifier: MIT
# cxx.sh: librimalloc.so needs no C++ library and brings none into C programs; and operator new
# behaves when the C++ library is out of its scope, or absent.
source "$(dirname "$0")/lib.bash"
need "$CC" "$CXX" readelf
has_cxx || skip "there is no C++ library"
needed=$(readelf -d "$library" | grep NEEDED)
if grep -q 'stdc++\|libc++\|libgcc' <<< "$needed"; then fail "librimalloc.so needs: $needed"; fi

compile "$work/host" cxx_host.c -ldl -Wl,-z,dynamic-undefined-weak
compile "$work/plugin.so" cxx_plugin.cc -fPIC -shared
preloaded "$work/host" "$work/plugin.so" || fail "plugin: exit code $?"

code=0
preloaded "$work/host" > "$work/out" 2> "$work/err" || code=$?
((code == 134)) || fail "no C++ library: exit code $code instead of SIGABRT: $(cat "$work/err")"
grep -q "^rimalloc: error: operator new" "$work/err" || fail "no message: $(cat "$work/err")"
[[ $(cat "$work/out") == before ]] || fail "went on after a failed new"
