//! Names of properties: the keys of `EXPLAIN (FORMAT JSON)` of PostgreSQL 9.6 to 18, and a few of other engines.

/// What kind of value a property has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A number.
    Number,
    /// A number that the text form leaves out when it is zero.
    NumberOrNothing,
    /// A text.
    Text,
    /// Several texts.
    List,
    /// So or not so.
    Flag,
}

macro_rules! keys {
    ($($(#[$meaning:meta])* $key:ident $name:literal $form:ident,)*) => {
        /// A property of a node, a worker or a whole plan.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Key {
            $($(#[$meaning])* $key,)*
        }

        impl Key {
            /// Every key.
            pub const ALL: &[Self] = &[$(Self::$key,)*];

            /// Its name in JSON.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)*
                }
            }

            /// What kind of value it has.
            pub fn form(self) -> Form {
                match self {
                    $(Self::$key => Form::$form,)*
                }
            }

            /// The key of a name in JSON, of any version.
            pub fn of(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$key),)*
                    "I/O Read Time" => Some(Self::SharedReadTime),
                    "I/O Write Time" => Some(Self::SharedWriteTime),
                    _ => None,
                }
            }
        }
    };
}

impl Key {
    /// Whether the text form leaves it out when it is zero.
    pub fn is_left_out_at_zero(self) -> bool {
        self.form() == Form::NumberOrNothing
    }
}

