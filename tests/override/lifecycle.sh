# SPDX-License-Identifier: MIT
# lifecycle.sh: what docs/lifecycle.md promises and no other script tests, in three ways to replace
# malloc: preloaded, linked static, and with everything static.
source "$(dirname "$0")/lib.bash"
glibc "the programs call mallinfo2 or malloc_trim"
need "$CC"
for way in preload static full_object; do
  build $way "$work/lifecycle.$way" lifecycle.c
  for part in exec atfork main_first exit_busy quick_exit signal; do
    code=0
    RIMALLOC_SHOW_ERRORS=1 run $way "$work/lifecycle.$way" $part 2> "$work/err" || code=$?
    ((code == 0)) || fail "$part as $way: exit code $code: $(tail -n 5 "$work/err")"
    quiet "$part as $way" "$work/err"
  done
done
