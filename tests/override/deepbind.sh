# SPDX-License-Identifier: MIT
# deepbind.sh: libraries that a program opens with RTLD_DEEPBIND, which look for malloc in libc before
# they look in the program: blocks go back and forth between them, the program and libc. And dlopen
# finds what its caller's search path says, though rimalloc's own comes in between.
source "$(dirname "$0")/lib.bash"
glibc "it has no RTLD_DEEPBIND"
need "$CC"
mkdir "$work/inner"
compile "$work/inner/deep_lib.so" deep_lib.c -fPIC -shared
compile "$work/deep_caller.so" deep_caller.c -fPIC -shared "-Wl,-rpath,\$ORIGIN/inner" -ldl

# expect HOW PROGRAM: HOW as deep_host.c has it; the environment has the option.
expect() {
  local code=0
  "${@:3}" "$2" "$work" "$1" 2> "$work/err" || code=$?
  ((code == 0)) || fail "$*, dlopen_deepbind=$RIMALLOC_DLOPEN_DEEPBIND: exit code $code: $(cat "$work/err")"
  quiet "$1" "$work/err"
}

export RIMALLOC_DLOPEN_DEEPBIND=1
compile "$work/host" deep_host.c -Wl,-z,dynamic-undefined-weak -ldl
compile "$work/linked" deep_host.c -ldl "${shared[@]}"
expect libc "$work/host" plain
expect bound "$work/host" preloaded
expect bound "$work/linked" plain
RIMALLOC_DLOPEN_DEEPBIND=2 expect ignored "$work/host" preloaded
RIMALLOC_DLOPEN_DEEPBIND=0 expect apart "$work/host" preloaded
