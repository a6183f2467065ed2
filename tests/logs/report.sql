WITH per_customer AS (
    SELECT o.customer_id, sum(i.qty * i.price) AS spent
    FROM orders o
    JOIN order_items i ON i.order_id = o.id
    GROUP BY o.customer_id
)
SELECT c.country, count(*) AS customers, sum(p.spent)
FROM per_customer p
JOIN customers c ON c.id = p.customer_id
GROUP BY c.country
ORDER BY 3 DESC;
