# SPDX-License-Identifier: MIT
# options.sh: docs/options.md says what the library does: every option with the default and the range
# of the table is what a program prints that starts with RIMALLOC_VERBOSE=1, and no other. Then the
# sources of values that belong to a build or to a program: ri_conf in each way to link, and the
# configuration string of the library's own build.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need "$CC" awk cmp

# name default lowest highest unit, of the table in the documentation and of what is printed.
awk -F'|' '/^\| `/ {
  gsub(/[` ,]/, "", $2); gsub(/[ ,]/, "", $4); gsub(/,/, "", $5); gsub(/ /, "", $6)
  split($5, range, " ")
  print $2, $4, range[1], range[3], $6
}' "$RIMALLOC_SOURCE/docs/options.md" > "$work/documented"
RIMALLOC_VERBOSE=1 preloaded /bin/true 2> "$work/printed"
awk '/^rimalloc: option / {
  match($0, /\(.*\.\.[-0-9]+ [A-Za-z]+\): /)
  value = $5
  split(substr($0, RSTART + 1, RLENGTH - 4), part, "; ")
  if (part[1] == "environment" && $3 == "verbose") value = 0
  else if (part[1] != "default") value = "not the default: " part[1]
  split(part[2], limit, / |\.\./)
  print $3, value, limit[1], limit[2], limit[3]
}' "$work/printed" > "$work/actual"
[[ $(wc -l < "$work/documented") -ge 40 ]] || fail "docs/options.md: no table understood"
cmp "$work/documented" "$work/actual" ||
  fail "the documented options are not those printed: $(diff "$work/documented" "$work/actual")"

cat > "$work/conf.c" << 'END'
#include <rimalloc/options.h>
#include <stdio.h>
#include <stdlib.h>
const char* ri_conf = "purge_delay=123,check=1";
int main(void) {
  free(malloc(100));
  printf("%ld %ld\n", ri_option_get(ri_option_purge_delay), ri_option_get(ri_option_check));
  return 0;
}
END
include=-I$RIMALLOC_SOURCE/include
"$CC" "$include" "$work/conf.c" -o "$work/conf.shared" "${shared[@]}"
"$CC" "$include" "$work/conf.c" -o "$work/conf.static" "$RIMALLOC_BUILD/librimalloc.a" -pthread
"$CC" "$include" "$work/conf.c" -o "$work/conf.full" -static "$RIMALLOC_BUILD/librimalloc.a"
"$CC" "$include" "$RIMALLOC_BUILD/rimalloc.o" "$work/conf.c" -o "$work/conf.object" -pthread
for way in shared static full object; do
  [[ $("$work/conf.$way") == "123 1" ]] || fail "ri_conf linked $way: $("$work/conf.$way")"
  [[ $(RIMALLOC_CONF=purge_delay=5 "$work/conf.$way") == "5 1" ]] ||
    fail "RIMALLOC_CONF is not stronger than ri_conf, linked $way"
done

# mimalloc's variables count in its programs, however they are linked, and only there.
cat > "$work/mi.c" << 'END'
#include <mimalloc.h>
#include <stdio.h>
int main(void) {
  mi_free(mi_malloc(100));
  printf("%ld %ld\n", mi_option_get(mi_option_purge_delay), mi_option_get(mi_option_max_errors));
  return 0;
}
END
mi=("$CC" "$include/rimalloc/mimalloc" "$work/mi.c" -fvisibility=hidden '-Wl,--gc-sections')
"${mi[@]}" -o "$work/mi.shared" "${shared[@]}"
"${mi[@]}" -o "$work/mi.static" "$RIMALLOC_BUILD/librimalloc.a" -pthread
"${mi[@]}" -o "$work/mi.full" -static "$RIMALLOC_BUILD/librimalloc.a"
"${mi[@]}" "$RIMALLOC_BUILD/rimalloc.o" -o "$work/mi.object" -pthread
export MIMALLOC_PURGE_DELAY=7 MIMALLOC_CHECK=1
for way in shared static full object; do
  [[ $("$work/mi.$way") == "7 32" ]] || fail "mimalloc's variables, linked $way: $("$work/mi.$way")"
  [[ $("$work/conf.$way") == "123 1" ]] || fail "mimalloc's variables count elsewhere, linked $way"
  [[ $(RIMALLOC_VERBOSE=1 "$work/mi.$way" 2>&1) == *"CHECK=1: unknown option"* ]] ||
    fail "an option that mimalloc has not is not told, linked $way"
done
unset MIMALLOC_PURGE_DELAY MIMALLOC_CHECK

# The string of the build is weaker than ri_conf and stronger than the defaults.
flags=(-std=c11 -O1 -pthread "$include" -I"$RIMALLOC_SOURCE/src")
"$CC" "${flags[@]}" '-DRIX_CONF="purge_delay=11,check=2,mapping_cache=1g,oops=1"' \
  -c "$RIMALLOC_SOURCE/src/rimalloc.c" -o "$work/core.o"
"$CXX" -std=c++17 -O1 -fexceptions -fno-rtti "$include" -I"$RIMALLOC_SOURCE/src" \
  -c "$RIMALLOC_SOURCE/src/os/catch.cc" -o "$work/catch.o"
ld -r "$work/core.o" "$work/catch.o" -o "$work/build.o"
sed '/^const char/d; s/check)/mapping_cache)/' "$work/conf.c" > "$work/plain.c"
"$CC" "$include" "$work/plain.c" "$work/build.o" -pthread -o "$work/plain"
[[ $("$work/plain" 2> "$work/err") == "11 1024" ]] || fail "the build's string: $("$work/plain")"
grep -q "^rimalloc: warning: build: oops=1: unknown option; ignored$" "$work/err" ||
  fail "the build's bad option is not told: $(cat "$work/err")"
"$CC" "$include" "$work/conf.c" "$work/build.o" -pthread -o "$work/both"
[[ $("$work/both" 2> "$work/err") == "123 1" ]] || fail "ri_conf over the build's: $("$work/both")"
