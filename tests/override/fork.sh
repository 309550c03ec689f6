# SPDX-License-Identifier: MIT
# fork.sh: 1,000 forks of a process whose threads allocate all the time, each child checked; fewer
# for the static ways, where the handlers are registered in another way.
source "$(dirname "$0")/lib.bash"
need "$CC"
check preload fork.c 1000
check static fork.c 100
check full_object fork.c 100
