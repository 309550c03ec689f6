// SPDX-License-Identifier: MIT
// cgroup.c: which control group limits the process (os/cgroup.c), in made-up trees of files: both
// versions and both at once, namespaces, containers that see a part or nothing, limits at each
// level, what is absent or says odd things. Catches: a limit of the wrong level, or one that is not
// there; a hidden parent's that is overlooked; usage of another level than the limit's.
#include "../check.h"

#include "os/cgroup.h"

typedef struct file_s {
  const char* path;
  const char* text;
} file_t;

typedef struct tree_s {
  const char* name;
  uint64_t limit;  // 0: none
  const char* folder;
  uint64_t usage;
  file_t files[14];
} tree_t;

#define SELF "/proc/self/cgroup"
#define MOUNTS "/proc/self/mountinfo"
#define V2 "/sys/fs/cgroup"
#define V1 "/sys/fs/cgroup/memory"
#define V2_MOUNT "30 22 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT(root) "34 30 0:31 " root " " V1 " rw,relatime master:7 - cgroup cgroup rw,memory\n"
#define NO_LIMIT "9223372036854771712\n"
#define OTHERS                                              \
  "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n" \
  "23 22 0:5 / /proc rw - proc proc rw\n"                   \
  "31 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"

static const tree_t trees[] = {
    {"version 2 in a private namespace",
     100,
     V2,
     40,
     {{SELF, "0::/\n"},
      {MOUNTS, OTHERS V2_MOUNT},
      {V2 "/memory.max", "100\n"},
      {V2 "/memory.high", "max\n"},
      {V2 "/memory.current", "50\n"},
      {V2 "/memory.stat", "anon 7\nfile 30\ninactive_anon 3\ninactive_file 10\n"}}},
    {"version 2 in the host's namespace",
     4096,
     V2 "/system.slice/a.service",
     4000,
     {{SELF, "0::/system.slice/a.service\n"},
      {MOUNTS, V2_MOUNT OTHERS},
      {V2 "/system.slice/memory.max", "8192\n"},
      {V2 "/system.slice/memory.current", "9\n"},
      {V2 "/system.slice/a.service/memory.max", "4096\n"},
      {V2 "/system.slice/a.service/memory.current", "4000\n"}}},
    {"version 2, only a parent has a limit",
     8192,
     V2 "/a",
     5000,
     {{SELF, "0::/a/b/c\n"},
      {MOUNTS, V2_MOUNT},
      {V2 "/a/memory.max", "8192\n"},
      {V2 "/a/memory.current", "5001\n"},
      {V2 "/a/memory.stat", "inactive_file 1"},
      {V2 "/a/b/memory.max", "max\n"},
      {V2 "/a/b/c/memory.max", "max\n"},
      {V2 "/a/b/c/memory.current", "77\n"}}},
    {"version 2, a parent has less",
     1000,
     V2 "/a",
     900,
     {{SELF, "0::/a/b\n"},
      {MOUNTS, V2_MOUNT},
      {V2 "/a/memory.max", "1000\n"},
      {V2 "/a/memory.current", "900\n"},
      {V2 "/a/b/memory.max", "2000\n"},
      {V2 "/a/b/memory.current", "1\n"}}},
    {"version 2, memory.high is lower",
     70,
     V2 "/a",
     5,
     {{SELF, "0::/a\n"},
      {MOUNTS, V2_MOUNT},
      {V2 "/a/memory.max", "100\n"},
      {V2 "/a/memory.high", "70\n"},
      {V2 "/a/memory.current", "5\n"}}},
    {"version 2, no limit",
     0,
     "",
     0,
     {{SELF, "0::/a\n"}, {MOUNTS, V2_MOUNT}, {V2 "/a/memory.max", "max\n"}}},
    {"version 2, of a container that shows only its own folder",
     300,
     V2,
     30,
     {{SELF, "0::/docker/x\n"},
      {MOUNTS, "30 22 0:27 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup2 ro\n"},
      {V2 "/memory.max", "300\n"},
      {V2 "/memory.current", "30\n"}}},
    {"version 2, two mounts: the one that shows more",
     200,
     "/host/cg/docker",
     20,
     {{SELF, "0::/docker/x\n"},
      {MOUNTS,
       "30 22 0:27 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup2 ro\n"
       "31 22 0:27 / /host/cg ro - cgroup2 cgroup2 ro\n"
       "32 22 0:27 /elsewhere /x ro - cgroup2 cgroup2 ro\n"},
      {V2 "/memory.max", "300\n"},
      {"/host/cg/docker/x/memory.max", "300\n"},
      {"/host/cg/docker/memory.max", "200\n"},
      {"/host/cg/docker/memory.current", "20\n"}}},
    {"version 2, above the root of the namespace",
     300,
     V2,
     30,
     {{SELF, "0::/../other\n"},
      {MOUNTS, V2_MOUNT},
      {V2 "/memory.max", "300\n"},
      {V2 "/memory.current", "30\n"}}},
    {"version 2, a group whose name begins like the mounted one",
     300,
     V2,
     30,
     {{SELF, "0::/ab\n"},
      {MOUNTS, "30 22 0:27 /a /sys/fs/cgroup ro - cgroup2 cgroup2 ro\n"},
      {V2 "/memory.max", "300\n"},
      {V2 "/b/memory.max", "1\n"},
      {V2 "/memory.current", "30\n"}}},
    {"version 2, a mount point with a space",
     300,
     "/sys/c g\\/a",
     30,
     {{SELF, "0::/a\n"},
      {MOUNTS, "30 22 0:27 / /sys/c\\040g\\134 ro - cgroup2 cgroup2 ro\n"},
      {"/sys/c g\\/a/memory.max", "300\n"},
      {"/sys/c g\\/a/memory.current", "30\n"}}},
    {"version 1",
     100,
     V1 "/a/b",
     40,
     {{SELF, "9:name=systemd:/x\n4:cpu,memory,blkio:/a/b\n0::/x\n"},
      {MOUNTS, OTHERS V1_MOUNT("/")},
      {V1 "/a/b/memory.stat",
       "cache 5\ninactive_file 1\nhierarchical_memory_limit 100\n"
       "hierarchical_memsw_limit 9\ntotal_inactive_file 10\n"},
      {V1 "/a/b/memory.limit_in_bytes", "100\n"},
      {V1 "/a/b/memory.usage_in_bytes", "50\n"}}},
    {"version 1, only a parent has a limit",
     100,
     V1 "/a",
     60,
     {{SELF, "4:memory:/a/b\n"},
      {MOUNTS, V1_MOUNT("/")},
      {V1 "/a/b/memory.stat", "hierarchical_memory_limit 100\n"},
      {V1 "/a/b/memory.limit_in_bytes", NO_LIMIT},
      {V1 "/a/b/memory.usage_in_bytes", "50\n"},
      {V1 "/a/memory.limit_in_bytes", "100\n"},
      {V1 "/a/memory.usage_in_bytes", "60\n"}}},
    {"version 1, the limit of a parent that is not visible",
     100,
     V1,
     60,
     {{SELF, "4:memory:/docker/x/b\n"},
      {MOUNTS, V1_MOUNT("/docker/x")},
      {V1 "/b/memory.stat", "hierarchical_memory_limit 100\n"},
      {V1 "/b/memory.limit_in_bytes", NO_LIMIT},
      {V1 "/memory.limit_in_bytes", "200\n"},
      {V1 "/memory.usage_in_bytes", "60\n"}}},
    {"version 1, no limit",
     0,
     "",
     0,
     {{SELF, "4:memory:/a\n0::/\n"},
      {MOUNTS, V1_MOUNT("/") V2_MOUNT},
      {V1 "/a/memory.stat", "hierarchical_memory_limit " NO_LIMIT},
      {V1 "/a/memory.limit_in_bytes", NO_LIMIT},
      {V2 "/memory.max", "5\n"}}},
    {"version 1 without memory.stat",
     100,
     V1 "/a",
     60,
     {{SELF, "4:memory:/a\n"},
      {MOUNTS, V1_MOUNT("/")},
      {V1 "/a/memory.limit_in_bytes", "100\n"},
      {V1 "/a/memory.usage_in_bytes", "60\n"}}},
    {"hybrid: memory is of version 2",
     100,
     V2 "/unified/a",
     60,
     {{SELF, "3:cpu,cpuacct:/\n0::/a\n"},
      {MOUNTS, OTHERS "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"},
      {V2 "/unified/a/memory.max", "100\n"},
      {V2 "/unified/a/memory.current", "60\n"}}},
    {"nothing is mounted", 0, "", 0, {{SELF, "0::/a\n"}, {MOUNTS, OTHERS}}},
    {"no mountinfo", 0, "", 0, {{SELF, "0::/a\n"}, {V2 "/a/memory.max", "5\n"}}},
    {"no /proc", 0, "", 0, {{V2 "/memory.max", "5\n"}}},
    {"no groups", 0, "", 0, {{SELF, ""}, {MOUNTS, V2_MOUNT}, {V2 "/memory.max", "5\n"}}},
    {"what is no line", 0, "", 0, {{SELF, "\n::\n0:\nx\n0::a\n"}, {MOUNTS, "\n - \n1 2 3\n"}}},
    {"odd numbers",
     0,
     "",
     0,
     {{SELF, "0::/a\n"},
      {MOUNTS, V2_MOUNT},
      {V2 "/a/memory.max", "12x\n"},
      {V2 "/a/memory.high", ""},
      {V2 "/memory.max", "99999999999999999999999999\n"}}},
    {"the limit can be read, what is used not",
     100,
     V2 "/a",
     UINT64_MAX,
     {{SELF, "0::/a\n"}, {MOUNTS, V2_MOUNT}, {V2 "/a/memory.max", "100\n"}}},
    {"more files than all there is",
     100,
     V2 "/a",
     0,
     {{SELF, "0::/a\n"},
      {MOUNTS, V2_MOUNT},
      {V2 "/a/memory.max", "100\n"},
      {V2 "/a/memory.current", "5\n"},
      {V2 "/a/memory.stat", "inactive_file 7\n"}}},
};

