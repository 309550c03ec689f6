# SPDX-License-Identifier: MIT
# real_git.sh: git makes a repository with a history, packs it (in threads), and reads it again.
# Object names are hashes of contents, so equal output means equal contents.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need git
export HOME=$work GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE="1700000000 +0000"
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org GIT_COMMITTER_DATE="1700000000 +0000"
# Runs on the allocator under test, all of it but the builtins of bash.
cat > "$work/history.sh" << 'END'
set -euo pipefail
git init -q -b main repository
cd repository
for commit in 1 2 3 4 5 6 7 8; do
  for ((i = 0; i < 60; i++)); do
    mkdir -p dir$((i % 6))
    for ((line = 0; line < 30 + i; line++)); do
      echo "file $i line $line commit $(((commit + i) % 4)) $((line * i * commit % 1009))"
    done > dir$((i % 6))/file$i
  done
  git add -A
  git commit -q -m "commit $commit"
  git tag "v$commit"
done
git checkout -q -b side v4
echo side > side
git add side
git commit -q -m side
git merge -q -m merge main -X theirs
git gc -q --aggressive --prune=now
git fsck --full --strict
git log --stat --format='%H %T %s' --all
git diff --stat v1 main
git blame main -- dir3/file9
git grep -c 'line 7' main
git ls-tree -r HEAD
git archive HEAD | git hash-object --stdin
END
both git bash "$work/history.sh"
