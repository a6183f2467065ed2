-- Fills the tables of schema.sql: the same rows each time, as everything comes from hashes of row numbers.
--
-- Foreign keys are not checked while it loads; every key that is made up here exists.

SET session_replication_role = replica;
SET work_mem = '64MB';
SET maintenance_work_mem = '256MB';

-- Even in [0, 1): the same for the same row and column.
CREATE FUNCTION pg_temp.part(row_number bigint, seed int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(row_number, seed) & 4503599627370495) / 4503599627370496.0::float8;

-- 0 .. below - 1
CREATE FUNCTION pg_temp.pick(row_number bigint, seed int, below int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN floor((hashint8extended(row_number, seed) & 4503599627370495) / 4503599627370496.0::float8 * below)::int;

-- Tenants are as different in size as customers are: the first has 2 % of all rows, the last 0.03 %. A user's tenant
-- is tenant(id, 1), and what a user does is that tenant's.
CREATE FUNCTION pg_temp.tenant(row_number bigint, seed int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 + floor(((hashint8extended(row_number, seed) & 4503599627370495) / 4503599627370496.0::float8) ^ 2 * 2000)::int;

INSERT INTO countries
SELECT chr(65 + n / 26) || chr(65 + n % 26), 'Country ' || n, (ARRAY['Africa', 'America', 'Asia', 'Europe', 'Oceania'])[1 + n % 5]
FROM generate_series(0, 248) n;

INSERT INTO feature_flags SELECT n, 'feature_' || n, n % 3 = 0, n * 2 FROM generate_series(1, 40) n;

INSERT INTO categories SELECT n, 'Category ' || n FROM generate_series(1, 300) n;

INSERT INTO tenants
SELECT n, 'tenant-' || n, 'Tenant ' || n,
    (ARRAY['free', 'free', 'free', 'free', 'team', 'team', 'team', 'business', 'business', 'enterprise'])[1 + pg_temp.pick(n, 1, 10)],
    chr(65 + pg_temp.pick(n, 2, 9)) || chr(65 + pg_temp.pick(n, 3, 26)),
    '2019-01-01'::timestamptz + n * interval '1 day'
FROM generate_series(1, 2000) n;

INSERT INTO users
SELECT n, pg_temp.tenant(n, 1),
    f || '.' || l || n || '@' || (ARRAY['Example.com', 'mail.example', 'corp.example', 'post.example'])[1 + pg_temp.pick(n, 2, 4)],
    f || ' ' || l,
    chr(65 + (pg_temp.part(n, 3) ^ 2 * 9)::int % 9) || chr(65 + pg_temp.pick(n, 4, 26)),
    upper(substr(md5('referral' || n), 1, 10)),
    3000000 - n,
    '2022-01-01'::timestamptz + n * interval '8 minutes',
    CASE WHEN pg_temp.part(n, 5) < 0.7 THEN '2026-07-01'::timestamptz - pg_temp.part(n, 6) ^ 3 * interval '900 days' END,
    CASE WHEN pg_temp.part(n, 7) < 0.003 THEN '2026-07-01'::timestamptz - pg_temp.part(n, 8) * interval '700 days' END
FROM generate_series(1, 300000) n,
    LATERAL (SELECT
        (ARRAY['Maria', 'John', 'Wei', 'Fatima', 'Anna', 'Noah', 'Ivan', 'Aiko', 'Lucas', 'Zoë', 'Emma', 'José', 'Olga', 'Omar', 'Priya',
            'Liam', 'Nina', 'Hugo', 'Sara', 'Tom'])[1 + pg_temp.pick(n, 9, 20)] AS f,
        (ARRAY['Lopez', 'Smith', 'Chen', 'Khan', 'Novak', 'Berg', 'Petrov', 'Sato', 'Silva', 'Müller', 'Rossi', 'Garcia', 'Ivanova', 'Haddad',
            'Patel', 'Byrne', 'Kowalski', 'Martin', 'Lind', 'Osei', 'Quispe', 'Yilmaz', 'Zhou', 'Dubois', 'Eriksen'])[1 + pg_temp.pick(n, 10, 25)] AS l) names;

INSERT INTO teams SELECT n, pg_temp.tenant(n, 1), 'Team ' || n FROM generate_series(1, 20000) n;

INSERT INTO memberships
SELECT DISTINCT ON (user_id, team_id) 1 + pg_temp.pick(n, 1, 300000) AS user_id, 1 + pg_temp.pick(n, 2, 20000) AS team_id,
    CASE WHEN pg_temp.part(n, 3) < 0.05 THEN 'owner' ELSE 'member' END, '2025-01-01'::timestamptz + pg_temp.part(n, 4) * interval '500 days'
FROM generate_series(1, 300000) n
ORDER BY user_id, team_id, n;

INSERT INTO sessions
SELECT n, 1 + pg_temp.pick(n, 1, 300000), md5('session' || n), '10.0.0.0'::inet + pg_temp.pick(n, 2, 16000000),
    '2026-07-01'::timestamptz + (pg_temp.part(n, 3) - 0.001) * interval '90 days'
FROM generate_series(1, 300000) n;

INSERT INTO products
SELECT n, pg_temp.tenant(n, 1), 1 + pg_temp.pick(n, 2, 300),
    upper(substr(md5('sku' || n), 1, 3)) || '-' || lpad(n::text, 6, '0'),
    (ARRAY['Red', 'Blue', 'Small', 'Large', 'Soft', 'Steel', 'Oak', 'Glass'])[1 + pg_temp.pick(n, 3, 8)] || ' '
        || (ARRAY['chair', 'table', 'lamp', 'shelf', 'mug', 'plate', 'clock', 'rug', 'bench', 'frame'])[1 + pg_temp.pick(n, 4, 10)] || ' ' || n,
    repeat(md5('description' || n) || ' ', 5),
    100 + (pg_temp.part(n, 5) ^ 4 * 200000)::int, pg_temp.pick(n, 6, 500),
    ARRAY['tag' || (pg_temp.part(n, 7) ^ 2 * 400)::int, 'tag' || (pg_temp.part(n, 8) ^ 2 * 400)::int]
FROM generate_series(1, 60000) n;

INSERT INTO coupons
SELECT n, pg_temp.tenant(n, 1), upper(substr(md5('coupon' || n), 1, 8)), 5 + pg_temp.pick(n, 2, 10) * 5, '2026-01-01'::date + pg_temp.pick(n, 3, 365)
FROM generate_series(1, 12000) n;

-- About in the order of time, as some orders are entered later: 18 months, 800,000 orders.
INSERT INTO orders
SELECT n, pg_temp.tenant(user_id, 1), user_id, status,
    (ARRAY['USD', 'USD', 'USD', 'USD', 'EUR', 'EUR', 'EUR', 'GBP', 'GBP', 'JPY'])[1 + pg_temp.pick(n, 4, 10)],
    total, CASE WHEN pg_temp.part(n, 6) < 0.0005 THEN total + 100 WHEN pg_temp.part(n, 6) < 0.1 THEN total / 10 ELSE 0 END,
    CASE WHEN pg_temp.part(n, 7) < 0.02 THEN upper(substr(md5('coupon' || 1 + pg_temp.pick(n, 8, 12000)), 1, 8)) END,
    created,
    CASE WHEN status = 'shipped' THEN created + pg_temp.part(n, 10) * interval '9 days' END,
    substr(md5('note' || n), 1, 8 + pg_temp.pick(n, 11, 24))
FROM generate_series(1, 800000) n,
    LATERAL (SELECT
        CASE WHEN p < 0.0004 THEN 'pending' WHEN p < 0.005 THEN 'refunded' WHEN p < 0.05 THEN 'cancelled' WHEN p < 0.2 THEN 'paid'
            ELSE 'shipped' END AS status,
        100 + (t ^ 6 * 1000000)::int AS total,
        '2025-01-01'::timestamptz + n * interval '59 seconds' + d * interval '2 days' AS created, user_id
     FROM (SELECT 1 + (pg_temp.part(n, 2) ^ 2 * 299999)::int AS user_id,
         pg_temp.part(n, 3) AS p, pg_temp.part(n, 5) AS t, pg_temp.part(n, 9) AS d) parts) made;

INSERT INTO order_items
SELECT n, 1 + pg_temp.pick(n, 1, 8) + (n / 2) % 799993, 1 + (pg_temp.part(n, 2) ^ 2 * 59999)::int, 1 + (pg_temp.part(n, 3) ^ 8 * 40)::int,
    100 + (pg_temp.part(n, 4) ^ 4 * 200000)::int
FROM generate_series(1, 1600000) n;

-- Two of three orders are paid through the provider.
INSERT INTO payments
SELECT row_number() OVER (ORDER BY id), id, 'pay_' || md5('payment' || id), total_cents, created_at AT TIME ZONE 'UTC' + interval '3 minutes'
FROM orders WHERE pg_temp.part(id, 20) < 0.66;

-- 120 days, 1,200,000 events.
INSERT INTO events
SELECT n, pg_temp.tenant(user_id, 1), user_id,
    CASE WHEN p < 0.7 THEN 'page_view' WHEN p < 0.9 THEN 'click' WHEN p < 0.98 THEN 'search' WHEN p < 0.999 THEN 'checkout' ELSE 'error' END,
    '2026-03-01'::timestamptz + n * interval '8.64 seconds',
    CASE WHEN p >= 0.98 THEN jsonb_build_object('order', 1 + pg_temp.pick(n, 4, 800000), 'step', 1 + pg_temp.pick(n, 5, 5))
        ELSE jsonb_build_object('path', '/page/' || pg_temp.pick(n, 6, 500), 'ms', pg_temp.pick(n, 7, 900)) END
FROM generate_series(1, 1200000) n, LATERAL (SELECT pg_temp.part(n, 3) AS p, 1 + (pg_temp.part(n, 2) ^ 3 * 299999)::int AS user_id) kinds;

INSERT INTO folders SELECT n, pg_temp.tenant(n, 1), 'Folder ' || n FROM generate_series(1, 10000) n;

INSERT INTO documents
SELECT n, 1 + pg_temp.pick(n, 1, 10000),
    (ARRAY['Weekly', 'Monthly', 'Quarterly', 'Draft', 'Final', 'Signed', 'Internal', 'Public'])[1 + pg_temp.pick(n, 2, 8)] || ' '
        || (ARRAY['report', 'invoice', 'contract', 'minutes', 'budget', 'roadmap', 'offer', 'survey', 'plan', 'letter'])[1 + pg_temp.pick(n, 3, 10)]
        || ' for ' || words.first || ' ' || words.second || ' ' || n,
    'The ' || words.first || ' of ' || words.second || ' is described here: ' || repeat(md5('content' || n) || ' ', 4) || words.third,
    jsonb_build_object('external_id', 'ext-' || n * 7, 'state', CASE WHEN pg_temp.part(n, 5) < 0.001 THEN 'quarantined' ELSE 'ok' END,
        'flagged', pg_temp.part(n, 6) < 0.5, 'owner', jsonb_build_object('id', 1 + pg_temp.pick(n, 7, 300000)),
        'size', pg_temp.pick(n, 8, 100000)),
    ARRAY['label' || (pg_temp.part(n, 9) ^ 2 * 2000)::int, 'label' || (pg_temp.part(n, 10) ^ 2 * 2000)::int, 'year' || 2020 + pg_temp.pick(n, 11, 7)],
    pg_temp.part(n, 12) < 0.6,
    '2026-07-01'::timestamptz - pg_temp.part(n, 13) * interval '800 days'
FROM generate_series(1, 150000) n,
    LATERAL (SELECT substr(md5('word' || pg_temp.pick(n, 14, 3000)), 1, 7) AS first, substr(md5('word' || pg_temp.pick(n, 15, 3000)), 1, 7) AS second,
        substr(md5('word' || pg_temp.pick(n, 16, 3000)), 1, 7) AS third) words;

INSERT INTO tickets
SELECT n, pg_temp.tenant(reporter_id, 1), reporter_id,
    CASE WHEN pg_temp.part(n, 3) < 0.7 THEN 1 + pg_temp.pick(n, 4, 5000) END,
    CASE WHEN pg_temp.part(n, 5) < 0.003 THEN 'open' WHEN pg_temp.part(n, 5) < 0.004 THEN 'escalated' WHEN pg_temp.part(n, 5) < 0.1 THEN 'waiting'
        ELSE 'closed' END,
    1 + pg_temp.pick(n, 6, 5),
    'Ticket about ' || substr(md5('subject' || pg_temp.pick(n, 7, 20000)), 1, 9) || ' number ' || n,
    '2024-07-01'::timestamptz + n * interval '315 seconds'
FROM generate_series(1, 200000) n, LATERAL (SELECT 1 + pg_temp.pick(n, 2, 300000) AS reporter_id) reporters;

INSERT INTO tasks
SELECT n, (ARRAY['mail', 'export', 'billing', 'search'])[1 + pg_temp.pick(n, 1, 4)], 1 + pg_temp.pick(n, 2, 10), md5('task' || n),
    '2026-06-01'::timestamptz + n * interval '8 seconds',
    CASE WHEN n <= 299000 AND pg_temp.part(n, 3) < 0.9995 THEN '2026-06-01'::timestamptz + n * interval '8 seconds' + pg_temp.part(n, 4) * interval '1 hour' END
FROM generate_series(1, 300000) n;

INSERT INTO audit_log
SELECT n, 1 + (pg_temp.part(n, 1) ^ 2 * 20000)::int,
    (ARRAY['order', 'order', 'order', 'user', 'product', 'document'])[1 + pg_temp.pick(n, 2, 6)], 1 + pg_temp.pick(n, 3, 50000),
    (ARRAY['create', 'update', 'update', 'update', 'delete'])[1 + pg_temp.pick(n, 4, 5)],
    '2026-01-01'::timestamptz + n * interval '25 seconds'
FROM generate_series(1, 600000) n;

RESET session_replication_role;
VACUUM (FREEZE, ANALYZE);
ANALYZE audit_log;
