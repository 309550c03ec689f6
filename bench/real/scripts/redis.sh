#!/bin/sh
# SPDX-License-Identifier: MIT
# redis at work: a server on a socket file, commands piped in from a file, a digest of its contents.
# usage: redis.sh COMMANDS
set -eu
dir=$BENCH_SCRATCH
redis-server --port 0 --unixsocket "$dir/socket" --dir "$dir" --save "" --appendonly no \
  --daemonize no --enable-debug-command local --logfile "$dir/log" &
server=$!
tries=0
until redis-cli -s "$dir/socket" ping > "$dir/ping" 2>&1 && grep -q PONG "$dir/ping"; do
  tries=$((tries + 1))
  if [ "$tries" -gt 500 ]; then
    cat "$dir/log" >&2
    kill "$server"
    exit 1
  fi
  sleep 0.01
done
redis-cli -s "$dir/socket" --pipe < "$1" > "$dir/pipe"
grep '^errors' "$dir/pipe"
redis-cli -s "$dir/socket" dbsize
redis-cli -s "$dir/socket" debug digest
redis-cli -s "$dir/socket" shutdown nosave
wait "$server"
