//! Differences as git writes them, taken apart into files and lines.

/// What a difference says of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilePatch<'d> {
    /// The path after; where the file is gone, before.
    pub(crate) path: String,
    /// The path before; another one only where the file was renamed.
    pub(crate) path_before: String,
    /// First and last line of each part that was there before, from one.
    pub(crate) lines_before: Vec<[u64; 2]>,
    /// First and last line of each part that is there after.
    pub(crate) lines_after: Vec<[u64; 2]>,
    /// The bytes that say it.
    pub(crate) bytes: &'d [u8],
}

const BEGIN: &[u8] = b"diff --git ";

/// The files of a difference, in its order.
pub(crate) fn files(diff: &[u8]) -> Vec<FilePatch<'_>> {
    begins(diff).windows(2).filter_map(|ends| file(&diff[ends[0]..ends[1]])).collect()
}

/// Where files begin, and the end.
fn begins(diff: &[u8]) -> Vec<usize> {
    let mut begins = Vec::new();
    let mut place = 0;
    for line in diff.split_inclusive(|byte| *byte == b'\n') {
        // A line of a file's content has a sign before it.
        if line.starts_with(BEGIN) {
            begins.push(place);
        }
        place += line.len();
    }
    begins.push(place);
    begins
}

fn file(bytes: &[u8]) -> Option<FilePatch<'_>> {
    let (mut before, mut after) = (None, None);
    let (mut lines_before, mut lines_after) = (Vec::new(), Vec::new());
    let mut parts = Parts::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        match line {
            _ if parts.is_within() => {
                if let Some((gone, new)) = parts.take(line) {
                    lines_before.extend(gone);
                    lines_after.extend(new);
                }
            }
            [b'-', b'-', b'-', b' ', path @ ..] => before = before.or_else(|| name(path)),
            [b'+', b'+', b'+', b' ', path @ ..] => after = after.or_else(|| name(path)),
            [b'@', b'@', ..] => parts = Parts::of(line)?,
            _ => {}
        }
    }
    let named = || named_in_head(bytes);
    let path = after.clone().or_else(|| before.clone()).or_else(named)?;
    Some(FilePatch {
        path_before: before.unwrap_or_else(|| path.clone()),
        path,
        lines_before,
        lines_after,
        bytes,
    })
}

/// `a/src/orders.rs` without what git puts before it; `None` for `/dev/null`.
fn name(path: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(path);
    let text = text.trim_end_matches('\t').trim_matches('"');
    text.strip_prefix("a/").or_else(|| text.strip_prefix("b/")).map(str::to_owned)
}

/// A file without lines (a binary one, or another mode) is named in the first line alone, twice the same.
fn named_in_head(bytes: &[u8]) -> Option<String> {
    let line = bytes.strip_prefix(BEGIN)?.split(|byte| *byte == b'\n').next()?;
    let half = line.get(..line.len().checked_sub(1)? / 2)?;
    name(half)
}

/// A part of a file's difference that is being read.
#[derive(Debug, Default)]
struct Parts {
    /// The next line before and after.
    next: [u64; 2],
    /// Lines of the part that are still to come.
    left: [u64; 2],
}

type Ranges = (Option<[u64; 2]>, Option<[u64; 2]>);

impl Parts {
    /// `@@ -10,3 +10,4 @@ fn orders()`.
    fn of(line: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(line);
        let mut words = text.split(' ').skip(1);
        let [(first_before, count_before), (first_after, count_after)] =
            [range(words.next()?, '-')?, range(words.next()?, '+')?];
        Some(Self { next: [first_before, first_after], left: [count_before, count_after] })
    }

    fn is_within(&self) -> bool {
        self.left != [0, 0]
    }

    /// The line before or after that a line of the difference tells of; `None` for one that is in both.
    fn take(&mut self, line: &[u8]) -> Option<Ranges> {
        let mut step = |side: usize| {
            let place = self.next[side];
            self.next[side] += 1;
            self.left[side] = self.left[side].saturating_sub(1);
            [place, place]
        };
        match line.first() {
            Some(b'-') => Some((Some(step(0)), None)),
            Some(b'+') => Some((None, Some(step(1)))),
            Some(b'\\') => None,
            _ => {
                step(0);
                step(1);
                None
            }
        }
    }
}

fn range(word: &str, sign: char) -> Option<(u64, u64)> {
    let word = word.strip_prefix(sign)?;
    let (first, count) = word.split_once(',').unwrap_or((word, "1"));
    Some((first.parse().ok()?, count.parse().ok()?))
}

/// Lines that follow one another as one range.
pub(crate) fn joined(lines: &[[u64; 2]]) -> Vec<[u64; 2]> {
    let mut ranges: Vec<[u64; 2]> = Vec::new();
    for [first, last] in lines {
        match ranges.last_mut() {
            Some(range) if range[1] + 1 == *first => range[1] = *last,
            _ => ranges.push([*first, *last]),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "diff --git a/src/a b.rs b/src/a b.rs\nindex 1..2 100644\n--- a/src/a b.rs\n+++ b/src/a b.rs\n\
        @@ -2,4 +2,5 @@ fn a()\n one\n--- a/looks like a head\n+new\n+newer\n two\n+newest\n-gone\n\
        @@ -20 +21,0 @@\n-last\n\\ No newline at end of file\n\
        diff --git a/new.txt b/new.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,2 @@\n+1\n+2\n\
        diff --git a/x.png b/x.png\nindex 3..4 100644\nBinary files a/x.png and b/x.png differ\n";

    #[test]
    fn lines_are_counted_on_their_side() {
        let found = files(DIFF.as_bytes());
        let paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["src/a b.rs", "new.txt", "x.png"]);
        assert_eq!(joined(&found[0].lines_before), [[3, 3], [5, 5], [20, 20]]);
        assert_eq!(joined(&found[0].lines_after), [[3, 4], [6, 6]]);
        assert_eq!(joined(&found[1].lines_after), [[1, 2]]);
        assert_eq!(found[2].lines_after, Vec::<[u64; 2]>::new());
        assert_eq!(found.iter().map(|file| file.bytes.len()).sum::<usize>(), DIFF.len());
    }

    #[test]
    fn damaged_differences_are_no_panic() {
        for end in 0..DIFF.len() {
            let _ = files(&DIFF.as_bytes()[..end]);
        }
        assert_eq!(files(b"diff --git \n@@ x\n"), []);
    }
}
