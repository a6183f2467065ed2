-- A small shop: skewed, correlated and rare values, indexes of every kind, and roles that may see more or less.
CREATE EXTENSION pg_stat_statements;
CREATE ROLE monitor LOGIN;
GRANT pg_monitor TO monitor;
CREATE ROLE stranger LOGIN;

CREATE TABLE customers (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    "Full Name" text COLLATE "C",
    tags text[] NOT NULL DEFAULT '{}'
);
INSERT INTO customers
SELECT i, 'customer' || i || '@example.org', 'name ' || i, ARRAY['a', 'b' || i % 7] FROM generate_series(1, 20000) i;

CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    total numeric NOT NULL,
    note text
);
INSERT INTO orders
SELECT i, 1 + (i * 7919) % 20000, CASE WHEN i % 500 = 0 THEN 'failed' WHEN i % 3 = 0 THEN 'open' ELSE 'paid' END,
    timestamptz '2024-01-01' + i * interval '1 minute', (i * 31) % 1000, CASE WHEN i % 10 = 0 THEN 'note ' || i END
FROM generate_series(1, 200000) i;

CREATE INDEX orders_lower_note ON orders (lower(note) text_pattern_ops DESC NULLS LAST, total DESC) WHERE note IS NOT NULL;
SELECT :SERVER_VERSION_NUM >= 110000 AS has_include \gset
\if :has_include
CREATE UNIQUE INDEX customers_email ON customers (email) INCLUDE ("Full Name");
\else
CREATE UNIQUE INDEX customers_email ON customers (email);
\endif
CREATE INDEX customers_tags ON customers USING gin (tags);
CREATE INDEX customers_name ON customers ("Full Name");
-- What a build with CONCURRENTLY leaves behind when it fails.
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'customers_name'::regclass;

CREATE TABLE events (id bigint NOT NULL, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO events SELECT i, timestamptz '2024-02-01' + i * interval '1 minute' FROM generate_series(1, 1000) i;

CREATE SEQUENCE numbers;
CREATE TABLE accounts (id int PRIMARY KEY, secret text);
REVOKE ALL ON accounts FROM PUBLIC;
GRANT SELECT ON customers, orders TO monitor;
VACUUM ANALYZE;
