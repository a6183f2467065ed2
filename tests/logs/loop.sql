\set customer random(1, 2000)
SELECT id, customer_id, total FROM orders WHERE status = 'new' ORDER BY id LIMIT 12;
SELECT id, email, name FROM customers WHERE id = :customer;
SELECT id, email, name FROM customers WHERE id = :customer + 1;
SELECT id, email, name FROM customers WHERE id = :customer + 2;
SELECT id, email, name FROM customers WHERE id = :customer + 3;
SELECT id, email, name FROM customers WHERE id = :customer + 4;
SELECT id, title FROM products WHERE id IN (:customer, :customer + 3, :customer + 6);
SELECT id, title FROM products WHERE id IN (:customer, :customer + 3, :customer + 6, :customer + 9, :customer + 12);
