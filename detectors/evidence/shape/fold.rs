//! Shapes seen together: what one text alone cannot tell.
//!
//! Run once, when everything is read. Paths that differ in one place only, at
//! which many words stand, get a template for it (`/tags/{name}`); a text that
//! was cut joins the one statement that begins like it; endpoint names stay
//! bounded. Decides by content alone: the same shapes give the same fold in any order.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Family, Shape, ShapeId, hash};
use crate::evidence::{Dictionary, ShapeRef};

/// So many different words at one place are data, if half of them look made up (`my-first-post`).
const VARIANTS_MIN: usize = 10;

/// So many plain words at one place are data: fewer may be the resources of an interface.
const PLAIN_VARIANTS_MIN: usize = 40;

/// Paths longer than this are left alone.
const SEGMENTS_MAX: usize = 16;

/// Folding one place makes others comparable; names vary at few places.
const ROUNDS: usize = 3;

/// Endpoints kept apart; those beyond, by the order of their ids, count as one.
const ENDPOINTS_MAX: usize = 2_000;

/// Tests kept apart, in the same way.
const TESTS_MAX: usize = 20_000;

/// A cut text must be so long before it says which statement it begins.
const PREFIX_MIN: usize = 40;

/// Which shape stands for which.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    /// By number; shapes that came later stand for themselves.
    shapes: Vec<ShapeRef>,
}

impl Fold {
    /// The shape that stands for another.
    pub fn shape(&self, shape: ShapeRef) -> ShapeRef {
        self.shapes.get(shape.0 as usize).copied().unwrap_or(shape)
    }

    /// How many shapes another one stands for.
    pub fn folded(&self) -> usize {
        self.shapes.iter().enumerate().filter(|(index, shape)| *index as u32 != shape.0).count()
    }
}

/// Folds the shapes of a dictionary. Those that a framework named are templates already and stay.
pub fn fold(dictionary: &mut Dictionary) -> Fold {
    let mut changes: Vec<(ShapeRef, ShapeRef)> = Vec::new();
    for family in [Family::Url, Family::Endpoint] {
        for (shape, text) in by_variation(dictionary, family) {
            let id = ShapeId::of(family, &text);
            changes.push((shape, dictionary.shape_ref(id, || Shape { id, text: text.into(), facts: None })));
        }
    }
    changes.extend(cut_statements(dictionary));
    let count = dictionary.shapes().map(|(shape, _)| shape.0 + 1).max().unwrap_or(0);
    let mut fold = Fold { shapes: (0..count).map(ShapeRef).collect() };
    for (from, to) in changes {
        if let Some(slot) = fold.shapes.get_mut(from.0 as usize) {
            *slot = to;
        }
    }
    bound_endpoints(dictionary, &mut fold);
    fold
}

/// A path between what stands before and behind it.
#[derive(Debug, Clone)]
struct Path {
    shape: ShapeRef,
    before: Box<str>,
    segments: Vec<Box<str>>,
    behind: Box<str>,
}

impl Path {
    /// `GET https://host`, segments, `?page={}`.
    fn of(shape: ShapeRef, text: &str) -> Option<Self> {
        let host = text.find("://").map_or(0, |at| at + 3);
        let start = host + text.get(host..)?.find('/')?;
        let end = text.get(start..)?.find(['?', ' ']).map_or(text.len(), |length| start + length);
        let segments: Vec<Box<str>> = text.get(start + 1..end)?.split('/').map(Box::from).collect();
        let fits = segments.len() <= SEGMENTS_MAX && !segments.iter().any(|segment| segment.is_empty());
        let (before, behind) = (text.get(..start)?.into(), text.get(end..)?.into());
        fits.then_some(Self { shape, before, segments, behind })
    }

    /// Everything but the segment at `place`, hashed.
    fn around(&self, place: usize) -> u64 {
        let state = hash::bytes(hash::START ^ place as u64, self.before.as_bytes());
        let others = self.segments.iter().enumerate().filter(|(at, _)| *at != place);
        let state = others.fold(state, |state, (_, segment)| hash::bytes(state, segment.as_bytes()));
        hash::finish(hash::bytes(state, self.behind.as_bytes()))
    }

    fn text(&self) -> String {
        format!("{}/{}{}", self.before, self.segments.join("/"), self.behind)
    }
}

