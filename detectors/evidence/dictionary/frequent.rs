//! Which statements take a notable share of all, told in a room of fixed size.
//!
//! A count-min sketch: each statement adds to one cell in each of a few rows, and the least of its cells is at least what
//! it took. It is more by what others add to the same cells, a hundred thousandth of all or so; so nothing that is
//! notable is missed, and little is taken for notable that is not.
//!
//! Source: G. Cormode, S. Muthukrishnan, "An improved data stream summary: the count-min sketch" (2005).

use super::Executed;

/// Statements with one of so many parts of the time or of the executions so far are notable: 0.01 %.
const NOTABLE: u64 = 10_000;

const ROWS: usize = 4;

/// Cells of a row, a power of two: 4 MB in all, from the first statement that is not described.
const CELLS: usize = 1 << 16;

/// Executions of statements that have no place of their own.
#[derive(Debug, Default)]
pub(super) struct Frequent {
    cells: Vec<Executed>,
    /// Of all statements.
    all: Executed,
}

impl Frequent {
    /// Adds executions of statements that have a place of their own.
    pub(super) fn note_others(&mut self, executed: Executed) {
        self.all.add(executed);
    }

    /// Adds an execution, and says whether its statement is notable by now.
    pub(super) fn note(&mut self, statement: u64, took_ns: u64) -> bool {
        let one = Executed { executions: 1, time_ns: took_ns };
        self.all.add(one);
        self.cells.resize(ROWS * CELLS, Executed::default());
        let mut least = Executed { executions: u64::MAX, time_ns: u64::MAX };
        for row in 0..ROWS {
            // Other bits of the hash in each row.
            let place = statement.rotate_right(row as u32 * 16) as usize & (CELLS - 1);
            if let Some(cell) = self.cells.get_mut(row * CELLS + place) {
                cell.add(one);
                least.executions = least.executions.min(cell.executions);
                least.time_ns = least.time_ns.min(cell.time_ns);
            }
        }
        let is_notable = |part: u64, all: u64| part > 1 && part >= all / NOTABLE;
        is_notable(least.executions, self.all.executions) || is_notable(least.time_ns, self.all.time_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::content_hash::fnv_1a;

    fn statement(number: u64) -> u64 {
        fnv_1a(0xcbf2_9ce4_8422_2325, number.to_le_bytes())
    }

    #[test]
    fn what_takes_a_share_is_notable_though_it_comes_late() {
        let mut frequent = Frequent::default();
        frequent.note_others(Executed { executions: 100_000, time_ns: 100_000 * 1_000 });
        let rare = (0..300_000).filter(|number| frequent.note(statement(*number), 1_000)).count();
        assert!(rare < 30, "{rare}");
        assert!(frequent.note(statement(1_000_001), 50_000), "long");
        let first = (1..200).find(|_| frequent.note(statement(1_000_002), 1));
        assert!(first.is_some_and(|first| first > 35), "often: {first:?}");
    }
}
