SELECT 'caffè ☕', 'o''neil', 'a\nb', "double 'quoted'";
SELECT 1 /*route='/orders/:id',traceparent='00-0123456789abcdef0123456789abcdef-0123456789abcdef-01'*/;
SELECT nosuch FROM customers;
SELECT * FROM custmers;
SELECT 1/0;
INSERT INTO customers (id, email) VALUES (1, 'dup@example.test');
CALL reserve(1, 2);
CALL reserve(1, 1000000000);
PREPARE by_id FROM 'SELECT * FROM orders WHERE id = ?';
SET @id = 42;
EXECUTE by_id USING @id;
SET @id = 43;
EXECUTE by_id USING @id;
DEALLOCATE PREPARE by_id;
BEGIN;
SAVEPOINT a;
UPDATE products SET stock = 1 WHERE id = 2;
ROLLBACK TO SAVEPOINT a;
COMMIT;
START TRANSACTION READ ONLY;
SELECT 2;
ROLLBACK;
CREATE TEMPORARY TABLE tt AS SELECT seq AS g FROM seq_1_to_20000;
CREATE INDEX ttg ON tt (g);
SELECT count(*) FROM (SELECT g FROM tt ORDER BY md5(g)) s;
INSERT INTO audit_log VALUES ('a', 'b', '{"i": 1}'), ('c', 'd', '{"i": 2}'), ('e', 'f', '{"i": 3}');
INSERT INTO audit_log VALUES ('a', 'b', '{"i": 1}');
SELECT sleep(0.2);
SET STATEMENT max_statement_time = 0.1 FOR SELECT sleep(5);
EXPLAIN SELECT * FROM orders WHERE id = 1;
SELECT count(*)
FROM orders	# with a tab
WHERE note LIKE '%
# Time: 261123 21:35:36
# User@Host: shop[shop] @ localhost []
# Thread_id: 5  Schema: shop  QC_hit: No
not a header
%';
SELECT 'a statement in it;
# User@Host: shop[shop] @ localhost []
SET timestamp=1795888828;
';
TRUNCATE audit_log;
SELECT * FROM orders WHERE customer_id = 7 ORDER BY note;
SELECT o.id, c.email FROM orders o JOIN customers c ON c.email = o.note;
SHOW TABLES;
USE other;
SELECT email FROM customers WHERE id = 1;
USE shop;
SELECT email FROM customers WHERE id = 1;
DO 1;