keys! {
    /// What a node does; a reader turns it into a [`NodeType`](super::NodeType).
    NodeType "Node Type" Text,
    /// How it hangs under its parent; a reader turns it into a [`Relationship`](super::Relationship).
    ParentRelationship "Parent Relationship" Text,
    /// Name of a part that is planned apart: `CTE t`, `InitPlan 1`, `SubPlan 2`.
    SubplanName "Subplan Name" Text,
    /// How rows are grouped: `Plain`, `Sorted`, `Hashed`, `Mixed`.
    Strategy "Strategy" Text,
    /// Which part of a parallel aggregate: `Simple`, `Partial`, `Finalize`. `Simple` is left out.
    PartialMode "Partial Mode" Text,
    /// How a `ModifyTable` changes rows: `Insert`, `Update`, `Delete`, `Merge`; on foreign scans too.
    Operation "Operation" Text,
    /// What a `SetOp` makes: `Intersect`, `Except All`.
    Command "Command" Text,
    /// `Inner`, `Left`, `Right`, `Full`, `Semi`, `Anti`, `Right Anti`, `Right Semi`.
    JoinType "Join Type" Text,
    /// `Backward` where an index is read from its end; `Forward` is left out.
    ScanDirection "Scan Direction" Text,
    /// Which extension a custom scan is of.
    CustomPlanProvider "Custom Plan Provider" Text,
    /// Its processes share the work.
    ParallelAware "Parallel Aware" Flag,
    /// It may run while others wait.
    AsyncCapable "Async Capable" Flag,
    /// It was chosen although a setting is against it (18; before, a cost of 10^10 shows it).
    Disabled "Disabled" Flag,
    /// Each outer row has at most one partner.
    InnerUnique "Inner Unique" Flag,
    /// One worker alone does the work below.
    SingleCopy "Single Copy" Flag,
    /// Schema of the table or function.
    Schema "Schema" Text,
    /// Table that is read or written.
    RelationName "Relation Name" Text,
    /// Its name in the statement, where that is another.
    Alias "Alias" Text,
    /// Index that is read.
    IndexName "Index Name" Text,
    /// Common table expression that is read.
    CteName "CTE Name" Text,
    /// Function that is read.
    FunctionName "Function Name" Text,
    /// How it is called.
    FunctionCall "Function Call" Text,
    /// `XMLTABLE` or `JSON_TABLE`.
    TableFunctionName "Table Function Name" Text,
    /// How it is called.
    TableFunctionCall "Table Function Call" Text,
    /// Transition table of a trigger that is read.
    TuplestoreName "Tuplestore Name" Text,
    /// Estimated cost until the first row.
    StartupCost "Startup Cost" Number,
    /// Estimated cost until the last row, of one loop.
    TotalCost "Total Cost" Number,
    /// Estimated rows of one loop.
    PlanRows "Plan Rows" Number,
    /// Estimated bytes of a row.
    PlanWidth "Plan Width" Number,
    /// Milliseconds until the first row, the mean of all loops.
    ActualStartupTime "Actual Startup Time" Number,
    /// Milliseconds until the last row with what is below, the mean of all loops.
    ActualTotalTime "Actual Total Time" Number,
    /// Rows, the mean of all loops (whole numbers before 18).
    ActualRows "Actual Rows" Number,
    /// How often it was executed, by all processes; zero where never.
    ActualLoops "Actual Loops" Number,
    /// Columns that it gives.
    Output "Output" List,
    /// Condition that rows must meet once they are read.
    Filter "Filter" Text,
    /// Condition that leads through the index.
    IndexCond "Index Cond" Text,
    /// Condition that is checked again where the bitmap only knows pages.
    RecheckCond "Recheck Cond" Text,
    /// Condition on the place of rows.
    TidCond "TID Cond" Text,
    /// Order in which an index gives rows by distance.
    OrderBy "Order By" Text,
    /// Condition of a hash join.
    HashCond "Hash Cond" Text,
    /// Condition of a merge join.
    MergeCond "Merge Cond" Text,
    /// Condition that pairs must meet once they are found.
    JoinFilter "Join Filter" Text,
    /// Condition that is checked once.
    OneTimeFilter "One-Time Filter" Text,
    /// Condition that ends a window function early.
    RunCondition "Run Condition" Text,
    /// Condition of `ON CONFLICT DO UPDATE`.
    ConflictFilter "Conflict Filter" Text,
    /// Rows that the filter took away, the mean of all loops.
    RowsRemovedByFilter "Rows Removed by Filter" NumberOrNothing,
    /// Pairs that the join filter took away, the mean of all loops.
    RowsRemovedByJoinFilter "Rows Removed by Join Filter" NumberOrNothing,
    /// Rows that the recheck took away, the mean of all loops.
    RowsRemovedByIndexRecheck "Rows Removed by Index Recheck" NumberOrNothing,
    /// Rows that the conflict filter took away.
    RowsRemovedByConflictFilter "Rows Removed by Conflict Filter" NumberOrNothing,
    /// What is sorted by.
    SortKey "Sort Key" List,
    /// What the rows are sorted by already.
    PresortedKey "Presorted Key" List,
    /// What is grouped by.
    GroupKey "Group Key" List,
    /// Grouping sets, as they were written.
    GroupingSets "Grouping Sets" List,
    /// What is grouped by with a hash table in a mixed aggregate.
    HashKeys "Hash Keys" List,
    /// What `Memoize` remembers rows by.
    CacheKey "Cache Key" Text,
    /// `logical` or `binary`.
    CacheMode "Cache Mode" Text,
    /// Definition of a window (18).
    Window "Window" Text,
    /// `quicksort`, `top-N heapsort`, `external merge`, `external sort`, `still in progress`.
    SortMethod "Sort Method" Text,
    /// Kilobytes that the sort took.
    SortSpaceUsed "Sort Space Used" Number,
    /// `Memory` or `Disk`.
    SortSpaceType "Sort Space Type" Text,
    /// Groups that an incremental sort sorted whole, as they were written.
    FullSortGroups "Full-sort Groups" Text,
    /// Groups that an incremental sort found sorted by the first keys, as they were written.
    PreSortedGroups "Pre-sorted Groups" Text,
    /// Buckets of a hash table.
    HashBuckets "Hash Buckets" Number,
    /// Buckets that were planned.
    OriginalHashBuckets "Original Hash Buckets" Number,
    /// Batches of a hash table; more than one go through files.
    HashBatches "Hash Batches" Number,
    /// Batches that were planned.
    OriginalHashBatches "Original Hash Batches" Number,
    /// Kilobytes of a hash table.
    PeakMemoryUsage "Peak Memory Usage" NumberOrNothing,
    /// Batches of a hash aggregate.
    HashAggBatches "HashAgg Batches" NumberOrNothing,
    /// Partitions of a hash aggregate that were planned.
    PlannedPartitions "Planned Partitions" NumberOrNothing,
    /// Kilobytes of a hash aggregate's files.
    DiskUsage "Disk Usage" NumberOrNothing,
    /// Lookups that `Memoize` answered.
    CacheHits "Cache Hits" NumberOrNothing,
    /// Lookups that it could not answer.
    CacheMisses "Cache Misses" NumberOrNothing,
    /// Entries that made room for others.
    CacheEvictions "Cache Evictions" NumberOrNothing,
    /// Entries that did not fit.
    CacheOverflows "Cache Overflows" NumberOrNothing,
    /// Rows of an index-only scan that were looked up in the table; of all loops.
    HeapFetches "Heap Fetches" Number,
    /// Descents of an index (18); of all loops.
    IndexSearches "Index Searches" Number,
    /// Pages of which the bitmap knew the rows; of all loops.
    ExactHeapBlocks "Exact Heap Blocks" NumberOrNothing,
    /// Pages of which the bitmap knew nothing more, for want of memory; of all loops.
    LossyHeapBlocks "Lossy Heap Blocks" NumberOrNothing,
    /// Workers that were asked for.
    WorkersPlanned "Workers Planned" Number,
    /// Workers that came.
    WorkersLaunched "Workers Launched" Number,
    /// Parameters that are computed before workers start.
    ParamsEvaluated "Params Evaluated" List,
    /// Partitions that were ruled out when the execution began.
    SubplansRemoved "Subplans Removed" NumberOrNothing,
    /// `Memory` or `Disk` of rows that are kept (18).
    Storage "Storage" Text,
    /// Kilobytes of rows that are kept (18).
    MaximumStorage "Maximum Storage" Number,
    /// Method of `TABLESAMPLE`.
    SamplingMethod "Sampling Method" Text,
    /// Its parameters.
    SamplingParameters "Sampling Parameters" List,
    /// Its seed.
    RepeatableSeed "Repeatable Seed" Text,
    /// Statement that a foreign scan sends.
    RemoteSql "Remote SQL" Text,
    /// Rows that were added.
    TuplesInserted "Tuples Inserted" NumberOrNothing,
    /// Rows that were changed.
    TuplesUpdated "Tuples Updated" NumberOrNothing,
    /// Rows that were removed.
    TuplesDeleted "Tuples Deleted" NumberOrNothing,
    /// Rows that `MERGE` left as they were.
    TuplesSkipped "Tuples Skipped" NumberOrNothing,
    /// Rows that met a conflict.
    ConflictingTuples "Conflicting Tuples" Number,
    /// `NOTHING` or `UPDATE`.
    ConflictResolution "Conflict Resolution" Text,
    /// Indexes that tell a conflict.
    ConflictArbiterIndexes "Conflict Arbiter Indexes" List,
    /// Pages found in the server's memory; of all loops, with what is below.
    SharedHitBlocks "Shared Hit Blocks" NumberOrNothing,
    /// Pages read; of all loops, with what is below, as all counts of pages.
    SharedReadBlocks "Shared Read Blocks" NumberOrNothing,
    /// Pages that were clean before.
    SharedDirtiedBlocks "Shared Dirtied Blocks" NumberOrNothing,
    /// Pages written to make room.
    SharedWrittenBlocks "Shared Written Blocks" NumberOrNothing,
    /// Pages of temporary tables found in memory.
    LocalHitBlocks "Local Hit Blocks" NumberOrNothing,
    /// Pages of temporary tables read.
    LocalReadBlocks "Local Read Blocks" NumberOrNothing,
    /// Pages of temporary tables that were clean before.
    LocalDirtiedBlocks "Local Dirtied Blocks" NumberOrNothing,
    /// Pages of temporary tables written to make room.
    LocalWrittenBlocks "Local Written Blocks" NumberOrNothing,
    /// Pages of temporary files read.
    TempReadBlocks "Temp Read Blocks" NumberOrNothing,
    /// Pages of temporary files written.
    TempWrittenBlocks "Temp Written Blocks" NumberOrNothing,
    /// Milliseconds of reading pages; before 17 `I/O Read Time`.
    SharedReadTime "Shared I/O Read Time" NumberOrNothing,
    /// Milliseconds of writing pages; before 17 `I/O Write Time`.
    SharedWriteTime "Shared I/O Write Time" NumberOrNothing,
    /// Milliseconds of reading pages of temporary tables (17).
    LocalReadTime "Local I/O Read Time" NumberOrNothing,
    /// Milliseconds of writing pages of temporary tables (17).
    LocalWriteTime "Local I/O Write Time" NumberOrNothing,
    /// Milliseconds of reading temporary files (15).
    TempReadTime "Temp I/O Read Time" NumberOrNothing,
    /// Milliseconds of writing temporary files (15).
    TempWriteTime "Temp I/O Write Time" NumberOrNothing,
    /// Records of the write-ahead log.
    WalRecords "WAL Records" NumberOrNothing,
    /// Whole pages in the write-ahead log.
    WalFpi "WAL FPI" NumberOrNothing,
    /// Bytes of the write-ahead log.
    WalBytes "WAL Bytes" NumberOrNothing,
    /// How often its buffers were full (18).
    WalBuffersFull "WAL Buffers Full" NumberOrNothing,
    /// Milliseconds of planning.
    PlanningTime "Planning Time" Number,
    /// Milliseconds of executing, with start, end and triggers.
    ExecutionTime "Execution Time" Number,
    /// The server's own id of the statement.
    QueryIdentifier "Query Identifier" Text,
    /// The statement; a reader puts it into [`Plan::statement`](super::Plan::statement).
    QueryText "Query Text" Text,
    /// Kilobytes that planning used (17).
    MemoryUsed "Memory Used" Number,
    /// Kilobytes that planning took (17).
    MemoryAllocated "Memory Allocated" Number,
    /// Functions compiled.
    Functions "Functions" Number,
    /// Functions were inlined.
    Inlining "Inlining" Flag,
    /// Code was optimized.
    Optimization "Optimization" Flag,
    /// Expressions were compiled.
    Expressions "Expressions" Flag,
    /// Reading of rows was compiled.
    Deforming "Deforming" Flag,
    /// Milliseconds of making code; the sum of all processes, as the other four.
    GenerationTime "Generation Time" Number,
    /// Milliseconds of these for reading of rows (17).
    DeformTime "Deform Time" Number,
    /// Milliseconds of inlining.
    InliningTime "Inlining Time" Number,
    /// Milliseconds of optimizing.
    OptimizationTime "Optimization Time" Number,
    /// Milliseconds of emitting.
    EmissionTime "Emission Time" Number,
    /// Milliseconds of all four.
    TotalTime "Total Time" Number,
    /// Milliseconds of a trigger or of serialization.
    Time "Time" Number,
    /// Kilobytes that serialization made.
    OutputVolume "Output Volume" Number,
    /// `text` or `binary`.
    Format "Format" Text,
    /// Trigger that was fired.
    TriggerName "Trigger Name" Text,
    /// Constraint that it keeps.
    ConstraintName "Constraint Name" Text,
    /// Table that it belongs to.
    Relation "Relation" Text,
    /// How often it was fired.
    Calls "Calls" Number,
    /// How MySQL and MariaDB read a table: `ALL`, `index`, `range`, `ref`, `eq_ref`, `const`.
    AccessType "Access Type" Text,
    /// Indexes that were considered.
    PossibleKeys "Possible Keys" List,
    /// Bytes of the index's key that are used.
    KeyLength "Key Length" Number,
    /// Columns of the index that are used.
    UsedKeyParts "Used Key Parts" List,
    /// What the index is compared with.
    Ref "Ref" List,
    /// Estimated rows that are left by the condition, of 100.
    Filtered "Filtered" Number,
    /// Rows that were left by the condition, of 100, the mean of all loops.
    ActualFiltered "Actual Filtered" Number,
    /// Estimated rows that one loop reads, before conditions take some away.
    PlanExaminedRows "Plan Examined Rows" Number,
    /// Rows that were read, before conditions took some away, the mean of all loops.
    ActualExaminedRows "Actual Examined Rows" Number,
    /// Remarks of the tabular form.
    Extra "Extra" List,
    /// Pages that the engine looked at; of all loops.
    PagesAccessed "Pages Accessed" Number,
    /// Pages that the engine read from files; of all loops.
    PagesRead "Pages Read" Number,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_found() {
        for key in Key::ALL {
            assert_eq!(Key::of(key.name()), Some(*key));
        }
        assert_eq!(Key::of("I/O Read Time"), Some(Key::SharedReadTime));
        assert_eq!(Key::of("Node"), None);
    }
}
