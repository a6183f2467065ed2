# Sends what an application sends: loops in transactions, by text or by statements that the server prepares.
#
# usage: sessions.pl text|prepared ROUNDS
use strict;
use warnings;
use DBI;

my ($protocol, $rounds) = @ARGV;
my $prepare = $protocol eq 'prepared' ? 1 : 0;
my $database = DBI->connect("DBI:MariaDB:database=shop;mariadb_socket=$ENV{MYSQL_UNIX_PORT}", 'root', '',
    { RaiseError => 1, mariadb_server_prepare => $prepare });
for my $round (1 .. $rounds) {
    $database->begin_work;
    my $orders = $database->selectall_arrayref(
        'SELECT id, customer_id, total FROM orders WHERE status = ? ORDER BY id LIMIT 12', undef, 'new');
    for my $order (@$orders) {
        $database->selectrow_array('SELECT id, email, name FROM customers WHERE id = ?', undef, $order->[1] + $round);
    }
    $database->do('INSERT INTO orders (customer_id, status, total, note) VALUES (?, ?, ?, ?)', undef, $round, 'new', 12.5,
        q(it's a "test"; with -- odd /* bits */ and \ backslash));
    $database->do('UPDATE products SET stock = stock + 3 WHERE id = ?', undef, $round);
    $database->commit;
    $database->selectall_arrayref('SELECT id, title FROM products WHERE id IN (?, ?, ?)', undef, 1, $round, 9);
    $database->selectall_arrayref('SELECT status, count(*), sum(total) FROM orders GROUP BY status');
}
