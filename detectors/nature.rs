//! What operations and requests are, as far as several detectors ask: one bit for each answer.
//!
//! What the kind and the shape of an operation decide is worked out once for each shape.

use std::ops::{BitOr, BitOrAssign};

use crate::evidence::shape::sql::Verb;
use crate::evidence::trace::{NONE, Operation, Request};
use crate::evidence::{Dictionary, Kind, Shape, Status, UNKNOWN};
use crate::group::{self, Step};
use crate::memo::Memo;
use crate::{repeated_query, retry_storm, slow_query};

/// A set of such answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nature(u64);

/// Of operations, by kind and shape.
impl Nature {
    /// Leaves the code: anything that is not internal.
    pub(crate) const CALL: Self = Self(1);
    /// Calls another service.
    pub(crate) const SERVICE: Self = Self(1 << 1);
    /// Hands a message over.
    pub(crate) const PUBLISH: Self = Self(1 << 2);
    /// Asks a database.
    pub(crate) const STATEMENT: Self = Self(1 << 3);
    /// Asks a database or cache.
    pub(crate) const STORE: Self = Self(1 << 4);
    /// Asks a cache.
    pub(crate) const CACHE: Self = Self(1 << 5);
    /// Opens a connection.
    pub(crate) const CONNECT: Self = Self(1 << 6);
    /// Opens a connection or waits for one.
    pub(crate) const CHECKOUT: Self = Self(1 << 7);
    /// Code of the service.
    pub(crate) const INTERNAL: Self = Self(1 << 8);
    /// Changes something, as far as can be told.
    pub(crate) const WRITES: Self = Self(1 << 9);
    /// Begins a transaction.
    pub(crate) const BEGINS: Self = Self(1 << 10);
    /// Ends a transaction.
    pub(crate) const ENDS: Self = Self(1 << 11);
    /// Is about a transaction.
    pub(crate) const TRANSACTION: Self = Self(1 << 12);
    /// Locks rows that it reads.
    pub(crate) const LOCKS: Self = Self(1 << 13);
    /// Changes what later statements mean or find.
    pub(crate) const CHANGES: Self = Self(1 << 14);
    /// Asks for something that has a plan.
    pub(crate) const QUERY: Self = Self(1 << 15);
    /// Takes a lock that others wait for.
    pub(crate) const EXCLUDES: Self = Self(1 << 30);
    /// Its statement is counted only.
    pub(crate) const COUNTED: Self = Self(1 << 34);
    /// Its statement has a plan that shows a flaw.
    pub(crate) const FLAWED: Self = Self(1 << 29);

    fn of_shape(kind: Kind, shape: &Shape) -> Self {
        let is_sql = kind == Kind::Sql;
        let is_store = matches!(kind, Kind::Sql | Kind::Document | Kind::Cache);
        let writes = group::writes(kind, shape);
        let step = group::transaction_step(kind, shape);
        let locks = || shape.facts.as_deref().is_some_and(|facts| facts.locks);
        Self::when(!matches!(kind, Kind::Internal | Kind::File | Kind::Entry), Self::CALL)
            | Self::when(matches!(kind, Kind::Http | Kind::Rpc), Self::SERVICE)
            | Self::when(kind == Kind::Publish, Self::PUBLISH)
            | Self::when(matches!(kind, Kind::Sql | Kind::Document), Self::STATEMENT)
            | Self::when(is_store, Self::STORE)
            | Self::when(kind == Kind::Cache, Self::CACHE)
            | Self::when(kind == Kind::Connect, Self::CONNECT)
            | Self::when(matches!(kind, Kind::Connect | Kind::PoolWait), Self::CHECKOUT)
            | Self::when(kind == Kind::Internal, Self::INTERNAL)
            | Self::when(writes, Self::WRITES)
            | Self::when(step == Some(Step::Begin), Self::BEGINS)
            | Self::when(step == Some(Step::End), Self::ENDS)
            | Self::when(is_sql && group::verb(shape) == Verb::Transaction, Self::TRANSACTION)
            | Self::when(is_sql && locks(), Self::LOCKS)
            | Self::when(is_store && (writes || repeated_query::changes_session(shape)), Self::CHANGES)
            | Self::when(slow_query::is_query(kind, shape), Self::QUERY)
    }
}

