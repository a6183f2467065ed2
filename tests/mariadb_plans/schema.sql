-- A shop whose columns that are asked for have no index, except where a plan through one is wanted.
CREATE TABLE customers (
    id int PRIMARY KEY,
    email varchar(80) NOT NULL,
    country char(2) NOT NULL,
    name varchar(80) NOT NULL,
    credit int NOT NULL
);
INSERT INTO customers
SELECT seq, concat('c', seq, '@example.test'), elt(1 + seq % 7, 'de', 'fr', 'gb', 'it', 'nl', 'pl', 'se'),
    concat('customer ', seq), seq % 1000
FROM seq_1_to_20000;

CREATE TABLE products (id int PRIMARY KEY, title varchar(80) NOT NULL, price decimal(10, 2) NOT NULL, maker int NOT NULL);
INSERT INTO products SELECT seq, concat('product ', seq), seq % 90, seq % 25 FROM seq_1_to_500;

CREATE TABLE orders (
    id int PRIMARY KEY,
    customer_id int NOT NULL,
    status varchar(10) NOT NULL,
    placed_at datetime NOT NULL,
    total decimal(10, 2) NOT NULL,
    note varchar(100)
);
INSERT INTO orders
SELECT seq, 1 + (seq * 7919) % 20000, CASE WHEN seq % 500 = 0 THEN 'failed' WHEN seq % 3 = 0 THEN 'open' ELSE 'paid' END,
    '2024-01-01' + INTERVAL seq MINUTE, (seq * 31) % 1000, repeat('x', seq % 90)
FROM seq_1_to_100000;

CREATE TABLE items (
    order_id int NOT NULL,
    position int NOT NULL,
    product_id int NOT NULL,
    quantity int NOT NULL,
    PRIMARY KEY (order_id, position)
);
INSERT INTO items SELECT 1 + seq DIV 3, seq % 3, 1 + (seq * 31) % 500, 1 + seq % 5 FROM seq_0_to_150000;

-- With indexes: what is read through several at once, in an order, or from one alone.
CREATE TABLE visits (
    id int PRIMARY KEY,
    page int NOT NULL,
    visitor int NOT NULL,
    at datetime NOT NULL,
    KEY visits_page (page),
    KEY visits_visitor (visitor),
    KEY visits_at (at)
);
INSERT INTO visits SELECT seq, seq % 977, (seq * 31) % 4001, '2024-01-01' + INTERVAL seq SECOND FROM seq_1_to_50000;
ANALYZE TABLE customers, products, orders, items, visits PERSISTENT FOR ALL;
