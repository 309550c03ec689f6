-- SPDX-License-Identifier: MIT
-- SQLite at work, in memory: inserts, indexes, joins, aggregates, text, deletes.
PRAGMA journal_mode = OFF;
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, city INTEGER, note TEXT);
CREATE TABLE trade (id INTEGER PRIMARY KEY, person INTEGER, amount REAL, tag TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
INSERT INTO person SELECT i, 'person ' || (i * 7919 % 150000), i * 31 % 977,
  substr('the quick brown fox jumps over the lazy dog', i % 30, 12) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250000)
INSERT INTO trade SELECT i, i * 104729 % 150000 + 1, i % 1000 / 10.0, 'tag' || i % 211 FROM n;
CREATE INDEX person_name ON person (name);
CREATE INDEX trade_person ON trade (person);
SELECT count(*), sum(length(name)), max(note) FROM person WHERE name LIKE '%99%';
SELECT city, count(*), round(sum(amount), 2) FROM person JOIN trade ON trade.person = person.id
  GROUP BY city ORDER BY 3 DESC, 1 LIMIT 5;
SELECT length(group_concat(name || ':' || note, ';')) FROM person WHERE city < 300;
SELECT tag, count(DISTINCT person) FROM trade GROUP BY tag ORDER BY 2 DESC, 1 LIMIT 3;
UPDATE person SET note = note || '!' || upper(name) WHERE id % 3 = 0;
DELETE FROM trade WHERE person IN (SELECT id FROM person WHERE city % 2 = 0);
SELECT count(*), round(sum(amount), 2) FROM trade;