/// Of single operations.
impl Nature {
    /// Failed in a way that another attempt may heal.
    pub(crate) const FAILED: Self = Self(1 << 16);
    /// Asks a database, and tells how many rows came.
    pub(crate) const ROWS: Self = Self(1 << 17);
    /// A statement that tells how many rows were read for it.
    pub(crate) const EXAMINED: Self = Self(1 << 18);
    /// The request that it called was recorded.
    pub(crate) const CALLED: Self = Self(1 << 19);
    /// Tells how many bytes it moved.
    pub(crate) const MOVED: Self = Self(1 << 32);
    /// Given up by the server to end a deadlock.
    pub(crate) const GIVEN_UP: Self = Self(1 << 33);
    /// A call lies below it.
    pub(crate) const AROUND: Self = Self(1 << 20);

    /// What an operation is by its kind and shape and by whether what it called was recorded.
    pub(crate) fn of(operation: &Operation, memo: &Memo, dictionary: &Dictionary) -> Self {
        let kind = operation.kind;
        let by_shape = memo.nature(kind, operation.shape, |shape| {
            let is_flawed = dictionary.plans().shows_any(shape);
            let excludes = kind == Kind::Sql && memo.locked_by(shape, dictionary).is_some();
            Self::of_shape(kind, dictionary.shape(shape))
                | Self::when(dictionary.is_counted_only(shape), Self::COUNTED)
                | Self::when(is_flawed, Self::FLAWED)
                | Self::when(excludes, Self::EXCLUDES)
        });
        by_shape | Self::when(operation.called != NONE, Self::CALLED)
    }

    /// With what an operation of this nature tells itself.
    pub(crate) fn with_told(self, operation: &Operation) -> Self {
        let tells_effort = operation.kind == Kind::Sql && operation.rows_examined().is_some();
        let tells_rows = self.has(Self::STATEMENT) && operation.rows != UNKNOWN;
        let may_heal = operation.status == Status::Error && retry_storm::may_be_tried_again(operation);
        self | Self::when(may_heal, Self::FAILED)
            | Self::when(tells_rows, Self::ROWS)
            | Self::when(tells_effort, Self::EXAMINED)
            | Self::when(operation.response_bytes != UNKNOWN, Self::MOVED)
            | Self::when(operation.is_given_up(), Self::GIVEN_UP)
            | Self::when(operation.composite, Self::REPEATED)
    }
}

/// Of requests; what one of its operations is, a request is as well.
impl Nature {
    /// Calls of one shape come more than once, or one span stands for several.
    pub(crate) const REPEATED: Self = Self(1 << 21);
    /// Calls more than one service, or one more than once.
    pub(crate) const SERVICES: Self = Self(1 << 22);
    /// Sends more than one statement.
    pub(crate) const STATEMENTS: Self = Self(1 << 23);
    /// Somebody waits for its answer, and all of it is known.
    pub(crate) const ANSWERED: Self = Self(1 << 24);
    /// How many bytes it answers is told.
    pub(crate) const BYTES: Self = Self(1 << 25);
    /// A server's log tells of it.
    pub(crate) const LOGGED: Self = Self(1 << 26);
    /// May have waited for a connection.
    pub(crate) const WAITED: Self = Self(1 << 27);
    /// Its transaction was idle.
    pub(crate) const IDLE: Self = Self(1 << 28);
    /// What no request is.
    pub(crate) const NOTHING: Self = Self(0);
    /// What each request is.
    pub(crate) const ANY: Self = Self(1 << 31);

    /// What a request is by itself.
    pub(crate) fn of_request(request: &Request, dictionary: &Dictionary) -> Self {
        Self::ANY
            | Self::when(group::is_answered(request, dictionary), Self::ANSWERED)
            | Self::when(request.opened_by.response_bytes != UNKNOWN, Self::BYTES)
            | Self::when(request.is_logged(), Self::LOGGED)
    }
}

impl Nature {
    /// A set, where something holds.
    pub(crate) fn when(holds: bool, set: Self) -> Self {
        if holds { set } else { Self::NOTHING }
    }

    /// Whether any of these is in it.
    pub(crate) const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// Both.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Nature {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl BitOrAssign for Nature {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.or(other);
    }
}
