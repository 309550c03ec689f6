# SPDX-License-Identifier: MIT
# abi.sh: what librimalloc.so exports, with versions, and its SONAME are those of abi.txt: no name
# that programs may use gets lost, and none is exported by accident.
source "$(dirname "$0")/lib.bash"
need python3 nm readelf
this_machine "the list is that of x86-64"
[[ $(uname -m) == x86_64 ]] || skip "the list is that of x86-64"
"$RIMALLOC_SOURCE/tools/check-symbols" --abi "$RIMALLOC_BUILD" || fail "see above"
