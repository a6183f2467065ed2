//! What a sampling profiler saw of a service: where its processors were while it computed.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// With fewer samples nothing is said: a share of 20 is off by up to 22 points, one time in twenty.
const SAMPLES_MIN: f64 = 20.0;

/// Going down from a function to what it calls ends where less than this share of it is in one place.
const MAIN_SHARE_MIN: f64 = 0.5;

/// Profiles that were given beside traces; copies share them.
#[derive(Debug, Clone, Default)]
pub struct SampledProfiles(Vec<Arc<Tallied>>);

/// A profile with what each question asks of it.
#[derive(Debug)]
struct Tallied {
    profile: SampledProfile,
    /// What was seen of each node with what it calls.
    totals: Vec<f64>,
    /// The nodes that each node calls, one node's after the other's.
    called: Vec<u32>,
    /// Where those of each node begin; the last number is where all end.
    begins: Vec<usize>,
}

/// One profile: stacks of functions with how much was seen of each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SampledProfile {
    /// The file that it was read from.
    pub source: Box<str>,
    /// The service that it is of, where that is told.
    pub service: Option<Box<str>>,
    /// Stacks that the profiler took; `None` where the profile has sums of time only.
    pub samples: Option<u64>,
    /// Functions that [`SampledNode::function`] counts from zero.
    pub functions: Vec<SampledFunction>,
    /// What is called comes after what calls it. The first stands for what is above all.
    pub nodes: Vec<SampledNode>,
}

/// A function as the profiler names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampledFunction {
    /// Its name, possibly with that of its module or class before it.
    pub name: Box<str>,
    /// Its file; `None` where that is not told.
    pub file: Option<Box<str>>,
    /// Its line; `None` where that is not told.
    pub line: Option<u32>,
}

/// The end of a stack.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SampledNode {
    /// The place of its caller among the nodes.
    pub above: u32,
    /// Its function.
    pub function: u32,
    /// What was seen of it, without what it calls.
    pub own: f64,
}

/// Where most of a function's time is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hotspot<'p> {
    /// The profile that shows it.
    pub profile: &'p SampledProfile,
    /// The function below which was looked; `None` for the whole profile.
    pub below: Option<&'p SampledFunction>,
    /// Its share of all that was seen, from 0 to 1.
    pub below_share: f64,
    /// Where most of that is.
    pub function: &'p SampledFunction,
    /// How much of it, from 0 to 1.
    pub share: f64,
    /// Where the service's own code calls it, if that is below where was looked.
    pub called_by: Option<&'p SampledFunction>,
}

impl<'p> Hotspot<'p> {
    /// What the service can change: the function, or where its own code calls it.
    pub fn own_code(&self) -> &'p SampledFunction {
        let caller = self.called_by.filter(|_| self.function.is_of_library());
        caller.unwrap_or(self.function)
    }
}

impl SampledProfiles {
    /// Adds one, and says whether it was: those with too few samples say nothing.
    pub fn push(&mut self, profile: SampledProfile) -> bool {
        let all: f64 = profile.nodes.iter().map(|node| node.own).sum();
        let is_enough = all > 0.0 && profile.samples.is_none_or(|samples| samples as f64 >= SAMPLES_MIN);
        if is_enough {
            self.0.push(Arc::new(Tallied::of(profile)));
        }
        is_enough
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where most of the time of a function of this name and file is, by each profile of the service that has it, or by each of
    /// which the service is not told: the one in which it has the largest share first.
    pub fn below(&self, name: &str, file: &str, service: &str) -> Vec<Hotspot<'_>> {
        self.of(service, |tallied| {
            let functions = tallied.profile.functions.iter();
            let is_it: Vec<bool> = functions.map(|function| function.is(name, file)).collect();
            tallied.hotspot(tallied.outermost(|function| is_it[function as usize]), true)
        })
    }

