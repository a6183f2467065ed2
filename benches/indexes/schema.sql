-- A shop that serves many tenants: tables, keys, and the indexes that it begins with. data.sql fills it.
--
-- As in real schemas, foreign keys have no index unless a primary key happens to begin with them. The database's
-- collation is ICU's English, so a plain index on text does not serve LIKE.

CREATE EXTENSION pg_trgm;

CREATE TABLE countries (
    code text PRIMARY KEY,
    name text NOT NULL,
    region text NOT NULL
);

CREATE TABLE feature_flags (
    id int PRIMARY KEY,
    name text NOT NULL,
    enabled boolean NOT NULL,
    rollout_percent int NOT NULL
);

CREATE TABLE tenants (
    id int PRIMARY KEY,
    slug text NOT NULL,
    name text NOT NULL,
    plan text NOT NULL,
    country_code text NOT NULL REFERENCES countries,
    created_at timestamptz NOT NULL
);

CREATE TABLE users (
    id int PRIMARY KEY,
    tenant_id int NOT NULL REFERENCES tenants,
    email text NOT NULL,
    full_name text NOT NULL,
    country_code text NOT NULL REFERENCES countries,
    referral_code text NOT NULL,
    legacy_id int NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz,
    deleted_at timestamptz
);

CREATE TABLE teams (
    id int PRIMARY KEY,
    tenant_id int NOT NULL REFERENCES tenants,
    name text NOT NULL
);

CREATE TABLE memberships (
    user_id int NOT NULL REFERENCES users,
    team_id int NOT NULL REFERENCES teams ON DELETE CASCADE,
    role text NOT NULL,
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, team_id)
);

CREATE TABLE sessions (
    id int PRIMARY KEY,
    user_id int NOT NULL REFERENCES users,
    token text NOT NULL,
    address inet NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE categories (
    id int PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE products (
    id int PRIMARY KEY,
    tenant_id int NOT NULL REFERENCES tenants,
    category_id int NOT NULL REFERENCES categories,
    sku text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    price_cents int NOT NULL,
    stock int NOT NULL,
    tags text[] NOT NULL
);

CREATE TABLE coupons (
    id int PRIMARY KEY,
    tenant_id int NOT NULL REFERENCES tenants,
    code text NOT NULL,
    percent int NOT NULL,
    valid_until date NOT NULL
);

CREATE TABLE orders (
    id int PRIMARY KEY,
    tenant_id int NOT NULL REFERENCES tenants,
    user_id int NOT NULL REFERENCES users,
    status text NOT NULL,
    currency text NOT NULL,
    total_cents int NOT NULL,
    discount_cents int NOT NULL,
    coupon_code text,
    created_at timestamptz NOT NULL,
    shipped_at timestamptz,
    note text NOT NULL
);

CREATE TABLE order_items (
    id int PRIMARY KEY,
    order_id int NOT NULL REFERENCES orders ON DELETE CASCADE,
    product_id int NOT NULL REFERENCES products,
    quantity int NOT NULL,
    unit_price_cents int NOT NULL
);

CREATE TABLE payments (
    id int PRIMARY KEY,
    order_id int NOT NULL REFERENCES orders ON DELETE CASCADE,
    provider_reference text NOT NULL,
    amount_cents int NOT NULL,
    paid_at timestamp NOT NULL
);

-- Written once, in the order of time.
CREATE TABLE events (
    id bigint PRIMARY KEY,
    tenant_id int NOT NULL,
    user_id int NOT NULL,
    kind text NOT NULL,
    created_at timestamptz NOT NULL,
    payload jsonb NOT NULL
);

CREATE TABLE folders (
    id int PRIMARY KEY,
    tenant_id int NOT NULL REFERENCES tenants,
    name text NOT NULL
);

CREATE TABLE documents (
    id int PRIMARY KEY,
    folder_id int NOT NULL REFERENCES folders ON DELETE CASCADE,
    title text NOT NULL,
    content text NOT NULL,
    body jsonb NOT NULL,
    tags text[] NOT NULL,
    archived boolean NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE tickets (
    id int PRIMARY KEY,
    tenant_id int NOT NULL REFERENCES tenants,
    reporter_id int NOT NULL REFERENCES users,
    assignee_id int REFERENCES users,
    status text NOT NULL,
    priority int NOT NULL,
    subject text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE tasks (
    id int PRIMARY KEY,
    queue text NOT NULL,
    priority int NOT NULL,
    payload text NOT NULL,
    run_at timestamptz NOT NULL,
    done_at timestamptz
);

CREATE TABLE audit_log (
    id bigint NOT NULL,
    actor_id int NOT NULL,
    entity_type text NOT NULL,
    entity_id int NOT NULL,
    action text NOT NULL,
    logged_at timestamptz NOT NULL
) PARTITION BY RANGE (logged_at);

CREATE TABLE audit_log_01 PARTITION OF audit_log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE audit_log_02 PARTITION OF audit_log FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE audit_log_03 PARTITION OF audit_log FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
CREATE TABLE audit_log_04 PARTITION OF audit_log FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
CREATE TABLE audit_log_05 PARTITION OF audit_log FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
CREATE TABLE audit_log_06 PARTITION OF audit_log FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
