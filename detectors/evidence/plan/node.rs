//! One node of a plan: what it does, where it hangs, what was estimated and measured.

use super::facts::Facts;
use super::key::Key;

macro_rules! node_types {
    ($($variant:ident $name:literal,)*) => {
        /// What a node does, by the names of PostgreSQL. Nodes of other engines have the name of what does the same
        /// there; [`Key::AccessType`] keeps their own word.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum NodeType {
            $(#[doc = $name] $variant,)*
            /// Any other, by its name: of an extension, or of a version to come.
            Other(Box<str>),
        }

        impl NodeType {
            /// Every one that is known.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in JSON.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// The node type of a name in JSON, if it is a known one.
            pub fn known(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

node_types! {
    Result "Result",
    ProjectSet "ProjectSet",
    ModifyTable "ModifyTable",
    Append "Append",
    MergeAppend "Merge Append",
    RecursiveUnion "Recursive Union",
    BitmapAnd "BitmapAnd",
    BitmapOr "BitmapOr",
    NestedLoop "Nested Loop",
    MergeJoin "Merge Join",
    HashJoin "Hash Join",
    SeqScan "Seq Scan",
    SampleScan "Sample Scan",
    Gather "Gather",
    GatherMerge "Gather Merge",
    IndexScan "Index Scan",
    IndexOnlyScan "Index Only Scan",
    BitmapIndexScan "Bitmap Index Scan",
    BitmapHeapScan "Bitmap Heap Scan",
    TidScan "Tid Scan",
    TidRangeScan "Tid Range Scan",
    SubqueryScan "Subquery Scan",
    FunctionScan "Function Scan",
    TableFunctionScan "Table Function Scan",
    ValuesScan "Values Scan",
    CteScan "CTE Scan",
    NamedTuplestoreScan "Named Tuplestore Scan",
    WorkTableScan "WorkTable Scan",
    ForeignScan "Foreign Scan",
    CustomScan "Custom Scan",
    Materialize "Materialize",
    Memoize "Memoize",
    Sort "Sort",
    IncrementalSort "Incremental Sort",
    Group "Group",
    Aggregate "Aggregate",
    WindowAgg "WindowAgg",
    Unique "Unique",
    SetOp "SetOp",
    LockRows "LockRows",
    Limit "Limit",
    Hash "Hash",
}

impl Default for NodeType {
    fn default() -> Self {
        Self::Other(Box::default())
    }
}

impl NodeType {
    /// The node type of a name in JSON.
    pub fn of(name: &str) -> Self {
        Self::known(name).unwrap_or_else(|| Self::Other(name.into()))
    }

    /// Whether it joins two inputs.
    pub fn is_join(&self) -> bool {
        matches!(self, Self::NestedLoop | Self::MergeJoin | Self::HashJoin)
    }

    /// Whether it reads rows of a table, directly or by an index of it.
    pub fn is_table_scan(&self) -> bool {
        matches!(
            self,
            Self::SeqScan | Self::SampleScan | Self::BitmapHeapScan | Self::TidScan | Self::TidRangeScan
        ) || self.is_index_scan()
    }

    /// Whether it gives rows out of an index.
    pub fn is_index_scan(&self) -> bool {
        matches!(self, Self::IndexScan | Self::IndexOnlyScan)
    }

    /// Whether it gathers the rows of workers.
    pub fn is_gather(&self) -> bool {
        matches!(self, Self::Gather | Self::GatherMerge)
    }
}

/// How a node hangs under its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Relationship {
    /// The only input, or the first of a join.
    #[default]
    Outer,
    /// The second input of a join.
    Inner,
    /// One of many inputs.
    Member,
    /// What a subquery scan reads.
    Subquery,
    /// Executed at most once, apart; also common table expressions.
    InitPlan,
    /// Executed whenever the parent's expressions ask for it.
    SubPlan,
}

impl Relationship {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outer => "Outer",
            Self::Inner => "Inner",
            Self::Member => "Member",
            Self::Subquery => "Subquery",
            Self::InitPlan => "InitPlan",
            Self::SubPlan => "SubPlan",
        }
    }

    /// The relationship of a name in JSON.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Outer, Self::Inner, Self::Member, Self::Subquery, Self::InitPlan, Self::SubPlan]
            .into_iter()
            .find(|one| one.name() == name)
    }

    /// Whether it is planned apart and not an input of its parent.
    pub fn is_apart(self) -> bool {
        matches!(self, Self::InitPlan | Self::SubPlan)
    }
}

/// What one process, a worker, did at a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Worker {
    /// Its number, from zero.
    pub number: u32,
    /// What it measured.
    pub facts: Facts,
}

