SELECT 'caffè ☕', 'o''neil', E'a\nb', $tag$dollar 'quoted'$tag$;
SELECT 1 /*route='/orders/:id',traceparent='00-0123456789abcdef0123456789abcdef-0123456789abcdef-01'*/;
SELECT nosuch FROM customers;
SELECT * FROM custmers;
SELECT 1/0;
INSERT INTO customers (id, email) VALUES (1, 'dup@example.test');
SELECT reserve(1, 2);
SELECT reserve(1, 1000000000);
PREPARE by_id(int) AS SELECT * FROM orders WHERE id = $1;
EXECUTE by_id(42);
EXECUTE by_id(43);
DEALLOCATE by_id;
BEGIN;
DECLARE cur CURSOR FOR SELECT * FROM orders WHERE total > 10 ORDER BY id;
FETCH 10 FROM cur;
FETCH 10 FROM cur;
CLOSE cur;
SAVEPOINT a;
UPDATE products SET stock = 1 WHERE id = 2;
ROLLBACK TO SAVEPOINT a;
COMMIT;
BEGIN;
SELECT 1/0;
SELECT 2;
ROLLBACK;
CREATE TEMP TABLE tt AS SELECT g FROM generate_series(1, 20000) g;
CREATE INDEX ON tt(g);
SELECT count(*) FROM (SELECT g FROM tt ORDER BY md5(g::text)) s;
INSERT INTO audit_log VALUES ('a', 'b', '{"i": 1}'), ('c', 'd', '{"i": 2}'), ('e', 'f', '{"i": 3}');
INSERT INTO audit_log VALUES ('a', 'b', '{"i": 1}');
COPY (SELECT * FROM customers LIMIT 3) TO STDOUT;
DO $$ BEGIN RAISE WARNING 'careful: % left', 3; END $$;
SET statement_timeout = '100ms';
SELECT pg_sleep(5);
RESET statement_timeout;
EXPLAIN SELECT * FROM orders WHERE id = 1;
SELECT count(*)
FROM orders	-- with a tab
WHERE note LIKE '%
second line: LOG:  duration: 1 ms  statement: SELECT not a record
%';
TRUNCATE audit_log;