    /// Where most of the time of all is, by each profile of the service. One of which the service is not told is taken for its
    /// only if there is no other: of several anyone may be another service's.
    pub fn whole(&self, service: &str) -> Vec<Hotspot<'_>> {
        self.of(service, |tallied| {
            let is_its = tallied.profile.is_of(service) == Some(true) || self.0.len() == 1;
            is_its.then(|| tallied.hotspot(vec![0], false)).flatten()
        })
    }

    /// What the profiles of a service give, else those of which the service is not told.
    fn of<'p>(
        &'p self,
        service: &str,
        hotspot: impl Fn(&'p Arc<Tallied>) -> Option<Hotspot<'p>>,
    ) -> Vec<Hotspot<'p>> {
        let of = |wanted: Option<bool>| {
            let mut hotspots: Vec<Hotspot<'_>> = self
                .0
                .iter()
                .filter(|tallied| tallied.profile.is_of(service) == wanted)
                .filter_map(&hotspot)
                .collect();
            hotspots.sort_by(|one, other| other.below_share.total_cmp(&one.below_share));
            hotspots
        };
        let its = of(Some(true));
        if its.is_empty() { of(None) } else { its }
    }

    /// The files of several profiles of which the service is not told: only functions that traces name are looked for in these.
    pub fn of_unknown_service(&self) -> Vec<&str> {
        let unknown = self.0.iter().filter(|tallied| tallied.profile.service.is_none());
        if self.0.len() < 2 { Vec::new() } else { unknown.map(|tallied| &*tallied.profile.source).collect() }
    }
}

impl SampledProfile {
    /// Whether it is of a service, by what it tells, else by the name of its file (`orders.pb.gz`); `None` where neither says.
    fn is_of(&self, service: &str) -> Option<bool> {
        match &self.service {
            Some(told) => Some(**told == *service),
            None => (last_part(&self.source).split('.').next() == Some(service)).then_some(true),
        }
    }
}

impl SampledFunction {
    /// Whether a trace that names function and file of a place means this one. Profilers add modules and classes before
    /// names (`app.orders.list_orders`), and cut or complete paths.
    fn is(&self, name: &str, file: &str) -> bool {
        last_name(&self.name) == last_name(name)
            && self.file.as_deref().is_none_or(|own| file.is_empty() || last_part(own) == last_part(file))
    }

    /// Whether it is a function with a name: `[unknown]` is none.
    fn is_known(&self) -> bool {
        !self.name.starts_with('[') && !self.name.is_empty()
    }

    /// Whether it belongs to what the service is built on, as far as its file tells.
    fn is_of_library(&self) -> bool {
        const FOLDERS: [&str; 9] = [
            "site-packages/",
            "dist-packages/",
            "lib/python",
            "node_modules/",
            "node:",
            "<frozen",
            ".cargo/registry/",
            "/rustc/",
            "/usr/",
        ];
        const PACKAGES: [&str; 12] = [
            "java.", "java/", "javax.", "jdk.", "jdk/", "sun.", "std::", "core::", "alloc::", "tokio::",
            "hyper::", "serde",
        ];
        let file = self.file.as_deref().unwrap_or_default();
        FOLDERS.iter().any(|folder| file.contains(folder))
            || PACKAGES.iter().any(|package| self.name.starts_with(package))
            || (file.is_empty() && !self.name.contains(['.', ':', '/']))
    }
}

fn last_name(name: &str) -> &str {
    let name = name.split(['(', '<']).next().unwrap_or(name);
    name.rsplit(['.', ':', '/', '#']).next().unwrap_or(name).trim()
}

fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

impl Tallied {
    fn of(profile: SampledProfile) -> Self {
        let nodes = &profile.nodes;
        let mut totals: Vec<f64> = nodes.iter().map(|node| node.own).collect();
        let mut begins = vec![0; nodes.len() + 1];
        for (place, node) in nodes.iter().enumerate().skip(1).rev() {
            totals[node.above as usize] += totals[place];
            begins[node.above as usize + 1] += 1;
        }
        for place in 1..begins.len() {
            begins[place] += begins[place - 1];
        }
        let mut next = begins.clone();
        let mut called = vec![0; nodes.len().saturating_sub(1)];
        for (place, node) in nodes.iter().enumerate().skip(1) {
            let slot = &mut next[node.above as usize];
            called[*slot] = place as u32;
            *slot += 1;
        }
        Self { profile, totals, called, begins }
    }

    /// The nodes that a node calls.
    fn calls(&self, node: u32) -> &[u32] {
        let node = node as usize;
        &self.called[self.begins[node]..self.begins[node + 1]]
    }

