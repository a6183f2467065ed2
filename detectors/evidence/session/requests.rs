//! Which executions of a session belong to one request.

use crate::evidence::by_shape::ByShape;
use crate::evidence::trace::EndpointName;
use crate::evidence::{Dictionary, Execution, ShapeRef, Span, Values};

/// A session is that quiet between two requests: statements of one request follow one another within the time
/// that its code takes from row to row.
const PAUSE_NS: u64 = 50_000_000;

/// A transaction that is quiet for longer has ended, and the log does not say so: it holds a part of the statements.
const TRANSACTION_PAUSE_NS: u64 = 60_000_000_000;

/// A request of more executions is cut, those included that were only prepared meanwhile.
pub(super) const EXECUTIONS_MAX: usize = 10_000;

/// What a comment in a statement says of the request that sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Comment {
    /// The endpoint; no shape where it names none.
    pub(super) endpoint: ShapeRef,
    /// Hash of the trace's id; unknown where it names none.
    pub(super) trace: Values,
}

/// A request while its executions are gathered.
#[derive(Debug)]
pub(super) struct Building {
    pub(super) opened_by: Span,
    pub(super) start_ns: u64,
    comment: Comment,
    pub(super) end_ns: u64,
    executions: usize,
    within: Within,
}

/// Where a request is with regard to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// In none.
    None,
    /// In one.
    Transaction,
    /// In one that is over.
    Ended,
}

impl Building {
    pub(super) fn begin(execution: &Execution, comment: Comment, step: Step) -> Self {
        let start_ns = super::begin_ns(execution);
        Self {
            opened_by: Span { start_ns, ..execution.span },
            start_ns,
            comment,
            end_ns: execution.span.end_ns,
            executions: 1,
            within: match step {
                Step::Begins => Within::Transaction,
                Step::Ends => Within::Ended,
                Step::None => Within::None,
            },
        }
    }

    /// Whether an execution belongs to the request, too.
    pub(super) fn takes(&self, execution: &Execution, comment: Comment, step: Step) -> bool {
        let pause_ns = super::begin_ns(execution).saturating_sub(self.end_ns);
        if self.executions >= EXECUTIONS_MAX || comment.trace != self.comment.trace {
            return false;
        }
        match self.within {
            // A second one begins: the end of this one is not in the log.
            Within::Transaction => step != Step::Begins && pause_ns < TRANSACTION_PAUSE_NS,
            // The transaction was the request.
            Within::Ended => false,
            Within::None => {
                let same = comment.endpoint == self.comment.endpoint;
                same && step == Step::None && (pause_ns < PAUSE_NS || self.is_of_trace())
            }
        }
    }

    pub(super) fn take(&mut self, execution: &Execution, step: Step) {
        self.end_ns = self.end_ns.max(execution.span.end_ns);
        self.executions += 1;
        if self.within == Within::Transaction && step == Step::Ends {
            self.within = Within::Ended;
        }
    }

    /// Passes what was only prepared, unless the request is cut there.
    pub(super) fn passes(&mut self) -> bool {
        let passes = self.executions < EXECUTIONS_MAX;
        self.executions += usize::from(passes);
        passes
    }

    /// Whether it is a transaction whose end has not come yet.
    pub(super) fn is_open(&self) -> bool {
        self.within == Within::Transaction
    }

    fn is_of_trace(&self) -> bool {
        self.comment.trace.is_known()
    }

    pub(super) fn name(&self) -> EndpointName {
        match self.comment.endpoint == ShapeRef::default() {
            true => EndpointName::Session,
            false => EndpointName::Route(self.comment.endpoint),
        }
    }

    /// Whether only the time tells that the executions belong together: neither a whole transaction nor a trace does.
    pub(super) fn is_guessed(&self) -> bool {
        self.within != Within::Ended && !self.is_of_trace()
    }
}

/// What a statement does to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Step {
    /// Nothing, or it begins and ends one.
    #[default]
    None,
    /// It begins one.
    Begins,
    /// It ends one.
    Ends,
}

impl Step {
    /// By the words of a statement, of which there may be several in one text.
    fn of(text: &str) -> Self {
        let (mut begun, mut ended) = (false, false);
        for statement in text.split(';') {
            let mut words = statement.split_ascii_whitespace();
            let is = |word: &str, names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
            let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if is(first, &["BEGIN"]) || is(first, &["START"]) && is(second, &["TRANSACTION"]) {
                begun = true;
            } else if is(first, &["COMMIT", "END", "ABORT"])
                // Back to a savepoint it goes on.
                || is(first, &["ROLLBACK"]) && !is(second, &["TO"]) && !words.any(|word| is(word, &["TO"]))
                || is(first, &["PREPARE"]) && is(second, &["TRANSACTION"])
            {
                ended = !begun || ended;
                begun = false;
            }
        }
        match (begun, ended) {
            (true, _) => Self::Begins,
            (false, true) => Self::Ends,
            (false, false) => Self::None,
        }
    }
}

/// What statements do to transactions, found out once for each.
#[derive(Debug, Default)]
pub(super) struct Steps(ByShape<Step>);

impl Steps {
    pub(super) fn of(&mut self, shape: ShapeRef, dictionary: &Dictionary) -> Step {
        self.0.of(shape, || Step::of(&dictionary.shape(shape).text))
    }
}

#[cfg(test)]
mod tests {
    use super::Step;

    #[test]
    fn statements_begin_and_end_transactions() {
        for (text, step) in [
            ("BEGIN", Step::Begins),
            ("begin isolation level serializable", Step::Begins),
            ("START TRANSACTION", Step::Begins),
            ("COMMIT", Step::Ends),
            ("ROLLBACK", Step::Ends),
            ("ROLLBACK TO SAVEPOINT a", Step::None),
            ("ROLLBACK WORK TO a", Step::None),
            ("SAVEPOINT a", Step::None),
            ("RELEASE a", Step::None),
            ("PREPARE TRANSACTION ?", Step::Ends),
            ("PREPARE q AS SELECT ?", Step::None),
            ("BEGIN ; INSERT INTO a VALUES (?) ; COMMIT", Step::None),
            ("COMMIT ; BEGIN", Step::Begins),
            ("COMMIT ; SELECT ?", Step::Ends),
            ("INSERT INTO a VALUES (?) ; COMMIT", Step::Ends),
            ("SELECT begin FROM a", Step::None),
        ] {
            assert_eq!(Step::of(text), step, "{text}");
        }
    }
}
