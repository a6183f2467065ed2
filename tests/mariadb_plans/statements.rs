//! What is asked of the shop of `schema.sql`, and whether an index can help.

/// A statement.
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    /// Whether there is an index that makes the server read less.
    pub(crate) is_helpable: bool,
    pub(crate) text: &'static str,
}

const fn helpable(name: &'static str, text: &'static str) -> Statement {
    Statement { name, is_helpable: true, text }
}

const fn hopeless(name: &'static str, text: &'static str) -> Statement {
    Statement { name, is_helpable: false, text }
}

pub(crate) const STATEMENTS: &[Statement] = &[
    helpable("equal", "SELECT total FROM orders WHERE customer_id = 77"),
    helpable("two_equal", "SELECT id FROM orders WHERE customer_id = 78 AND status = 'paid'"),
    helpable(
        "range",
        "SELECT id, total FROM orders WHERE placed_at BETWEEN '2024-01-10' AND '2024-01-10 06:00:00'",
    ),
    helpable("first_rows", "SELECT * FROM orders WHERE status = 'paid' ORDER BY placed_at DESC LIMIT 10"),
    helpable("order_alone", "SELECT id FROM orders ORDER BY placed_at LIMIT 20"),
    helpable("rare", "SELECT id FROM orders WHERE status = 'failed'"),
    helpable(
        "join",
        "SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.email = 'c77@example.test'",
    ),
    helpable("prefix", "SELECT id FROM customers WHERE email LIKE 'c777%'"),
    helpable("one_of", "SELECT id FROM orders WHERE customer_id IN (1, 2, 3)"),
    helpable("greatest", "SELECT max(placed_at) FROM orders WHERE customer_id = 5"),
    helpable("either", "SELECT id FROM orders WHERE customer_id = 5 OR placed_at = '2024-01-20 00:00:00'"),
    helpable(
        "dependent",
        "SELECT c.id, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) FROM customers c WHERE c.id < 8",
    ),
    helpable(
        "scalar",
        "SELECT id FROM visits WHERE page = (SELECT min(id) FROM orders WHERE customer_id = 9)",
    ),
    helpable(
        "exists",
        "SELECT p.id FROM products p WHERE p.maker = 3 AND EXISTS (SELECT 1 FROM items i WHERE i.product_id = p.id AND i.quantity = 5)",
    ),
    helpable(
        "in_subquery",
        "SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE placed_at < '2024-01-01 02:00:00')",
    ),
    helpable(
        "anti",
        "SELECT p.id FROM products p LEFT JOIN items i ON i.product_id = p.id WHERE i.order_id IS NULL",
    ),
    helpable("delete", "DELETE FROM orders WHERE customer_id = 9"),
    helpable("update", "UPDATE orders SET total = 0 WHERE customer_id = 10 AND status = 'open'"),
    helpable(
        "union",
        "SELECT id FROM orders WHERE customer_id = 7 UNION SELECT id FROM customers WHERE email = 'c7@example.test'",
    ),
    helpable(
        "group",
        "SELECT status, count(*) FROM orders WHERE customer_id BETWEEN 5 AND 9 GROUP BY status",
    ),
    helpable(
        "derived",
        "SELECT * FROM (SELECT customer_id, sum(total) AS spent FROM orders WHERE placed_at >= '2024-03-09' GROUP BY customer_id) d WHERE spent > 900",
    ),
    helpable(
        "cte",
        "WITH recent AS (SELECT customer_id FROM orders WHERE placed_at >= '2024-03-10') SELECT c.name, count(*) FROM recent r JOIN customers c ON c.id = r.customer_id GROUP BY c.id",
    ),
    helpable(
        "three",
        "SELECT c.name, i.quantity, p.title FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id WHERE c.email = 'c78@example.test'",
    ),
    hopeless("whole_group", "SELECT status, sum(total) FROM orders GROUP BY status"),
    hopeless("primary", "SELECT * FROM orders WHERE id = 5"),
    hopeless("merge_union", "SELECT id FROM visits WHERE page = 5 OR visitor = 7"),
    hopeless("merge_both", "SELECT id FROM visits WHERE page = 5 AND visitor = 155"),
    hopeless("sorted", "SELECT id, at FROM visits WHERE page = 7 ORDER BY at"),
    hopeless("by_index", "SELECT page, count(*) FROM visits GROUP BY page"),
    hopeless("function", "SELECT id FROM orders WHERE year(placed_at) = 2025"),
    hopeless("most", "SELECT id, note FROM orders WHERE status = 'paid'"),
    hopeless(
        "big_join",
        "SELECT sum(i.quantity * p.price) FROM items i JOIN products p ON p.id = i.product_id",
    ),
    hopeless("infix", "SELECT id FROM customers WHERE name LIKE '%omer 77%'"),
    hopeless("window", "SELECT id, row_number() OVER (PARTITION BY status ORDER BY total) FROM orders"),
    hopeless("impossible", "SELECT id FROM orders WHERE id = 5 AND id = 6"),
    hopeless(
        "recursive",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT sum(i) FROM n",
    ),
    hopeless("union_all", "SELECT status FROM orders UNION ALL SELECT country FROM customers"),
    helpable("small", "SELECT id FROM products WHERE maker = 3"),
];
