//! A usual request that shows a finding, drawn in time: as measured, and with the fix.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::considered::Considered;
use super::endpoints::EndpointView;
use super::telling::trace_id;
use crate::candidate::{Part, Remedy};
use crate::evidence::trace::Waits;
use crate::evidence::{Dictionary, ShapeRef};
use crate::finding::{Placed, WaitsFor, Waterfall, WaterfallRow};
use crate::impact::{Fixes, Outlook, Replayer};
use crate::skeleton::{Node, Skeleton};
use crate::wording::brief;

/// Rows of one request; the shortest of more are left out.
const ROWS_MAX: usize = 40;

/// Rows shorter than this part of the request would be no column of a bar: only what the fix changes is shown.
const ROW_PART_MIN: u64 = 500;

/// Draws the request of median duration among the sampled ones that show a candidate.
pub(super) fn waterfall(
    candidate: &Considered<'_>,
    view: &EndpointView<'_>,
    dictionary: &Dictionary,
    replayer: &mut Replayer,
) -> Option<Waterfall> {
    // Of a log without times there is nothing to draw.
    let skeleton = usual(candidate.number, view).filter(|skeleton| skeleton.duration_ns > 0)?;
    replayer.duration_ns(skeleton, &Fixes::default(), Outlook::Worst);
    let measured = replayer.placed(skeleton);
    let mut fixes = Fixes::default();
    fixes.set(candidate.number, candidate.fix);
    let best_ns = replayer.duration_ns(skeleton, &fixes, Outlook::Best);
    let worst_ns = replayer.duration_ns(skeleton, &fixes, Outlook::Worst);
    let mut fixed = within_parents(skeleton, replayer.placed(skeleton));
    if worst_ns > skeleton.duration_ns {
        // A model at its worst may cost more than what it replaces; nobody would keep that.
        fixed.clone_from(&measured);
    } else if candidate.fix.remedy == Remedy::Overlap {
        put_at_once(skeleton, candidate.number, &measured, &mut fixed);
    }
    let claimed = |node: &Node| {
        let mut claims = skeleton.claims_of(node).iter();
        claims.any(|claim| claim.candidate == candidate.number)
    };
    let shown = longest(skeleton, &measured, claimed);
    let row = |place: usize, depth: u64| {
        let node = &skeleton.nodes[place];
        WaterfallRow {
            depth,
            waits_for: waits_for(node),
            text: text(node, dictionary),
            claimed: claimed(node),
            measured: measured[place],
            fixed: Some(fixed[place]).filter(|at| at.duration_ns > 0 || measured[place].duration_ns == 0),
        }
    };
    Some(Waterfall {
        trace: trace_id(skeleton.trace, dictionary),
        duration_ns: skeleton.duration_ns,
        fixed_ns: [best_ns, worst_ns].map(|fixed_ns| fixed_ns.min(skeleton.duration_ns)),
        rows: in_order(skeleton, &shown, &measured)
            .into_iter()
            .map(|(place, depth)| row(place, depth))
            .collect(),
        rows_left_out: (skeleton.nodes.len() - shown.iter().filter(|shown| **shown).count()) as u64,
    })
}

/// The sampled request of median duration that a candidate claims something of; of equals the one whose
/// trace comes first.
fn usual<'a>(candidate: u32, view: &EndpointView<'a>) -> Option<&'a Skeleton> {
    let shows = |skeleton: &Skeleton| skeleton.claims.iter().any(|claim| claim.candidate == candidate);
    let mut showing: Vec<(f64, &Skeleton)> =
        view.sample().iter().filter(|(_, skeleton)| shows(skeleton)).copied().collect();
    showing.sort_by_key(|(_, skeleton)| (skeleton.duration_ns, skeleton.trace));
    let half = showing.iter().map(|(weight, _)| weight).sum::<f64>() / 2.0;
    let mut seen = 0.0;
    let at_half = showing.iter().find(|(weight, _)| {
        seen += weight;
        // Weights are fractions: what is missed by rounding is reached.
        seen >= half - 1e-6
    });
    at_half.map(|(_, skeleton)| *skeleton)
}

