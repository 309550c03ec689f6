# SPDX-License-Identifier: MIT
# real_sqlite.sh: sqlite builds a table of a million rows in memory, indexes, sorts, joins and
# deletes in it.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need sqlite3
cat > "$work/script.sql" << 'END'
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -200000;
CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
  INSERT INTO t SELECT i, i * 7919 % 1000003, printf('%0*d', 5 + i % 60, i) FROM n;
CREATE INDEX tb ON t(b);
SELECT count(*), sum(b), min(c), max(c) FROM t;
SELECT sum(length(c)) FROM (SELECT c FROM t ORDER BY b DESC LIMIT 300000);
SELECT count(DISTINCT b % 1000), group_concat(DISTINCT a % 50) FROM t WHERE b < 40000;
SELECT x.a, y.b, substr(x.c, 1, 9) FROM t x JOIN t y ON x.b = y.a WHERE x.a % 50000 = 0;
DELETE FROM t WHERE a % 3 = 0;
UPDATE t SET c = c || c WHERE a % 5 = 0;
SELECT count(*), sum(length(c)) FROM t;
VACUUM;
PRAGMA integrity_check;
END
both sqlite sqlite3 -init /dev/null -batch :memory: ".read $work/script.sql"
