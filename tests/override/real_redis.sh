# SPDX-License-Identifier: MIT
# real_redis.sh: a redis server on rimalloc serves redis-benchmark and a fixed load of commands,
# rewrites its log in a forked child, saves, loads again, and has the same data as a server on the
# system's malloc.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need redis-server redis-cli redis-benchmark

# The commands of the fixed load: values of all types, many sizes, changed and deleted again.
load() {
  local i
  for ((i = 0; i < 20000; i++)); do
    printf 'SET key:%d %0*d\n' $((i % 3000)) $((1 + i * 37 % 2000)) $i
    printf 'LPUSH list:%d %d\nHSET hash:%d f%d %0100d\n' $((i % 40)) $i $((i % 50)) $((i % 400)) $i
    printf 'SADD set:%d %d\nZADD zset:%d %d m%d\n' $((i % 30)) $i $((i % 20)) $i $((i % 5000))
    if ((i % 7 == 0)); then
      printf 'DEL key:%d\nAPPEND log:%d %050d\n' $((i * 3 % 3000)) $((i % 9)) $i
    fi
    if ((i % 500 == 0)); then
      printf 'DEL list:%d\nLTRIM list:%d 0 20\n' $((i % 40)) $((i * 3 % 40))
    fi
  done
}

# wait_for SECONDS COMMAND ANSWER: asks until the answer of the server of `serve` has it.
wait_for() {
  local end=$((SECONDS + $1)) words
  read -ra words <<< "$2"
  until "${cli[@]}" "${words[@]}" 2>&1 | tr -d '\r' | grep -qx "$3"; do
    ((SECONDS < end)) || return 1
  done
}

# serve NAME PRELOAD: runs a server through everything; leaves its digest in $work/NAME/digest.
serve() {
  local dir=$work/$1 preload=$2 server
  mkdir "$dir"
  LD_PRELOAD=$preload redis-server --port 0 --unixsocket "$dir/socket" --dir "$dir" --save "" \
    --appendonly yes --enable-debug-command yes > "$dir/log" 2>&1 &
  server=$!
  local -a cli=(redis-cli -s "$dir/socket")
  wait_for 20 ping PONG || fail "$1: the server did not start: $(tail -5 "$dir/log")"
  "${cli[@]}" < "$work/load" > "$dir/replies"
  redis-benchmark -s "$dir/socket" -n 4000 -c 20 -q -t set,get,incr,lpush,lrange_100,mset \
    > "$dir/bench" 2>&1 ||
    fail "$1: redis-benchmark: $(tail -5 "$dir/bench")"
  "${cli[@]}" flushall > "$dir/flushed"
  "${cli[@]}" < "$work/load" > "$dir/replies"
  "${cli[@]}" bgrewriteaof > "$dir/rewrite"
  wait_for 40 "info persistence" aof_rewrite_in_progress:0 ||
    fail "$1: the log was not rewritten: $(tail -5 "$dir/log")"
  "${cli[@]}" info persistence > "$dir/persistence"
  grep -q 'aof_last_bgrewrite_status:ok' "$dir/persistence" ||
    fail "$1: rewriting the log failed"
  "${cli[@]}" save > "$dir/saved"
  "${cli[@]}" debug digest > "$dir/digest" 2>&1
  "${cli[@]}" debug reload > "$dir/reloaded" 2>&1
  "${cli[@]}" debug digest >> "$dir/digest" 2>&1
  grep -qx "[0-9a-f]\{40\}" "$dir/digest" || fail "$1: no digest but: $(cat "$dir/digest")"
  "${cli[@]}" dbsize > "$dir/size"
  "${cli[@]}" shutdown nosave > "$dir/end" 2>&1 || fail "$1: shutdown: $(cat "$dir/end")"
  wait $server || fail "$1: the server ended with $?: $(tail -5 "$dir/log")"
  quiet "$1" "$dir/log"
}

load > "$work/load"
serve system ""
serve rimalloc "$library"
for file in replies digest size; do
  cmp "$work/system/$file" "$work/rimalloc/$file" || fail "redis: $file differs"
done
