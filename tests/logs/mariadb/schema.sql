CREATE TABLE customers (id int PRIMARY KEY, email varchar(80), name varchar(80), country varchar(10));
CREATE TABLE products (id int PRIMARY KEY, title varchar(80), price decimal(10, 2), stock int);
CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, customer_id int, status varchar(10), total decimal(10, 2), note text);
CREATE TABLE order_items (order_id int, product_id int, qty int, price decimal(10, 2), KEY (order_id));
CREATE TABLE audit_log (actor varchar(20), action varchar(20), payload text);
INSERT INTO customers SELECT seq, concat('c', seq, '@example.test'), concat('customer ', seq), concat('c', seq % 7) FROM seq_1_to_2000;
INSERT INTO products SELECT seq, concat('product ', seq), seq % 90, 1000 FROM seq_1_to_500;
INSERT INTO orders (customer_id, status, total) SELECT seq % 2000 + 1, 'new', seq FROM seq_1_to_6000;
INSERT INTO order_items SELECT seq % 6000 + 1, seq % 500 + 1, 1, 9.5 FROM seq_1_to_12000;
CREATE DATABASE other;
CREATE TABLE other.customers (id int PRIMARY KEY, email varchar(80));
INSERT INTO other.customers VALUES (1, 'a@example.test');
DELIMITER $$
CREATE PROCEDURE reserve(p int, q int) BEGIN
    UPDATE products SET stock = stock - q WHERE id = p AND stock >= q;
    SELECT stock FROM products WHERE id = p;
END$$
DELIMITER ;
