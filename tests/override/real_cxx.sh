# SPDX-License-Identifier: MIT
# real_cxx.sh: a C++ program with exceptions, iostreams, threads, futures and
# polymorphic allocators (programs/workout.cc): preloaded, and compiled into a static program.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need "$CXX"
compile "$work/workout" workout.cc
both workout "$work/workout"
build full_static "$work/workout.static" workout.cc
"$work/workout.static" > "$work/out" || fail "static: exit code $?"
cmp "$work/workout.system/out" "$work/out" || fail "static: the output differs"
