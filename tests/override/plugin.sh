# SPDX-License-Identifier: MIT
# plugin.sh: a plugin that brings rimalloc along is loaded and unloaded in a loop, in a process on
# the system allocator. The ways to bring it:
#   shared  linked with librimalloc.so, which stays loaded (-z nodelete)
#   inside  librimalloc.a in the plugin, hidden; the plugin's own malloc is rimalloc, and the
#           plugin says nodelete as librimalloc.so does
#   leaving the same without nodelete: hooks must be taken back; the address space that it had
#           reserved stays behind each time
#   preload the whole process is on rimalloc already
source "$(dirname "$0")/lib.bash"
glibc "it loads no library with thread-locals of the initial block"
need "$CC"
compile "$work/host" plugin_host.c -ldl
pic=(-fPIC -shared)
compile "$work/shared.so" plugin.c "${pic[@]}" "${shared[@]}"
inside=("$RIMALLOC_BUILD/librimalloc.a" "-Wl,--exclude-libs,ALL" "-Wl,-Bsymbolic")
compile "$work/inside.so" plugin.c "${pic[@]}" "${inside[@]}" -Wl,-z,nodelete
compile "$work/leaving.so" plugin.c "${pic[@]}" "${inside[@]}"
count=50
# RTLD_LOCAL: libc's malloc comes before that of the plugin's library, so the plugin is on libc's.
plain "$work/host" "$work/shared.so" $count 0 0 || fail "shared: exit code $?"
plain "$work/host" "$work/inside.so" $count 1 0 || fail "inside: exit code $?"
# Where there are few addresses they end sooner than 50 rounds.
if [[ ${RIMALLOC_CROSS:-} == i386 ]]; then leaving=5; else leaving=$count; fi
plain "$work/host" "$work/leaving.so" $leaving 1 20000 || fail "leaving: exit code $?"
preloaded "$work/host" "$work/shared.so" $count 1 0 || fail "preloaded: exit code $?"
