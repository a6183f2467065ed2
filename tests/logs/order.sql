\set customer random(1, 2000)
\set product random(1, 500)
BEGIN;
INSERT INTO orders (customer_id, status, total, note)
VALUES (:customer, 'new', 12.50, 'it''s a "test"; with -- odd /* bits */ and \ backslash');
INSERT INTO order_items (order_id, product_id, qty, price)
VALUES (currval('orders_id_seq'), :product, 1, 9.5), (currval('orders_id_seq'), 1, 2, 3.25);
UPDATE products SET stock = stock + 3 WHERE id = :product;
COMMIT;
