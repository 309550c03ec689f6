# SPDX-License-Identifier: MIT
# resolver.sh: a program that allocates while the loader relocates it, bound at once and when needed,
# with rimalloc preloaded and linked.
source "$(dirname "$0")/lib.bash"
glibc "it has no IFUNC"
need "$CC"
for flags in "-no-pie -Wl,-z,lazy" "-pie -Wl,-z,lazy" "-no-pie -Wl,-z,now" "-pie -Wl,-z,now"; do
  read -ra words <<< "$flags"
  build preload "$work/preload" resolver.c "${words[@]}"
  preloaded "$work/preload" || fail "preloaded, $flags: exit code $?"
  build shared "$work/shared" resolver.c "${words[@]}"
  plain "$work/shared" || fail "linked shared, $flags: exit code $?"
done
