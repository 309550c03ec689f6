# SPDX-License-Identifier: MIT
# wrappers.sh: libraries that wrap functions of the C library, preloaded before rimalloc and after
# it, and over a program that is linked to it: one of our own that allocates in every function that
# an allocator might call, and those of Debian that fake time, users, networks or profile, as far as
# they are installed. The program must run as it does on the system allocator. A library that fails
# there too is skipped.
source "$(dirname "$0")/lib.bash"
glibc "the libraries are for glibc"
need "$CC"
[[ -z ${RIMALLOC_EMULATOR:-} ]] || skip "emulated: preloading is the emulator's"
compile "$work/wrapper.so" wrapper.c -fPIC -shared -ldl -Wno-deprecated-declarations
compile "$work/wrapped" wrapped.c
build shared "$work/linked" wrapped.c

# runs NAME LIBRARIES PROGRAM [VARIABLE=VALUE...]: LIBRARIES as LD_PRELOAD takes them.
runs() {
  local name=$1 libraries=$2 program=$3
  shift 3
  local status=0
  timeout 60 env "$@" LD_PRELOAD="$libraries" "$program" > "$work/out" 2> "$work/err" || status=$?
  if ((status != 0)) || ! grep -q '^done$' "$work/out"; then
    fail "$name: exit code $status: $(tail -n 3 "$work/err")"
  fi
  quiet "$name" "$work/err"
}

# wraps NAME FILE [VARIABLE=VALUE...]
wraps() {
  local name=$1 file=$2
  shift 2
  runs "$name before" "$file:$library" "$work/wrapped" "$@"
  runs "$name after" "$library:$file" "$work/wrapped" "$@"
  runs "$name, linked" "$file" "$work/linked" "$@"
}

for how in first each locked; do
  wraps "the wrapper ($how)" "$work/wrapper.so" "WRAPPER=$how"
done

# debian PATTERN [VARIABLE=VALUE...]
debian() {
  local file
  file=
  if compgen -G "$1" >/dev/null; then file=$(compgen -G "$1" | head -n 1); fi
  shift
  if [[ -z $file ]]; then return; fi
  tried=$((tried + 1))
  if timeout 60 env "$@" LD_PRELOAD="$file" "$work/wrapped" > /dev/null 2>&1; then
    wraps "$(basename "$file")" "$file" "$@"
    held+=("$(basename "$file")")
  else
    echo "$(basename "$file") fails on the system allocator too"
  fi
}
tried=0
held=()
if [[ -z ${RIMALLOC_CROSS:-} ]]; then
  lib=/usr/lib/$(uname -m)-linux-gnu
  debian "$lib/faketime/libfaketime.so.1" FAKETIME=+1h
  debian "$lib/faketime/libfaketimeMT.so.1" "FAKETIME=-2d x2" FAKETIME_NO_CACHE=1
  debian "$lib/torsocks/libtorsocks.so"
  debian "$lib/libuid_wrapper.so" UID_WRAPPER=1 UID_WRAPPER_ROOT=1
  debian "$lib/libnss_wrapper.so" NSS_WRAPPER_PASSWD=/etc/passwd NSS_WRAPPER_GROUP=/etc/group
  mkdir "$work/sockets"
  debian "$lib/libsocket_wrapper.so" "SOCKET_WRAPPER_DIR=$work/sockets"
  debian "$lib/libeatmydata.so"
  debian "$lib/libproxychains.so.4"
  debian "/usr/lib/cowdancer/libcowdancer.so"
  debian "$lib/libprofiler.so.0" "CPUPROFILE=$work/profile"
  debian "/usr/lib/heaptrack/libheaptrack_preload.so" DUMP_HEAPTRACK_OUTPUT=/dev/null
fi
echo "held: the wrapper, ${held[*]:-} ($tried of Debian's are installed)"
