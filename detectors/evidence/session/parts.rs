//! Sessions that are read part by part: a pool's connections live for days, and what they send is not held at once.
//!
//! A request is handed out once so many executions behind it are read that nothing which follows can change it: a
//! session says the same whole and in parts. Of a connection that is not over by then only its own line can tell how
//! long it took to set it up.

use std::mem;

use super::locking::KEPT_MAX;
use super::requests::EXECUTIONS_MAX;
use super::{Connection, Execution, Session, State};
use crate::evidence::{Dictionary, Span};

/// Executions that are known when a request begins: all of it, those behind it to which later lines may add, and those
/// that may give its locks back.
const AHEAD: usize = 2 * EXECUTIONS_MAX + KEPT_MAX;

impl Session {
    /// Reads lines of one session, behind those of the part before, of which `more` follow.
    pub fn read_part(&mut self, lines: &[Span], more: bool, dictionary: &Dictionary) {
        match mem::replace(&mut self.more, more) {
            true => self.forget(),
            false => self.begin(),
        }
        if self.process == 0 {
            self.process = lines.iter().map(|line| line.parent).find(|process| *process != 0).unwrap_or(0);
        }
        for line in lines {
            match self.database_of(line, dictionary) {
                Some((origin, target)) => self.line(&Span { origin, target, ..*line }),
                None => self.line(line),
            }
        }
        match more {
            true => self.connection_of_next(),
            false => self.end_connection(None),
        }
    }

    /// Notes the connection that the next request may begin with, though it is not over.
    fn connection_of_next(&mut self) {
        let known = self.executions.len();
        self.connections.extend(self.state.connection.take_if(|it| it.first + AHEAD <= known));
    }

    /// The executions that will not change any more: those of all requests that were handed out since the latest part
    /// was read.
    pub fn handed_out(&self) -> &[Execution] {
        &self.executions[..self.next]
    }

    /// Whether what is still to come may belong to the next request.
    pub(super) fn waits_for_more(&self) -> bool {
        self.more && self.executions.len() - self.next < AHEAD
    }

    fn begin(&mut self) {
        self.executions.clear();
        self.comments.clear();
        self.waits.clear();
        self.connections.clear();
        self.ends.clear();
        self.begun = 0;
        self.process = 0;
        self.bare = (0, 0);
        self.next = 0;
        self.state = State::default();
    }

