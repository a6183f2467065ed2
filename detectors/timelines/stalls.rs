//! Event loops that stand still: while one request keeps the thread, no other request of the process does
//! anything, and those that could go on do so the moment it lets go.
//!
//! For each stretch of a request that is looked at, each other request of the process is asked what it did
//! next: something during the stretch (it went on), something right after it although it had begun before
//! (it was held up), or later (which says nothing). On several threads, or where the stretch only waits,
//! the others go on in the proportion of the times.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{by_instance, is_beyond_chance, per_mille};
use crate::candidate::Subject;
use crate::docket::EndpointKey;
use crate::evidence::timeline::{PROGRESS_GRAIN_NS, Stir, Stretch, Timelines, WINDOW_NS, Window};

/// Moments are known this exactly only.
const BLUR_NS: u64 = 2 * PROGRESS_GRAIN_NS;
/// Until the first of those that were held up goes on; never longer than a quarter of the stretch.
const HAND_OVER_NS: u64 = 5_000_000;
/// Fewer requests held up say nothing.
const HELD_UP_MIN: u64 = 10;
/// Nor do fewer stretches.
const STRETCHES_MIN: u64 = 3;
/// Of those that did something during a stretch or right after it, so many must have been held up, per mille ...
const HELD_UP_SHARE_MIN: u64 = 800;
/// ... and so much more than by chance.
const ABOVE_CHANCE_MIN: u64 = 200;
/// Requests of an endpoint that nothing held up, to compare those that were held up with.
const OTHERS_MIN: usize = 5;
/// The held up take so much longer, as a part of a stretch: what is short stands still for most of it.
const LATE_PART: u64 = 2;
/// Moments that are looked at for one stretch: more are of a few requests that do a lot meanwhile.
const MOMENTS_MAX: usize = 4_096;
/// Other requests that are looked at for one stretch.
const OTHERS_MAX: usize = 64;
/// Stretches of one place that are asked about, before all of them are.
const ASKED_FIRST: usize = 100;
/// Later stretches that are looked at for one that lies inside.
const INSIDE_MAX: usize = 256;

/// What keeps the event loop of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    /// Whose request does.
    pub endpoint: EndpointKey,
    /// What it does meanwhile.
    pub subject: Subject,
    /// Stretches that held others up.
    pub stretches: u64,
    /// How long they take: the median and the longest.
    pub stretch_ns: (u64, u64),
    /// Requests held up, each once for each stretch.
    pub held_up: u64,
    /// Other requests that did something during a stretch.
    pub went_on: u64,
    /// Share that would be held up by chance, per mille.
    pub by_chance: u64,
    /// Requests of each endpoint of the process, those held up and the others.
    pub delayed: Vec<Delayed>,
}

/// Requests of one endpoint beside a stall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delayed {
    /// The endpoint.
    pub endpoint: EndpointKey,
    /// How long each request took, and how much of it, at most, it stood still for the stall.
    pub requests_ns: Vec<(u64, u64)>,
}

impl Delayed {
    /// The share of their time that these requests stand still at most, per mille.
    pub fn share(&self) -> u64 {
        let sum = |pick: fn(&(u64, u64)) -> u64| self.requests_ns.iter().map(pick).sum();
        per_mille(sum(|it| it.1), sum(|it| it.0))
    }

    /// Requests that were held up.
    pub fn held_up(&self) -> u64 {
        self.requests_ns.iter().filter(|(_, stood_ns)| *stood_ns > 0).count() as u64
    }

    /// Whether those that were held up for this long took longer than the others; true where too few went
    /// without to tell. Who waits for one thing with others goes on together with them, and has lost nothing.
    fn are_late(&self, stretch_ns: u64) -> bool {
        let took = |stood: bool| {
            let requests = self.requests_ns.iter().filter(|it| (it.1 > 0) == stood);
            let mut took_ns: Vec<u64> = requests.map(|it| it.0).collect();
            took_ns.sort_unstable();
            took_ns
        };
        let (held_up, others) = (took(true), took(false));
        // Some of the others stood still as well, unseen.
        let (Some(late_ns), Some(usual_ns)) = (held_up.get(held_up.len() / 2), others.get(others.len() / 4))
        else {
            return true;
        };
        others.len() < OTHERS_MIN || *late_ns >= usual_ns.saturating_add(stretch_ns / LATE_PART)
    }

    /// Of those that were held up: how long, the median.
    pub fn stood_p50_ns(&self) -> u64 {
        let mut stood: Vec<u64> = self.requests_ns.iter().map(|it| it.1).filter(|ns| *ns > 0).collect();
        stood.sort_unstable();
        stood.get(stood.len() / 2).copied().unwrap_or(0)
    }
}

