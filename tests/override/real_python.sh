# SPDX-License-Identifier: MIT
# real_python.sh: CPython's own tests on rimalloc, with PYTHONMALLOC=malloc so that every object is
# a block of ours and not of CPython's small-object allocator.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
python=/usr/bin/python3
[[ -x $python ]] || skip "$python is not installed"
"$python" -c 'import test.test_json, test.test_gc' 2> "$work/err" ||
  skip "CPython's tests are not installed (package libpython3-testsuite)"

# The cause of a failure is in the output, which regrtest writes for failed tests only.
run_tests() {
  preloaded env PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1 \
    timeout 300 "$python" -m test -W --tempdir "$work" "$@" > "$work/out" 2>&1 ||
    fail "$*: exit code $?: $(tail -40 "$work/out")"
  quiet "$*" "$work/out"
  grep -q "^Tests result: SUCCESS\|^Result: SUCCESS" "$work/out" ||
    fail "no success reported: $(tail -5 "$work/out")"
}

run_tests -j2 test_json test_dict test_list test_gc test_threading
# Pools of threads and of forked processes; the others mostly wait.
run_tests test_concurrent_futures -m 'ThreadPool*' -m 'ProcessPoolForkE*' -i '*Deadlock*'
