//! Damaged inputs: whatever happens to a file, reading it ends soon and without a panic, and what is read adds up.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use profiles::{NodeId, read};

/// Damaged copies of each fixture.
const COPIES: u64 = 60;

/// Damaged copies of each that is compressed: what is damaged then is mostly the compression, the same for all.
const PACKED_COPIES: u64 = 12;

/// Half of the damage is before this, where what all else depends on is: of a recording of a JDK three quarters only describe types.
const BEGIN_BYTES: usize = 16 << 10;

#[test]
fn damaged_files_are_read_or_refused() {
    let files = files();
    assert!(files.len() > 12, "{files:?}");
    for file in files {
        let bytes = fs::read(&file).unwrap();
        let mut plain = Vec::new();
        let unpacked = flate2::read::MultiGzDecoder::new(&*bytes).read_to_end(&mut plain).map(|_| plain);
        let sources = match unpacked {
            Ok(plain) => vec![(bytes, PACKED_COPIES), (last_chunk(plain), COPIES)],
            Err(_) => vec![(bytes, COPIES)],
        };
        for (kind, (bytes, copies)) in sources.into_iter().enumerate() {
            for seed in 0..copies {
                let damaged = damage(&bytes, &mut Random(seed * 2 + kind as u64));
                let begin = Instant::now();
                check(&damaged, &file, seed);
                assert!(begin.elapsed() < Duration::from_secs(20), "{} {seed}", file.display());
            }
        }
    }
}

/// Of a recording of a JDK, whose chunks are files of their own, the last one; of others all.
fn last_chunk(mut bytes: Vec<u8>) -> Vec<u8> {
    let begin = bytes.windows(4).rposition(|begin| begin == b"FLR\0");
    bytes.split_off(begin.unwrap_or(0))
}

fn check(bytes: &[u8], file: &Path, seed: u64) {
    let Ok(profile) = read(bytes) else { return };
    for measure in 0..profile.measures.len() {
        let totals = profile.tree.totals(measure);
        let sum = profile.tree.total(measure);
        assert!(totals.iter().all(|total| total.is_finite() && *total >= 0.0), "{} {seed}", file.display());
        assert!((totals[NodeId::ROOT.index()] - sum).abs() <= sum * 1e-9, "{} {seed}", file.display());
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folders = inside(&folder).into_iter().filter(|path| path.is_dir());
    folders.flat_map(|folder| inside(&folder)).collect()
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("fixtures");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("fixtures").path()).collect();
    paths.sort();
    paths
}

/// Cuts, flips bits, writes over, doubles, and changes digits, which leaves JSON and text well-formed.
fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + random.below(3) {
        if bytes.is_empty() {
            break;
        }
        let bound = if random.below(2) == 0 { bytes.len().min(BEGIN_BYTES) } else { bytes.len() };
        let at = random.below(bound);
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => (at..bytes.len().min(at + 40)).for_each(|at| bytes[at] = random.next() as u8),
            3 => {
                let part = bytes[at..bytes.len().min(at + 1 + random.below(500))].to_vec();
                bytes.splice(at..at, part);
            }
            4 => _ = bytes.drain(at..bytes.len().min(at + 1 + random.below(200))),
            _ => {
                let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
                (0..8).filter(|_| !digits.is_empty()).for_each(|_| {
                    bytes[digits[random.below(digits.len())]] = b"0123456789-."[random.below(12)];
                });
            }
        }
    }
    bytes
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}
