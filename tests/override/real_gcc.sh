# SPDX-License-Identifier: MIT
# real_gcc.sh: the compiler translates a large generated file; the object must be the same byte for
# byte. Then a C++ file with many templates.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need gcc g++
{
  echo 'typedef struct { int x, y; double d[4]; } s;'
  previous=helper0
  for ((i = 0; i < 400; i++)); do
    cat << END
static int helper$i(int a, s* p) {
  switch (a % 7) {
    case 0: return p->x + $i; case 1: return p->y * a; case 2: p->d[a & 3] += $i; break;
    default: for (int k = 0; k < a; k++) p->x += k * $((i * 31 % 97)); }
  return (int)p->d[1] ^ a;
}
int function$i(int a, s* p) {
  int r = helper$i(a, p);
  return a > $i ? r : ${previous}(a + 1, p) + r;
}
END
    previous=function$i
  done
} > "$work/large.c"
cat > "$work/templates.cc" << 'END'
#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <tuple>
template <int N> struct number { static const int value = number<N - 1>::value + N; };
template <> struct number<0> { static const int value = 0; };
std::map<std::string, std::function<int(int)>> table;
bool match(const std::string& s) { return std::regex_match(s, std::regex("[a-z]+[0-9]*")); }
int sum() {
  return std::get<2>(std::make_tuple(1, std::string("x"), number<200>::value));
}
END
both gcc gcc -O2 -c "$work/large.c" -o large.o
cmp "$work/gcc.system/large.o" "$work/gcc.rimalloc/large.o" || fail "gcc: the objects differ"
both gxx g++ -O1 -c "$work/templates.cc" -o templates.o
cmp "$work/gxx.system/templates.o" "$work/gxx.rimalloc/templates.o" ||
  fail "g++: the objects differ"