/// The paths of a family that get a template, with their new text.
fn by_variation(dictionary: &Dictionary, family: Family) -> Vec<(ShapeRef, String)> {
    let may_fold = |shape, of: &Shape| of.id.family == family && !dictionary.is_template(shape);
    let shapes = dictionary.shapes().filter(|(shape, of)| may_fold(*shape, of));
    let mut paths: Vec<Path> = shapes.filter_map(|(shape, of)| Path::of(shape, &of.text)).collect();
    let mut changed = FxHashSet::default();
    for _ in 0..ROUNDS {
        let names = varying(&paths);
        if names.is_empty() {
            break;
        }
        for path in &mut paths {
            let open = (0..path.segments.len()).filter(|place| is_open(&path.segments[*place]));
            let places = open.filter_map(|place| Some((*names.get(&path.around(place))?, place)));
            let most = places.max_by_key(|(words, place)| (*words, usize::MAX - place));
            if let Some((_, place)) = most
                && let Some(segment) = path.segments.get_mut(place)
            {
                *segment = "{name}".into();
                changed.insert(path.shape);
            }
        }
    }
    paths.retain(|path| changed.contains(&path.shape));
    paths.iter().map(|path| (path.shape, path.text())).collect()
}

/// The surroundings of places at which data stands, with how many words were seen there.
fn varying(paths: &[Path]) -> FxHashMap<u64, usize> {
    let mut words: FxHashMap<u64, FxHashSet<&str>> = FxHashMap::default();
    for path in paths {
        for (place, segment) in path.segments.iter().enumerate().filter(|(_, segment)| is_word(segment)) {
            words.entry(path.around(place)).or_default().insert(segment);
        }
    }
    words.retain(|_, words| {
        let made_up = words.iter().filter(|word| looks_made_up(word)).count();
        words.len() >= PLAIN_VARIANTS_MIN || (words.len() >= VARIANTS_MIN && made_up * 2 >= words.len())
    });
    words.into_iter().map(|(around, words)| (around, words.len())).collect()
}

fn is_word(segment: &str) -> bool {
    !segment.contains('{')
}

/// A word, or data whose form was plain: where names are data, ids at their place are the same.
fn is_open(segment: &str) -> bool {
    is_word(segment) || matches!(segment, "{id}" | "{}")
}

fn looks_made_up(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit()) || word.matches(['-', '_', '.', '~', '+']).count() >= 2
}

/// Cut texts that begin exactly one statement.
fn cut_statements(dictionary: &Dictionary) -> Vec<(ShapeRef, ShapeRef)> {
    let is_cut = |shape: &Shape| shape.facts.as_ref().is_some_and(|facts| facts.truncated);
    let statements = || dictionary.shapes().filter(|(_, shape)| shape.id.family == Family::Statement);
    let mut whole: Vec<(&str, ShapeRef)> = statements()
        .filter(|(_, of)| !is_cut(of) && of.facts.is_some())
        .map(|(shape, of)| (&*of.text, shape))
        .collect();
    whole.sort_unstable();
    let cut = statements().filter(|(_, of)| is_cut(of));
    let joined = cut.filter_map(|(shape, of)| {
        let prefix = of.text.strip_suffix("...").unwrap_or(&of.text).trim_end();
        if prefix.len() < PREFIX_MIN {
            return None;
        }
        let from = whole.partition_point(|(text, _)| *text < prefix);
        let begins = |text: &str| text.strip_prefix(prefix).is_some_and(|rest| !continues_word(prefix, rest));
        let candidates = whole.get(from..)?.iter().take_while(|(text, _)| text.starts_with(prefix));
        // A few are enough to know that there is not one alone.
        let mut fitting = candidates.take(64).filter(|(text, _)| begins(text));
        match (fitting.next(), fitting.next()) {
            (Some((_, whole)), None) => Some((shape, *whole)),
            _ => None,
        }
    });
    joined.collect()
}

fn continues_word(prefix: &str, rest: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$');
    prefix.ends_with(is_word) && rest.starts_with(is_word)
}

/// Joins the endpoints and the tests beyond their limits.
fn bound_endpoints(dictionary: &mut Dictionary, fold: &mut Fold) {
    for (family, limit, rest) in
        [(Family::Endpoint, ENDPOINTS_MAX, "(other endpoints)"), (Family::Test, TESTS_MAX, "(other tests)")]
    {
        bound(dictionary, fold, family, limit, rest);
    }
}