/// What lies within an operation that a fix shortens as a whole ends with it.
fn within_parents(skeleton: &Skeleton, mut placed: Vec<Placed>) -> Vec<Placed> {
    for (place, node) in skeleton.nodes.iter().enumerate().rev() {
        if let Some(&above) = placed.get(node.parent as usize) {
            let own = &mut placed[place];
            own.start_ns = own.start_ns.min(above.end_ns);
            own.end_ns = own.end_ns.min(above.end_ns);
            own.duration_ns = own.duration_ns.min(own.end_ns - own.start_ns);
            own.path_ns = own.path_ns.min(own.duration_ns);
        }
    }
    placed
}

/// Calls that run at once: a replay has one of them, the carrier, last as long as all, and no time for the
/// others of its request.
fn put_at_once(skeleton: &Skeleton, candidate: u32, measured: &[Placed], fixed: &mut [Placed]) {
    let claims = |node: &Node| {
        let mut claims = skeleton.claims_of(node).iter();
        claims.any(|claim| claim.candidate == candidate && claim.part == Part::Whole)
    };
    let claimed: Vec<usize> = (0..fixed.len()).filter(|&place| claims(&skeleton.nodes[place])).collect();
    let carriers: FxHashMap<u32, Placed> = claimed
        .iter()
        .filter(|&&place| fixed[place].duration_ns > 0)
        .map(|&place| (skeleton.nodes[place].request, fixed[place]))
        .collect();
    for place in claimed {
        let own = &mut fixed[place];
        if let Some(carrier) = carriers.get(&skeleton.nodes[place].request).filter(|_| own.duration_ns == 0) {
            own.duration_ns = measured[place].duration_ns.min(carrier.duration_ns);
            (own.start_ns, own.end_ns) = (carrier.start_ns, carrier.start_ns + own.duration_ns);
        }
    }
}

/// Which nodes are shown: the longest, and what they lie within.
fn longest(skeleton: &Skeleton, measured: &[Placed], claimed: impl Fn(&Node) -> bool) -> Vec<bool> {
    let long =
        |place: &usize| measured[*place].duration_ns.saturating_mul(ROW_PART_MIN) >= skeleton.duration_ns;
    let told = |place: &usize| long(place) || claimed(&skeleton.nodes[*place]);
    let mut order: Vec<usize> = (0..skeleton.nodes.len()).filter(told).collect();
    order.sort_by_key(|&place| (Reverse(measured[place].duration_ns), Reverse(place)));
    let mut shown = vec![false; skeleton.nodes.len()];
    let mut count = 0;
    for place in order {
        if count >= ROWS_MAX {
            break;
        }
        let mut at = place as u32;
        while let Some(node) = skeleton.nodes.get(at as usize).filter(|_| !shown[at as usize]) {
            shown[at as usize] = true;
            count += 1;
            at = node.parent;
        }
    }
    shown
}

/// Shown nodes with their depth: each below its parent, siblings by start.
fn in_order(skeleton: &Skeleton, shown: &[bool], measured: &[Placed]) -> Vec<(usize, u64)> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); skeleton.nodes.len()];
    let mut stack = Vec::new();
    for (place, node) in skeleton.nodes.iter().enumerate().filter(|(place, _)| shown[*place]) {
        match children.get_mut(node.parent as usize) {
            Some(siblings) => siblings.push(place),
            None => stack.push((place, 0)),
        }
    }
    let mut ordered = Vec::new();
    while let Some((place, depth)) = stack.pop() {
        ordered.push((place, depth));
        let mut below = std::mem::take(&mut children[place]);
        below.sort_by_key(|&child| Reverse((measured[child].start_ns, child)));
        stack.extend(below.into_iter().map(|child| (child, depth + 1)));
    }
    ordered
}

fn waits_for(node: &Node) -> WaitsFor {
    if node.is_request() {
        return WaitsFor::Request;
    }
    match Waits::of(node.kind) {
        Waits::Database => WaitsFor::Database,
        Waits::Cache => WaitsFor::Cache,
        Waits::Call => WaitsFor::Call,
        Waits::Pool => WaitsFor::PoolWait,
        Waits::Lock => WaitsFor::LockWait,
        Waits::Own => WaitsFor::Own,
    }
}