/// What was found out about everything that may keep an event loop.
#[derive(Debug, Default)]
pub struct Stalls {
    proven: Vec<Stall>,
    unproven: FxHashMap<Place, (u64, u64)>,
}

impl Stalls {
    /// The stall by what one endpoint's requests do; else how many others were held up, and how many went on.
    pub(crate) fn confirms(&self, endpoint: EndpointKey, subject: &Subject) -> Result<&Stall, (u64, u64)> {
        let proven = self.proven.iter().find(|stall| stall.endpoint == endpoint && stall.subject == *subject);
        proven.ok_or_else(|| self.unproven.get(&(endpoint, subject.clone())).copied().unwrap_or_default())
    }

    /// All of them.
    #[cfg(test)]
    pub(crate) fn proven(&self) -> &[Stall] {
        &self.proven
    }

    /// Looks for event loops that stand still. Asked once, when everything is merged.
    pub fn of(timelines: &Timelines) -> Self {
        let instances = by_instance(timelines.windows().filter(|window| !window.is_given_up()));
        let loops: Vec<EventLoop> = instances.values().filter_map(|windows| EventLoop::of(windows)).collect();
        let mut stretches: Stretches<'_> = FxHashMap::default();
        for (number, event_loop) in loops.iter().enumerate() {
            for stretch in event_loop.innermost() {
                let place = (stretch.endpoint, stretch.subject.clone());
                stretches.entry(place).or_default().push((number, stretch));
            }
        }
        for stretches in stretches.values_mut() {
            stretches.sort_unstable_by_key(|(_, it)| (it.start_ns, it.end_ns, it.request));
        }
        Self::told_apart(&loops, stretches)
    }

    /// Takes the clearest first. What stands still beside it is no cause: when several are ready to go on at
    /// once, it depends on the loop which of them is closed first.
    fn told_apart(loops: &[EventLoop<'_>], mut stretches: Stretches<'_>) -> Self {
        let mut stalls = Self::default();
        let asked = |stretches: &[_]| Evidence::of(loops, stretches);
        let mut known: FxHashMap<Place, Evidence> =
            stretches.iter().map(|(place, stretches)| (place.clone(), asked(stretches))).collect();
        loop {
            let enough = known.iter().filter(|(_, evidence)| evidence.is_enough());
            let clearest =
                enough.min_by_key(|(_, evidence)| evidence.doubt()).map(|(place, _)| place.clone());
            let Some((place, evidence)) = clearest.and_then(|place| known.remove_entry(&place)) else {
                let unproven = known.into_iter().map(|(place, it)| (place, (it.held_up, it.went_on)));
                stalls.unproven.extend(unproven);
                return stalls;
            };
            let stretches_of_it = stretches.remove(&place).unwrap_or_default();
            let counted = (evidence.held_up, evidence.went_on);
            let stall = evidence.stall(place.clone(), loops);
            if !stall.delayed.iter().any(|delayed| delayed.are_late(stall.stretch_ns.0)) {
                stalls.unproven.insert(place, counted);
                continue;
            }
            stalls.proven.push(stall);
            let taken = Taken::of(stretches_of_it, loops.len());
            for (place, others) in &mut stretches {
                let before = others.len();
                others.retain(|(number, stretch)| !taken.covers_half(*number, stretch));
                if others.len() < before {
                    known.insert(place.clone(), asked(others));
                }
            }
        }
    }
}

/// By what is done meanwhile, with the number of the event loop.
type Stretches<'w> = FxHashMap<Place, Vec<(usize, &'w Stretch)>>;

/// The stretches of a stall, by event loop; each list by start. They do not overlap much: one thread has one.
struct Taken(Vec<Vec<(u64, u64)>>);

impl Taken {
    fn of(stretches: Vec<(usize, &Stretch)>, loops: usize) -> Self {
        let mut taken = vec![Vec::new(); loops];
        for (number, stretch) in stretches {
            taken[number].push((stretch.start_ns, stretch.end_ns));
        }
        taken.iter_mut().for_each(|taken| taken.sort_unstable());
        Self(taken)
    }

    fn covers_half(&self, number: usize, stretch: &Stretch) -> bool {
        let taken = &self.0[number];
        let until = taken.partition_point(|(start_ns, _)| *start_ns < stretch.end_ns);
        let before = taken[..until].iter().rev().take(INSIDE_MAX);
        let covered = before.map(|(start_ns, end_ns)| {
            stretch.end_ns.min(*end_ns).saturating_sub(stretch.start_ns.max(*start_ns))
        });
        covered.sum::<u64>() * 2 >= stretch.end_ns - stretch.start_ns
    }
}

/// Whose request, and what it does.
type Place = (EndpointKey, Subject);