static const tree_t* tree;

static const char* text_of(const char* path) {
  for (size_t i = 0; i < 14; i++) {
    if (tree->files[i].path != NULL && strcmp(tree->files[i].path, path) == 0) {
      return tree->files[i].text;
    }
  }
  return NULL;
}

static bool read_file(const char* path, rix_cgroup_take_t* take, void* arg) {
  const char* text = text_of(path);
  if (text == NULL) return false;
  bool more = true;
  while (*text != '\0' && more) {
    static char line[RIX_CGROUP_LINE];
    const size_t length = strcspn(text, "\n");
    CHECK(length < sizeof(line));
    memcpy(line, text, length);
    line[length] = '\0';
    more = take(line, arg);
    text += length + (text[length] == '\n');
  }
  return true;
}

static void all_trees(void) {
  for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
    tree = &trees[i];
    rix_cgroup_t group;
    const bool found = rix_cgroup_find(&group, read_file);
    CHECK_MSG(found == (tree->limit != 0), "%s", tree->name);
    if (!found) continue;
    CHECK_MSG(group.limit == tree->limit && strcmp(group.folder, tree->folder) == 0,
              "%s: %llu in %s", tree->name, (unsigned long long)group.limit, group.folder);
    uint64_t usage = UINT64_MAX;
    const bool known = rix_cgroup_usage(&group, read_file, &usage);
    CHECK_MSG(known == (tree->usage != UINT64_MAX) && usage == tree->usage, "%s: %llu", tree->name,
              (unsigned long long)usage);
  }
}

// Paths as long as a name may be, and longer.
static void long_paths(void) {
  static char own[3000], mounts[3000];
  static tree_t deep = {.name = "long"};
  tree = &deep;
  for (size_t length = 1000; length < 1040; length++) {
    memset(own, 'a', sizeof(own));
    memcpy(own, "0::/", 4);
    own[3 + length] = '\0';
    for (size_t in_mount = 0; in_mount < 2; in_mount++) {
      memset(mounts, 'b', sizeof(mounts));
      const int n = snprintf(mounts, sizeof(mounts), "30 22 0:27 / /");
      mounts[n] = 'b';
      const size_t end = (size_t)n + (in_mount ? length : 3);
      snprintf(mounts + end, sizeof(mounts) - end, " rw - cgroup2 cgroup2 rw\n");
      deep.files[0] = (file_t){SELF, own};
      deep.files[1] = (file_t){MOUNTS, mounts};
      rix_cgroup_t group;
      CHECK(!rix_cgroup_find(&group, read_file));
    }
  }
}

int main(void) {
  all_trees();
  long_paths();
  return 0;
}