fn bound(dictionary: &mut Dictionary, fold: &mut Fold, family: Family, limit: usize, rest: &str) {
    let all =
        dictionary.shapes().filter(|(shape, of)| of.id.family == family && fold.shape(*shape) == *shape);
    let ids: BTreeSet<(ShapeId, ShapeRef)> = all.map(|(shape, of)| (of.id, shape)).collect();
    let beyond: FxHashSet<ShapeRef> = ids.into_iter().skip(limit).map(|(_, shape)| shape).collect();
    if beyond.is_empty() {
        return;
    }
    let id = ShapeId::of(family, rest);
    let rest = dictionary.shape_ref(id, || Shape { id, text: rest.into(), facts: None });
    for shape in fold.shapes.iter_mut().filter(|shape| beyond.contains(shape)) {
        *shape = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::super::sql::{Dialect, Lexer};
    use super::super::url::Templates;
    use super::*;

    fn call(dictionary: &mut Dictionary, url: &str) -> ShapeRef {
        let mut templates = Templates::new(0);
        let template = templates.call(b"GET", url.as_bytes());
        dictionary.shape_ref(template.id, || template.shape())
    }

    fn statement(dictionary: &mut Dictionary, text: &str) -> ShapeRef {
        let shape = Lexer::new(0).describe(text.as_bytes(), Dialect::Postgres);
        dictionary.shape_ref(shape.id, || shape.clone())
    }

    #[test]
    fn slugs_fold_and_resources_stay() {
        let mut dictionary = Dictionary::default();
        let posts: Vec<ShapeRef> = (0..12)
            .map(|post| {
                call(&mut dictionary, &format!("https://blog/posts/how-to-cook-{}?v=1", "o".repeat(post)))
            })
            .collect();
        let by_id = call(&mut dictionary, "https://blog/posts/42?v=1");
        let resources: Vec<ShapeRef> =
            ["orders", "users", "carts", "items", "taxes", "bills", "logs", "jobs", "keys", "tags", "hooks"]
                .iter()
                .map(|resource| call(&mut dictionary, &format!("https://shop/api/{resource}")))
                .collect();
        let fold = fold(&mut dictionary);
        let folded: BTreeSet<ShapeRef> = posts.iter().map(|post| fold.shape(*post)).collect();
        assert_eq!(folded.len(), 1);
        assert_eq!(&*dictionary.shape(fold.shape(posts[0])).text, "GET https://blog/posts/{name}?v={}");
        assert!(resources.iter().all(|resource| fold.shape(*resource) == *resource));
        assert_eq!(fold.shape(by_id), fold.shape(posts[0]));
        assert_eq!(fold.folded(), 13);
    }

    #[test]
    fn many_plain_words_are_data_at_two_places_too() {
        let mut dictionary = Dictionary::default();
        let name = |index: u32| -> String {
            (0..5).map(|at| char::from(b'a' + (index / 3_u32.pow(at) % 3) as u8 * 4)).collect()
        };
        let shapes: Vec<ShapeRef> = (0..60)
            .flat_map(|user| (0..60).map(move |tag| (user, tag)))
            .map(|(user, tag)| call(&mut dictionary, &format!("/users/{}/tags/{}", name(user), name(tag))))
            .collect();
        let fold = fold(&mut dictionary);
        let texts: BTreeSet<&str> =
            shapes.iter().map(|shape| &*dictionary.shape(fold.shape(*shape)).text).collect();
        assert_eq!(texts.into_iter().collect::<Vec<_>>(), ["GET /users/{name}/tags/{name}"]);
    }

    #[test]
    fn a_cut_text_joins_the_one_statement_it_begins() {
        let mut dictionary = Dictionary::default();
        let whole = statement(
            &mut dictionary,
            "SELECT id, customer_id, total FROM orders WHERE customer_id = 7 AND total > 5",
        );
        statement(&mut dictionary, "SELECT id, customer_id, total FROM orders_archive WHERE customer_id = 7");
        let cut =
            statement(&mut dictionary, "SELECT id, customer_id, total FROM orders WHERE customer_id = 'abc");
        let unclear = statement(&mut dictionary, "SELECT id, customer_id, total FROM ord...");
        let fold = fold(&mut dictionary);
        assert_eq!(fold.shape(cut), whole);
        assert_eq!(fold.shape(unclear), unclear);
    }

    #[test]
    fn endpoints_are_bounded() {
        let mut dictionary = Dictionary::default();
        let mut templates = Templates::new(0);
        let shapes: Vec<ShapeRef> = (0..ENDPOINTS_MAX + 50)
            .map(|index| {
                let letters: String =
                    index.to_string().bytes().map(|byte| char::from(byte - b'0' + b'a')).collect();
                let template = templates.endpoint_by_name(letters.as_bytes());
                dictionary.shape_ref(template.id, || template.shape())
            })
            .collect();
        let fold = fold(&mut dictionary);
        let kept: BTreeSet<ShapeRef> = shapes.iter().map(|shape| fold.shape(*shape)).collect();
        assert_eq!(kept.len(), ENDPOINTS_MAX + 1);
    }
}