/// What other requests did around the stretches of one place.
#[derive(Debug, Default)]
struct Evidence {
    /// Lengths of stretches that held others up.
    stretches_ns: Vec<u64>,
    held_up: u64,
    went_on: u64,
    /// Sum over all that are counted, per mille.
    by_chance: u64,
    /// Start, end and request of the first stretch.
    first: Option<(u64, u64, u64)>,
    /// By event loop and request.
    stood_ns: FxHashMap<(usize, u32), u64>,
}

impl Evidence {
    /// What is awaited is seen by a few of its stretches; the rest is not asked for.
    fn of(loops: &[EventLoop<'_>], stretches: &[(usize, &Stretch)]) -> Self {
        let some = Self::of_each(loops, stretches, stretches.len().div_ceil(ASKED_FIRST).max(1));
        match some.went_on > some.held_up {
            true => some,
            false => Self::of_each(loops, stretches, 1),
        }
    }

    /// Of every so many stretches one.
    fn of_each(loops: &[EventLoop<'_>], stretches: &[(usize, &Stretch)], step: usize) -> Self {
        let first = stretches.iter().map(|(_, it)| (it.start_ns, it.end_ns, it.request)).min();
        let mut evidence = Self { first, ..Self::default() };
        for (number, stretch) in stretches.iter().step_by(step) {
            loops[*number].ask_others(stretch, *number, &mut evidence);
        }
        evidence
    }

    /// The smaller, the clearer; never the same for two.
    fn doubt(&self) -> impl Ord + use<> {
        let counted = self.held_up + self.went_on;
        (per_mille(self.went_on, counted), std::cmp::Reverse(self.held_up), self.first)
    }

    fn by_chance(&self) -> u64 {
        self.by_chance / (self.held_up + self.went_on).max(1)
    }

    /// Whether it is more than chance, by share and by number.
    fn is_enough(&self) -> bool {
        let counted = self.held_up + self.went_on;
        let share = per_mille(self.held_up, counted);
        self.held_up >= HELD_UP_MIN
            && self.stretches_ns.len() as u64 >= STRETCHES_MIN
            && share >= HELD_UP_SHARE_MIN
            && share >= self.by_chance() + ABOVE_CHANCE_MIN
            && is_beyond_chance(self.held_up, counted, self.by_chance())
    }

    fn stall(mut self, (endpoint, subject): Place, loops: &[EventLoop]) -> Stall {
        self.stretches_ns.sort_unstable();
        let at = |place: usize| self.stretches_ns.get(place).copied().unwrap_or(0);
        let last = self.stretches_ns.len().saturating_sub(1);
        Stall {
            endpoint,
            subject,
            stretches: self.stretches_ns.len() as u64,
            stretch_ns: (at(last / 2), at(last)),
            held_up: self.held_up,
            went_on: self.went_on,
            by_chance: self.by_chance(),
            delayed: self.delayed(loops),
        }
    }

    /// All requests of the endpoints of which any was held up.
    fn delayed(&self, loops: &[EventLoop]) -> Vec<Delayed> {
        let endpoint = |(event_loop, request): &(usize, u32)| loops[*event_loop].served.get(request);
        let concerned: FxHashSet<EndpointKey> =
            self.stood_ns.keys().filter_map(endpoint).map(|served| served.endpoint).collect();
        let mut by_endpoint: FxHashMap<EndpointKey, Vec<(u64, u64)>> = FxHashMap::default();
        for (number, event_loop) in loops.iter().enumerate() {
            for (request, served) in &event_loop.served {
                if concerned.contains(&served.endpoint) {
                    let took_ns = served.end_ns - served.start_ns;
                    let stood_ns = self.stood_ns.get(&(number, *request)).copied().unwrap_or(0);
                    let requests_ns = by_endpoint.entry(served.endpoint).or_default();
                    requests_ns.push((took_ns, stood_ns.min(took_ns)));
                }
            }
        }
        let delayed = by_endpoint.into_iter().map(|(endpoint, mut requests_ns)| {
            requests_ns.sort_unstable();
            Delayed { endpoint, requests_ns }
        });
        delayed.collect()
    }
}

/// One request, once.
#[derive(Debug, Clone, Copy)]
struct Request {
    start_ns: u64,
    end_ns: u64,
    endpoint: EndpointKey,
}

/// When a request did something.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at_ns: u64,
    request: u32,
}

/// Requests of one process are told apart by half of their hash.
fn half(request: u64) -> u32 {
    request as u32
}

/// What one process did in the windows that are kept.
struct EventLoop<'w> {
    windows: FxHashSet<u64>,
    stirs: Vec<Moment>,
    served: FxHashMap<u32, Request>,
    /// By start; of equal ones the longer first.
    stretches: Vec<&'w Stretch>,
}

