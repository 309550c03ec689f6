// SPDX-License-Identifier: MIT
// replay.c: runs a fuzzer on stored inputs, without a fuzzing engine: in any build, under any tool.
// usage: NAME FILE_OR_FOLDER...
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

static uint8_t input[1 << 20];

static void replay_file(const char* path) {
  FILE* const f = fopen(path, "rb");
  CHECK_MSG(f != NULL, "%s: %s", path, strerror(errno));
  const size_t size = fread(input, 1, sizeof(input), f);
  CHECK_MSG(feof(f), "%s is too large", path);
  fclose(f);
  LLVMFuzzerTestOneInput(input, size);
}

static size_t replay_folder(const char* path) {
  DIR* const folder = opendir(path);
  CHECK_MSG(folder != NULL, "%s: %s", path, strerror(errno));
  size_t count = 0;
  for (const struct dirent* e = readdir(folder); e != NULL; e = readdir(folder)) {
    if (e->d_name[0] == '.') continue;
    char file[4096];
    CHECK((size_t)snprintf(file, sizeof(file), "%s/%s", path, e->d_name) < sizeof(file));
    replay_file(file);
    count++;
  }
  closedir(folder);
  return count;
}

int main(int argc, char** argv) {
  size_t count = 0;
  for (int i = 1; i < argc; i++) {
    struct stat status;
    CHECK_MSG(stat(argv[i], &status) == 0, "%s: %s", argv[i], strerror(errno));
    if (S_ISDIR(status.st_mode)) {
      count += replay_folder(argv[i]);
    } else {
      replay_file(argv[i]);
      count++;
    }
  }
  CHECK_MSG(count > 0, "no inputs given");
  printf("%zu inputs\n", count);
  return 0;
}
