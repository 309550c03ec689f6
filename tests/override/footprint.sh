# SPDX-License-Identifier: MIT
# footprint.sh: small programs stay small: peak resident memory at most 1 MiB above what the system
# allocator needs. Each figure is the lowest of several runs.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need "$CC"
[[ -d /usr/share/doc ]] || skip "/usr/share/doc does not exist"
compile "$work/small" small.c
compile "$work/peak" peak.c -static

# at_most KIB COMMAND...: it costs no more than that above the system allocator's peak.
at_most() {
  local limit=$1 system ours
  shift
  system=$("$work/peak" "" "$@")
  ours=$("$work/peak" "$library" "$@")
  echo "$*: peak $system KiB with the system allocator, $ours KiB with rimalloc"
  ((ours <= system + limit)) || fail "$*: more than $limit KiB above the system allocator"
}

at_most 1024 /bin/true
at_most 1024 ls -R /usr/share/doc
at_most 1024 "$work/small"