/// One node of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// What it does.
    pub node_type: NodeType,
    /// Number of the node that it hangs under; `None` at the root. Always lower than its own.
    pub parent: Option<u32>,
    /// How it hangs there.
    pub relationship: Relationship,
    /// What is told of it.
    pub facts: Facts,
    /// What workers did, where that is told.
    pub workers: Vec<Worker>,
    /// Lines and fields that are not known, as they were written: name and value.
    pub others: Vec<(Box<str>, Box<str>)>,
}

impl Node {
    /// How often it was executed, by all processes; zero also where nothing was measured.
    pub fn loops(&self) -> u64 {
        self.facts.count(Key::ActualLoops)
    }

    /// Rows that it gave, of all loops: before PostgreSQL 18 up to half a row a loop more or less.
    pub fn rows(&self) -> Option<f64> {
        Some(self.facts.number(Key::ActualRows)? * self.loops() as f64)
    }

    /// Of all loops and processes, the time with what is below; `None` where it was not measured.
    pub fn inclusive_ns(&self) -> Option<u64> {
        let each = self.facts.number(Key::ActualTotalTime)?;
        Some(super::facts::nanoseconds(each * self.loops() as f64))
    }

    /// Pages of tables, indexes and temporary tables that were looked at, of all loops, with what is below.
    pub fn blocks(&self) -> u64 {
        let keys = [Key::SharedHitBlocks, Key::SharedReadBlocks, Key::LocalHitBlocks, Key::LocalReadBlocks];
        keys.into_iter().map(|key| self.facts.count(key)).fold(0, u64::saturating_add)
    }

    /// The name of the common table expression that it makes.
    pub fn makes_cte(&self) -> Option<&str> {
        self.facts.text(Key::SubplanName)?.strip_prefix("CTE ")
    }

    /// What it reads: the name in the statement, else of the table, function or expression.
    pub fn target(&self) -> Option<&str> {
        [Key::Alias, Key::RelationName, Key::CteName, Key::FunctionName]
            .into_iter()
            .find_map(|key| self.facts.text(key))
    }

    /// Rows that conditions took away after they were read, the mean of all loops.
    pub fn removed(&self) -> f64 {
        [Key::RowsRemovedByFilter, Key::RowsRemovedByJoinFilter, Key::RowsRemovedByIndexRecheck]
            .into_iter()
            .filter_map(|key| self.facts.number(key))
            // The sum of nothing is a negative zero.
            .fold(0.0, |sum, rows| sum + rows)
    }

    /// What it does, as PostgreSQL's text form says it: `Hash Left Join`, `Partial HashAggregate`, `Insert`.
    pub fn title(&self) -> String {
        let text = |key| self.facts.text(key);
        let mut title = match (&self.node_type, text(Key::Strategy)) {
            (NodeType::Aggregate, Some("Sorted")) => "GroupAggregate".to_owned(),
            (NodeType::Aggregate, Some(strategy)) => {
                format!("{}Aggregate", strategy.replace("Hashed", "Hash"))
            }
            (NodeType::SetOp, Some("Hashed")) => "HashSetOp".to_owned(),
            (NodeType::ModifyTable, _) => text(Key::Operation).unwrap_or("ModifyTable").to_owned(),
            (NodeType::ForeignScan | NodeType::CustomScan, _) => {
                let what = text(Key::Operation)
                    .filter(|what| *what != "Select")
                    .map(|what| format!("Foreign {what}"));
                let provider = text(Key::CustomPlanProvider).map(|name| format!("Custom Scan ({name})"));
                what.or(provider).unwrap_or_else(|| self.node_type.name().to_owned())
            }
            (node_type, _) => node_type.name().to_owned(),
        };
        if let Some(join) = text(Key::JoinType).filter(|join| *join != "Inner") {
            title = match title.strip_suffix(" Join") {
                Some(method) => format!("{method} {join} Join"),
                None => format!("{title} {join} Join"),
            };
        }
        if let Some(command) = text(Key::Command) {
            title = format!("{title} {command}");
        }
        if let Some(mode) = text(Key::PartialMode) {
            title = format!("{mode} {title}");
        }
        if text(Key::ScanDirection) == Some("Backward") {
            title.push_str(" Backward");
        }
        let prefixes = [(Key::AsyncCapable, "Async"), (Key::ParallelAware, "Parallel")];
        for (_, prefix) in prefixes.into_iter().filter(|(key, _)| self.facts.is(*key)) {
            title = format!("{prefix} {title}");
        }
        title
    }
}
