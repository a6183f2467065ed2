CREATE TABLE customers (id int PRIMARY KEY, email text, name text, country text);
CREATE TABLE products (id int PRIMARY KEY, title text, price numeric, stock int);
CREATE TABLE orders (id serial PRIMARY KEY, customer_id int REFERENCES customers, status text, total numeric, note text);
CREATE TABLE order_items (order_id int REFERENCES orders, product_id int REFERENCES products, qty int, price numeric);
CREATE TABLE audit_log (actor text, action text, payload jsonb);
INSERT INTO customers SELECT g, 'c' || g || '@example.test', 'customer ' || g, 'c' || g % 7 FROM generate_series(1, 2000) g;
INSERT INTO products SELECT g, 'product ' || g, g % 90, 1000 FROM generate_series(1, 500) g;
INSERT INTO orders (customer_id, status, total) SELECT g % 2000 + 1, 'new', g FROM generate_series(1, 6000) g;
INSERT INTO order_items SELECT g % 6000 + 1, g % 500 + 1, 1, 9.5 FROM generate_series(1, 12000) g;
CREATE FUNCTION reserve(p int, q int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    UPDATE products SET stock = stock - q WHERE id = p AND stock >= q;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'product % has no stock for %', p, q;
    END IF;
    RETURN (SELECT stock FROM products WHERE id = p);
END $$;
ANALYZE;