    /// Forgets what was handed out.
    fn forget(&mut self) {
        let done = mem::take(&mut self.next);
        self.executions.drain(..done);
        self.comments.drain(..done);
        self.waits.retain_mut(|(execution, _)| {
            let is_left = *execution as usize >= done;
            *execution -= if is_left { done as u32 } else { 0 };
            is_left
        });
        self.ends.retain_mut(|(execution, _)| {
            let is_left = *execution > done;
            *execution -= if is_left { done } else { 0 };
            is_left
        });
        self.connections.drain(..mem::take(&mut self.begun));
        let all = self.connections.iter_mut().chain(&mut self.state.connection);
        all.for_each(|Connection { first, .. }| *first = first.saturating_sub(done));
        self.bare = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::shape::sql::{Dialect, Lexer};
    use crate::evidence::{Kind, Logged, ShapeRef, line_id};

    const TEXTS: [&str; 8] = [
        "BEGIN",
        "SELECT a FROM b WHERE c = 1",
        "SELECT a FROM b FOR UPDATE",
        "UPDATE b SET a = 1",
        "COMMIT",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_advisory_unlock(1)",
        "INSERT INTO b VALUES (1)",
    ];

    /// SplitMix64, so that every run tries the same lines.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ mixed >> 31) % limit
        }
    }

    /// Lines of all kinds, mostly of executions.
    fn lines(count: u64, dictionary: &mut Dictionary) -> Vec<Span> {
        let lexer = Lexer::new(1);
        let shapes = TEXTS.map(|text| {
            let shape = lexer.describe(text.as_bytes(), Dialect::Postgres);
            dictionary.shape_ref(shape.id, || shape)
        });
        let mut random = Random(5);
        let mut at_ns = 1_700_000_000_000_000_000;
        let line = |number| {
            let logged = match random.below(1_000) {
                0..700 => Logged::Execution,
                700..850 => Logged::Step,
                850..890 => Logged::Plan,
                890..930 => Logged::Fetch,
                930..950 => Logged::Announced,
                950..970 => Logged::Duration,
                970..980 => Logged::Spilled,
                980..985 => Logged::Waiting,
                985..990 => Logged::Locked,
                990..998 => Logged::Failed,
                _ if random.below(10) > 0 => Logged::Execution,
                _ if random.below(2) > 0 => Logged::Connected,
                _ => Logged::Disconnected,
            };
            at_ns += [0, 1_000, 3_000_000, 80_000_000][random.below(4) as usize];
            let shape = shapes[random.below(8) as usize];
            Span {
                id: line_id(7, number + 1),
                start_ns: at_ns,
                end_ns: at_ns + random.below(5_000_000),
                shape: if logged == Logged::Duration { ShapeRef::default() } else { shape },
                response_bytes: random.below(1_000) as u32,
                kind: Kind::Sql,
                logged,
                ..Span::default()
            }
        };
        (0..count).map(line).collect()
    }

    /// All that a session hands out, and the most executions that it held.
    fn told(parts: &[&[Span]], dictionary: &Dictionary) -> (Vec<String>, Vec<Execution>, (u64, u64), usize) {
        let mut session = Session::default();
        let (mut requests, mut executions, mut bare, mut held) = (Vec::new(), Vec::new(), (0, 0), 0);
        for (number, part) in parts.iter().enumerate() {
            session.read_part(part, number + 1 < parts.len(), dictionary);
            held = held.max(session.executions.len());
            while let Some((trace, _)) = session.next_request(dictionary) {
                requests.push(format!("{:?} {:?} {:?}", trace.requests, trace.operations, trace.locking));
            }
            executions.extend(session.handed_out());
            bare = (bare.0 + session.bare.0, bare.1 + session.bare.1);
        }
        (requests, executions, bare, held)
    }

    #[test]
    fn a_session_says_the_same_whole_and_in_parts_and_holds_a_part_of_it() {
        let mut dictionary = Dictionary::default();
        let lines = lines(120_000, &mut dictionary);
        let whole = told(&[&lines], &dictionary);
        assert!(whole.0.len() > 10_000 && whole.2.0 > 100 && whole.3 > 80_000);
        for length in [997, 30_000] {
            let parts: Vec<&[Span]> = lines.chunks(length).collect();
            let in_parts = told(&parts, &dictionary);
            assert!(whole.0.iter().zip(&in_parts.0).all(|(whole, part)| whole == part), "parts of {length}");
            assert_eq!((whole.0.len(), whole.2), (in_parts.0.len(), in_parts.2));
            assert!(whole.1 == in_parts.1, "executions in parts of {length}");
            assert!(in_parts.3 < AHEAD + EXECUTIONS_MAX + length, "{} are held", in_parts.3);
        }
    }

    #[test]
    fn a_session_that_only_prepares_is_not_held() {
        let mut dictionary = Dictionary::default();
        let mut lines = lines(120_000, &mut dictionary);
        lines[1..].iter_mut().for_each(|line| line.logged = Logged::Step);
        lines[0].logged = Logged::Execution;
        let parts: Vec<&[Span]> = lines.chunks(10_000).collect();
        let (whole, in_parts) = (told(&[&lines], &dictionary), told(&parts, &dictionary));
        assert_eq!((&whole.0, &whole.1), (&in_parts.0, &in_parts.1));
        assert!(in_parts.3 < AHEAD + EXECUTIONS_MAX + 10_000, "{} are held", in_parts.3);
    }
}
