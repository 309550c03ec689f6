# SPDX-License-Identifier: MIT
# threads.sh: 5,000 threads coming and going.
source "$(dirname "$0")/lib.bash"
glibc "the programs call mallinfo2 or malloc_trim"
need "$CC"
check preload threads.c 5000
check full_static threads.c 1000
