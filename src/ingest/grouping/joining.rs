//! Lines of one execution on the extended protocol, put together before they are kept: a statement is parsed, bound and
//! executed, and each of the three has a line. Where no other line of the session is between them they become one,
//! which takes a third of the memory; [`detectors::evidence::Session`] says the same of one as of three.

use detectors::evidence::{Logged, TraceId, Traced, UNKNOWN, is_session};

/// A power of two: so many sessions whose lines are mixed are told apart.
const SESSIONS: usize = 64;

/// Puts lines that parse or bind a statement into the next one of their session, where that goes on with it.
pub(super) fn join(lines: &mut Vec<Traced>) {
    if !lines.iter().any(|line| line.span.logged == Logged::Step) {
        return;
    }
    let mut begun = [const { None }; SESSIONS];
    let mut kept = 0;
    for place in 0..lines.len() {
        let (before, rest) = lines.split_at_mut(place);
        let Some(line) = rest.first() else { break };
        let (session, is_step) = (line.trace, line.span.logged == Logged::Step);
        if is_session(session) {
            let latest: &mut Option<(TraceId, usize)> = &mut begun[session as usize % SESSIONS];
            let begun = latest.filter(|(begun, _)| *begun == session).map(|(_, begun)| begun);
            let joined = begun.filter(|begun| goes_on(&mut before[*begun], line));
            if is_step || begun.is_some() {
                *latest = is_step.then(|| (session, joined.unwrap_or(kept)));
            }
            if joined.is_some() {
                continue;
            }
        }
        if kept < place {
            before[kept] = *line;
        }
        kept += 1;
    }
    lines.truncate(kept);
}

/// Puts a line into the one before it, which parses or binds a statement, if it does so too or executes it.
fn goes_on(before: &mut Traced, line: &Traced) -> bool {
    let (step, span) = (&mut before.span, &line.span);
    let prepare_ns = step.end_ns - step.start_ns;
    if step.shape != span.shape || step.start_ns > span.start_ns || prepare_ns >= u64::from(UNKNOWN) {
        return false;
    }
    match span.logged {
        Logged::Step => step.end_ns = step.end_ns.saturating_add(span.end_ns - span.start_ns),
        Logged::Execution => {
            *before = *line;
            before.span.set_prepare_ns(prepare_ns);
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use detectors::evidence::{Dictionary, Execution, Kind, Session, ShapeRef, Span, line_id, session_id};

    use super::*;

    /// Lines of five sessions, in an order that no client sends.
    fn lines(count: u64) -> Vec<Traced> {
        let mut random: u64 = 1;
        let mut below = |limit: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % limit
        };
        let kinds =
            [Logged::Step, Logged::Step, Logged::Execution, Logged::Execution, Logged::Failed, Logged::Plan];
        let line = |number| {
            let start_ns = 1_700_000_000_000_000_000 + number / 3 * 1_000_000;
            let span = Span {
                id: line_id(7, number + 1),
                start_ns,
                end_ns: start_ns + below(3_000_000) * if below(50) == 0 { 10_000 } else { 1 },
                shape: ShapeRef(below(2) as u32),
                kind: Kind::Sql,
                thread: UNKNOWN,
                logged: kinds[below(6) as usize],
                ..Span::default()
            };
            Traced { trace: session_id([1, 2, 3, 1 + SESSIONS as u64, 5][below(5) as usize]), span }
        };
        (0..count).map(line).collect()
    }

    fn executions(lines: &[Traced]) -> Vec<Execution> {
        let mut dictionary = Dictionary::default();
        dictionary.shape_ref(Default::default(), Default::default);
        let mut sessions = BTreeMap::<TraceId, Vec<Span>>::new();
        lines.iter().for_each(|line| sessions.entry(line.trace).or_default().push(line.span));
        let (mut session, mut executions) = (Session::default(), Vec::new());
        for lines in sessions.values() {
            session.read(lines, &dictionary);
            executions.extend(session.executions());
        }
        executions
    }

    #[test]
    fn what_is_put_together_says_the_same() {
        let apart = lines(20_000);
        let mut together = apart.clone();
        join(&mut together);
        assert!(together.len() < 18_500, "{} are left", together.len());
        let (apart, together) = (executions(&apart), executions(&together));
        assert!(apart.iter().any(|execution| execution.prepare_ns > u64::from(UNKNOWN)));
        assert!(apart == together);
    }
}
