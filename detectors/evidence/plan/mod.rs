//! Plans of statements, as `EXPLAIN` shows them.
//!
//! The vocabulary is that of PostgreSQL's `EXPLAIN (FORMAT JSON)`: other forms, versions and engines are brought to it by
//! their readers, so that the same plan is the same value whatever it was written in. What a reader does not know is
//! kept as text.
//!
//! Conditions and statements here hold the values they were written with. They are evidence and are shown nowhere as
//! they are: see [`shown`](shown()).

mod facts;
mod key;
mod node;
mod shown;

pub use facts::{Facts, Value};
pub use key::{Form, Key};
pub use node::{Node, NodeType, Relationship, Worker};
pub(crate) use shown::dialect;
pub use shown::shown;

/// What has made a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Engine {
    /// PostgreSQL and what behaves like it.
    #[default]
    PostgreSql,
    /// MySQL and Percona Server.
    MySql,
    /// MariaDB.
    MariaDb,
    /// SQLite.
    Sqlite,
}

impl Engine {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
            Self::Sqlite => "SQLite",
        }
    }
}

/// The plan of one statement.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// What has made it.
    pub engine: Engine,
    /// The statement with its values, where it stands beside the plan.
    pub statement: Option<Box<str>>,
    /// Nodes in preorder: each right behind the one that it hangs under, or behind all below an earlier sibling. The
    /// first is the root; there is at least one.
    pub nodes: Vec<Node>,
    /// What is told of the whole: [`Key::PlanningTime`], [`Key::ExecutionTime`], [`Key::QueryIdentifier`].
    pub facts: Facts,
    /// What planning did: buffers and memory.
    pub planning: Facts,
    /// What compiling of expressions took; empty where there was none.
    pub jit: Facts,
    /// What bringing rows into the form of the protocol took; empty where it was not measured.
    pub serialization: Facts,
    /// Triggers that were fired.
    pub triggers: Vec<Facts>,
    /// Settings that are not at their defaults, with their values.
    pub settings: Vec<(Box<str>, Box<str>)>,
    /// Lines and fields that are not known, as they were written: name and value.
    pub others: Vec<(Box<str>, Box<str>)>,
}

impl Plan {
    /// Whether the statement was executed, and not only planned.
    pub fn is_executed(&self) -> bool {
        self.nodes.iter().any(|node| node.facts.has(Key::ActualLoops))
    }

    /// Whether times of nodes were measured.
    pub fn is_timed(&self) -> bool {
        self.nodes.iter().any(|node| node.facts.has(Key::ActualTotalTime))
    }

    /// What the execution took, in nanoseconds: as the server says, else as its root does; `None` where nothing was
    /// measured.
    pub fn execution_ns(&self) -> Option<u64> {
        let root = || self.nodes.first().and_then(Node::inclusive_ns);
        self.facts.ns(Key::ExecutionTime).or_else(root)
    }
}