impl<'w> EventLoop<'w> {
    /// `None` where nothing may keep it.
    fn of(windows: &[&'w Window]) -> Option<Self> {
        let mut stretches: Vec<&Stretch> = windows.iter().flat_map(|window| &window.stretches).collect();
        if stretches.is_empty() {
            return None;
        }
        let by_start = |stretch: &&Stretch| (stretch.start_ns, u64::MAX - stretch.end_ns, stretch.request);
        stretches.sort_by_key(by_start);
        let near: FxHashSet<u64> = stretches
            .iter()
            .flat_map(|it| it.start_ns / WINDOW_NS..=(it.end_ns + HAND_OVER_NS) / WINDOW_NS)
            .collect();
        let mut near: Vec<&&Window> = windows.iter().filter(|window| near.contains(&window.number)).collect();
        near.sort_unstable_by_key(|window| window.number);
        let mut stirs: Vec<Moment> = Vec::new();
        for window in near {
            let in_order = Stir::in_order(&window.stirs).into_iter();
            stirs.extend(in_order.map(|it| Moment { at_ns: it.at_ns(window.number), request: it.request() }));
        }
        let served = windows.iter().flat_map(|window| &window.served).map(|served| {
            let &crate::evidence::timeline::Served { start_ns, end_ns, endpoint, .. } = served;
            (half(served.request), Request { start_ns, end_ns, endpoint })
        });
        Some(Self {
            windows: windows.iter().map(|window| window.number).collect(),
            stirs,
            served: served.collect(),
            stretches,
        })
    }

    /// The stretches inside which no other request has one that fills half of it: who stands still because of
    /// another has begun before it and goes on after it.
    fn innermost(&self) -> impl Iterator<Item = &'w Stretch> {
        let holds = |outer: &Stretch, inner: &Stretch| {
            inner.request != outer.request
                && inner.end_ns <= outer.end_ns
                && (inner.end_ns - inner.start_ns) * 2 >= outer.end_ns - outer.start_ns
        };
        self.stretches.iter().enumerate().filter_map(move |(place, outer)| {
            let later = self.stretches[place + 1..].iter().take(INSIDE_MAX);
            let mut later = later.take_while(|inner| inner.start_ns < outer.end_ns);
            (!later.any(|inner| holds(outer, inner))).then_some(*outer)
        })
    }

    /// Requests that begin a stretch of their own during a call: two calls at once are awaited, both of them.
    fn begun_within(&self, stretch: &Stretch) -> impl Iterator<Item = u32> {
        let is_call = matches!(stretch.subject, Subject::Shape(_));
        let from = self.stretches.partition_point(|other| other.start_ns <= stretch.start_ns);
        let until_ns = stretch.end_ns - BLUR_NS;
        let begun = self.stretches[from..].iter().take(OTHERS_MAX);
        begun.take_while(move |other| is_call && other.start_ns < until_ns).map(|other| half(other.request))
    }

    fn ask_others(&self, stretch: &Stretch, number: usize, evidence: &mut Evidence) {
        let duration_ns = stretch.end_ns - stretch.start_ns;
        let hand_over_ns = HAND_OVER_NS.min(duration_ns / 4);
        let until_ns = stretch.end_ns + hand_over_ns;
        let kept = [stretch.start_ns, until_ns].iter().all(|at| self.windows.contains(&(at / WINDOW_NS)));
        if !kept || duration_ns <= 2 * BLUR_NS {
            return;
        }
        let by_chance = per_mille(hand_over_ns + BLUR_NS, duration_ns - BLUR_NS + hand_over_ns);
        let before = evidence.held_up;
        let from = self.stirs.partition_point(|stir| stir.at_ns <= stretch.start_ns + BLUR_NS);
        let mut asked: FxHashSet<u32> = FxHashSet::from_iter([half(stretch.request)]);
        for other in self.begun_within(stretch) {
            if asked.insert(other) {
                evidence.went_on += 1;
                evidence.by_chance += by_chance;
            }
        }
        let meanwhile = self.stirs[from..].iter().take(MOMENTS_MAX);
        for stir in meanwhile.take_while(|stir| stir.at_ns <= until_ns) {
            if !asked.insert(stir.request) {
                continue;
            }
            let under_way =
                self.served.get(&stir.request).is_some_and(|other| other.start_ns < stretch.start_ns);
            match stir.at_ns < stretch.end_ns - BLUR_NS {
                true => evidence.went_on += 1,
                false if under_way => {
                    evidence.held_up += 1;
                    *evidence.stood_ns.entry((number, stir.request)).or_default() += duration_ns;
                }
                false => continue,
            }
            evidence.by_chance += by_chance;
            if asked.len() > OTHERS_MAX {
                break;
            }
        }
        if evidence.held_up > before {
            evidence.stretches_ns.push(duration_ns);
        }
    }
}

#[cfg(test)]
mod tests;
