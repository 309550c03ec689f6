# SPDX-License-Identifier: MIT
# misuse.sh: mistakes with free are reported on standard error, with the pointer, and do no harm:
# the program goes on. With RIMALLOC_ABORT_ON_ERROR=1 it ends there; with RIMALLOC_SHOW_ERRORS=0 it
# hears nothing.
source "$(dirname "$0")/lib.bash"
need "$CC"
build preload "$work/misuse" misuse.c

# reported KIND [VARIABLE=VALUE...]
reported() {
  local kind=$1 pointer
  shift
  (
    for setting in "$@"; do export "${setting?}"; done
    preloaded "$work/misuse" "$kind"
  ) > "$work/out" 2> "$work/err" ||
    fail "$kind: exit code $?: $(cat "$work/err")"
  pointer=$(cat "$work/out")
  grep -q "^rimalloc: error: .*$pointer" "$work/err" ||
    fail "$kind: no message that names $pointer, but: $(cat "$work/err")"
}

# What is found in every build at no cost. A double free with others in between is found when frees
# are checked.
for kind in foreign stack wild realloc double-large interior-large double interior; do
  reported $kind RIMALLOC_CHECK=0
done
for kind in foreign stack wild realloc double-large interior-large double interior; do
  reported $kind RIMALLOC_CHECK=1
done

RIMALLOC_SHOW_ERRORS=0 preloaded "$work/misuse" foreign > "$work/out" 2> "$work/err" ||
  fail "quiet: exit code $?"
[[ ! -s $work/err ]] || fail "quiet: $(cat "$work/err")"

code=0
RIMALLOC_ABORT_ON_ERROR=1 preloaded "$work/misuse" foreign > "$work/out" 2> "$work/err" ||
  code=$?
((code == 134)) || fail "RIMALLOC_ABORT_ON_ERROR=1: exit code $code instead of SIGABRT"
grep -q "^rimalloc: error: " "$work/err" || fail "RIMALLOC_ABORT_ON_ERROR=1: no message"