/// What a row is called, in brief: the finding has the whole text of what it is about. A request also by its
/// service.
fn text(node: &Node, dictionary: &Dictionary) -> String {
    let text = match node.shape == ShapeRef::default() {
        true => dictionary.text(node.name).to_owned(),
        false => brief(dictionary, node.shape),
    };
    match node.is_request() {
        true => format!("{}  {text}", dictionary.text(dictionary.origin(node.origin).service)),
        false if text.is_empty() => "(no name)".to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::ROWS_MAX;
    use crate::finding::{Finding, Placed, Report, WaitsFor, Waterfall};
    use crate::testing::trace;

    fn drawn<'r>(report: &'r Report, detector: &str) -> &'r Waterfall {
        let is_it = |finding: &&Finding| finding.detector == detector;
        report.findings.iter().find(is_it).and_then(|finding| finding.waterfall.as_ref()).unwrap()
    }

    /// Text, calls, begin and end in milliseconds, as measured and with the fix.
    type Row<'w> = (&'w str, u64, [u64; 2], Option<[u64; 2]>);

    fn rows(waterfall: &Waterfall) -> Vec<Row<'_>> {
        let times = |at: Placed| [at.start_ns, at.end_ns].map(|ns| ns / 1_000_000);
        let rows = waterfall.rows.iter();
        rows.map(|row| (row.text.as_str(), row.measured.calls, times(row.measured), row.fixed.map(times)))
            .collect()
    }

    #[test]
    fn a_loop_is_one_row_and_one_call_with_the_fix() {
        let report = trace().judge(9, |trace, number| {
            let later = f64::from(number);
            trace.entry("GET /orders", 0.0, 240.0 + later).sql("SELECT * FROM orders", 1.0, 9.0).each(
                20,
                |trace, number| {
                    let from = 10.0 + number * 10.0;
                    trace
                        .sql("SELECT name FROM customers WHERE id = ?", from, from + 9.0)
                        .values(number as u64)
                },
            )
        });
        let waterfall = drawn(&report, "n-plus-one");
        assert_eq!(waterfall.duration_ns, 244_000_000, "the median of nine");
        let rows = rows(waterfall);
        assert_eq!(rows.len(), 3);
        let (text, calls, measured, fixed) = rows[2];
        assert_eq!((text, calls, measured), ("SELECT name FROM customers WHERE id = ?", 20, [9, 209]));
        let [start, end] = fixed.unwrap();
        assert!(
            start >= 9 && end > 19 && end < 209,
            "at worst one call and a share for each row: {start}, {end}"
        );
        assert_eq!(waterfall.rows[2].fixed.unwrap().calls, 1);
        assert_eq!(waterfall.rows[0].waits_for, WaitsFor::Request);
    }

    #[test]
    fn calls_that_could_overlap_begin_together() {
        let report = trace().judge(5, |trace, _| {
            trace
                .entry("GET /page", 0.0, 300.0)
                .http("GET partner/weather", 1.0, 90.0)
                .http("GET partner/news", 91.0, 200.0)
                .http("GET partner/rates", 201.0, 298.0)
        });
        let waterfall = drawn(&report, "sequential-calls");
        let rows = rows(waterfall);
        let begins: Vec<u64> = rows[1..].iter().map(|(_, _, _, fixed)| fixed.unwrap()[0]).collect();
        assert_eq!(begins, [begins[0]; 3]);
        for row in &waterfall.rows[1..] {
            let fixed = row.fixed.unwrap();
            assert!(fixed.duration_ns >= row.measured.duration_ns, "{}: as long as it was", row.text);
        }
    }

    #[test]
    fn of_many_rows_the_longest_are_drawn() {
        let report = trace().judge(5, |trace, _| {
            let trace = trace.entry("GET /page", 0.0, 500.0).sql("SELECT pg_sleep(?)", 1.0, 300.0);
            trace.each(90, |trace, number| {
                let from = 301.0 + number * 2.0;
                trace.http(
                    &format!(
                        "GET partner/{}",
                        ["a", "b", "c"][number as usize % 3].repeat(1 + number as usize)
                    ),
                    from,
                    from + 1.0,
                )
            })
        });
        let waterfall = drawn(&report, "slow-query");
        assert_eq!((waterfall.rows.len(), waterfall.rows_left_out), (ROWS_MAX, 92 - ROWS_MAX as u64));
        assert!(waterfall.rows.iter().any(|row| row.claimed));
    }
}