    /// Goes down from nodes, as long as most of what was seen of them is in one place. `named` says that they are of one
    /// function, and not what is above all.
    fn hotspot(&self, mut here: Vec<u32>, named: bool) -> Option<Hotspot<'_>> {
        let below = self.profile.nodes.get(*here.first()? as usize)?.function;
        let all: f64 = here.iter().map(|&node| self.totals[node as usize]).sum();
        let mut way: Vec<(u32, f64)> = Vec::new();
        while let Some((next, seen, nodes)) = self.heaviest(&here) {
            if seen < all * MAIN_SHARE_MIN {
                break;
            }
            way.push((next, seen));
            here = nodes;
        }
        let function = |number: u32| &self.profile.functions[number as usize];
        // A thread, and what has no symbol, is no place to look at.
        while way.last().is_some_and(|(at, _)| !function(*at).is_known()) {
            way.pop();
        }
        let (at, seen) = way.pop().map(|(at, seen)| (function(at), seen))?;
        let own = way.iter().rev().map(|(at, _)| function(*at)).find(|by| !by.is_of_library());
        Some(Hotspot {
            profile: &self.profile,
            below: named.then(|| function(below)),
            below_share: all / self.totals[0],
            function: at,
            share: seen / all,
            called_by: own,
        })
    }

    /// Nodes of such functions that are below no other one: what calls itself counts once.
    fn outermost(&self, is_it: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut within = vec![false; self.profile.nodes.len()];
        let mut outermost = Vec::new();
        for (place, node) in self.profile.nodes.iter().enumerate().skip(1) {
            let above = within[node.above as usize];
            let found = is_it(node.function);
            within[place] = above || found;
            if found && !above {
                outermost.push(place as u32);
            }
        }
        outermost
    }

    /// The function that these nodes call for the longest, how long, and where; of equals the first.
    fn heaviest(&self, nodes: &[u32]) -> Option<(u32, f64, Vec<u32>)> {
        let function = |node: u32| self.profile.nodes[node as usize].function;
        let mut called: FxHashMap<u32, (f64, Vec<u32>)> = FxHashMap::default();
        let mut waiting: Vec<u32> = nodes.to_vec();
        while let Some(node) = waiting.pop() {
            for &place in self.calls(node) {
                if node != 0 && function(place) == function(node) {
                    // It calls itself: what that calls is called by it.
                    waiting.push(place);
                    continue;
                }
                let (seen, places) = called.entry(function(place)).or_default();
                *seen += self.totals[place as usize];
                places.push(place);
            }
        }
        let heaviest = called.into_iter().max_by(|(one, (seen, _)), (other, (other_seen, _))| {
            seen.total_cmp(other_seen).then(other.cmp(one))
        });
        heaviest.map(|(function, (seen, places))| (function, seen, places))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Out of folded stacks of `name@file`.
    fn profile(folded: &[(&str, f64)]) -> SampledProfiles {
        let mut profile = SampledProfile { source: "cpu.folded".into(), ..SampledProfile::default() };
        profile.nodes.push(SampledNode::default());
        for (stack, own) in folded {
            let mut above = 0;
            for frame in stack.split(';') {
                let (name, file) =
                    frame.split_once('@').map_or((frame, None), |(name, file)| (name, Some(file)));
                let function = SampledFunction { name: name.into(), file: file.map(Into::into), line: None };
                let known = profile.functions.iter().position(|known| *known == function);
                let number = known.unwrap_or(profile.functions.len()) as u32;
                if known.is_none() {
                    profile.functions.push(function);
                }
                let is_here = |node: &SampledNode| node.above == above && node.function == number;
                let place = profile.nodes.iter().skip(1).position(is_here).map(|place| place + 1);
                if place.is_none() {
                    profile.nodes.push(SampledNode { above, function: number, own: 0.0 });
                }
                above = place.unwrap_or(profile.nodes.len() - 1) as u32;
            }
            profile.nodes[above as usize].own += own;
        }
        let mut profiles = SampledProfiles::default();
        profiles.push(profile);
        profiles
    }

    #[test]
    fn most_of_a_handler_is_followed_down_to_one_place() {
        let profiles = profile(&[
            (
                "serve@server.py;list_orders@shop.py;to_json@shop.py;iterencode@/usr/lib/python3.11/json/encoder.py",
                70.0,
            ),
            ("serve@server.py;list_orders@shop.py;fetch@shop.py", 20.0),
            ("serve@server.py;health@shop.py", 10.0),
        ]);
        let hot = profiles.below("list_orders", "app/shop.py", "shop").pop().expect("in the profile");
        assert_eq!((&*hot.function.name, hot.called_by.map(|by| &*by.name)), ("iterencode", Some("to_json")));
        assert!((hot.share - 70.0 / 90.0).abs() < 1e-9 && (hot.below_share - 0.9).abs() < 1e-9, "{hot:?}");
    }

    #[test]
    fn without_a_handler_the_whole_is_followed_down() {
        let profiles = profile(&[("main;serve@server.py;tax@shop.py", 70.0), ("main;other@server.py", 20.0)]);
        let hot = profiles.whole("shop").pop().expect("most of it is in one place");
        assert_eq!((&*hot.function.name, hot.below), ("tax", None));
        assert_eq!(profile(&[("a@a.py", 40.0), ("b@a.py", 40.0), ("c@a.py", 40.0)]).whole("shop"), []);
    }

    #[test]
    fn several_profiles_speak_of_their_own_services() {
        let of = |source: &str, service: Option<&str>, stack: &str| SampledProfile {
            source: source.into(),
            service: service.map(Into::into),
            ..profile(&[(stack, 90.0), ("serve@server.py", 10.0)]).0[0].profile.clone()
        };
        let mut profiles = SampledProfiles::default();
        profiles.push(of("a", Some("shop"), "serve@server.py;list@shop.py;tax@shop.py"));
        profiles.push(of("b", None, "serve@server.py;list@shop.py;other@shop.py"));
        profiles.push(of("c", Some("stock"), "serve@server.py;list@shop.py;third@shop.py"));
        let sources =
            |hot: Vec<Hotspot<'_>>| hot.iter().map(|hot| hot.profile.source.to_string()).collect::<Vec<_>>();
        assert_eq!(sources(profiles.below("list", "shop.py", "shop")), ["a"]);
        assert_eq!(sources(profiles.below("list", "shop.py", "carts")), ["b"], "which may be of any service");
        assert_eq!(sources(profiles.whole("stock")), ["c"]);
        assert_eq!(sources(profiles.whole("carts")), [""; 0], "b may be of another service");
        assert_eq!(profiles.of_unknown_service(), ["b"]);
        profiles.push(of("runs/carts.pb.gz", None, "serve@server.py;sum@carts.py"));
        assert_eq!(sources(profiles.whole("carts")), ["runs/carts.pb.gz"]);
        profiles.push(of("d", Some("shop"), "list@shop.py;tax@shop.py"));
        assert_eq!(sources(profiles.below("list", "shop.py", "shop")).len(), 2, "two instances");
    }

    #[test]
    fn own_code_needs_no_caller() {
        let profiles = profile(&[("list_orders@shop.py;tax@shop.py", 70.0), ("list_orders@shop.py", 20.0)]);
        let hot = profiles.below("list_orders", "shop.py", "shop").pop().expect("in the profile");
        assert_eq!((&*hot.function.name, hot.called_by), ("tax", None));
    }

    #[test]
    fn what_is_spread_names_nothing() {
        let spread = [
            ("list@shop.py;a@shop.py", 40.0),
            ("list@shop.py;b@shop.py", 40.0),
            ("list@shop.py;c@shop.py", 40.0),
        ];
        assert_eq!(profile(&spread).below("list", "shop.py", "shop"), []);
    }

    #[test]
    fn another_function_of_that_name_is_another_one() {
        let profiles = profile(&[("list_orders@other.py;tax@other.py", 70.0)]);
        assert_eq!(profiles.below("list_orders", "shop.py", "shop"), []);
        assert_eq!(profiles.below("list_order", "other.py", "shop"), []);
        assert_eq!(profiles.below("app.list_orders", "/srv/other.py", "shop").len(), 1);
    }

    #[test]
    fn what_calls_itself_counts_once() {
        let profiles = profile(&[("walk@a.py;walk@a.py;walk@a.py;leaf@a.py", 30.0)]);
        let hot = profiles.below("walk", "a.py", "shop").pop().expect("in the profile");
        assert!(hot.below_share <= 1.0 && hot.share <= 1.0, "{hot:?}");
        assert_eq!(&*hot.function.name, "leaf");
    }

    #[test]
    fn what_calls_itself_is_one_place() {
        let hot = profile(&[("m@a.py;fib@a.py;fib@a.py;fib@a.py", 50.0), ("m@a.py;fib@a.py", 50.0)]);
        let hot = hot.whole("shop").pop().expect("all of it is in one place");
        assert_eq!((&*hot.function.name, hot.share), ("fib", 1.0));
    }

    #[test]
    fn what_has_no_name_is_not_named() {
        let hot = profile(&[("main@a.py;[unknown]", 90.0), ("main@a.py;tax@a.py", 10.0)]);
        assert_eq!(hot.whole("shop").pop().map(|hot| &*hot.function.name), Some("main"));
        assert_eq!(profile(&[("[thread];[unknown]", 90.0)]).whole("shop"), []);
    }

    #[test]
    fn few_samples_say_nothing() {
        let mut profiles = SampledProfiles::default();
        let taken = profiles.push(SampledProfile {
            samples: Some(19),
            nodes: vec![SampledNode { own: 19.0, ..SampledNode::default() }],
            ..SampledProfile::default()
        });
        assert!(!taken && profiles.is_empty());
    }
}
