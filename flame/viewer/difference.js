// Two sides made comparable, and which differences are more than the luck of sampling.

/** Ways to compare: factors of a value of each side. */
const MODES = {
  absolute: { name: "absolute values", factors: () => [1, 1] },
  share: { name: "shares of the total", factors: (totals) => totals.map((total) => (total > 0 ? 1 / total : 0)) },
  request: { name: "per request", factors: (_, sides) => sides.map((side) => 1 / side.requests), needs: "requests" },
  second: { name: "per second", factors: (_, sides) => sides.map((side) => 1 / side.seconds), needs: "seconds" },
};

/** The ways that a profile's sides allow; the first is the one to begin with. */
function modesOf(sides) {
  const known = (mode) => !MODES[mode].needs || sides.every((side) => side[MODES[mode].needs] > 0);
  return ["request", "second", "share", "absolute"].filter(known);
}

/** One measure of the profile, weighed as the choices say: what widths are, and what figures stand for. */
function weigh(tree, profile, { measure, mode, width }) {
  const { sides, measures } = profile.head;
  const own = profile.own[measure];
  const totals = own.map((side) => totalsOf(tree, side));
  const weighed = { own, totals, unit: measures[measure].unit, factors: [1], scale: 1, noise: null };
  if (sides.length === 2) {
    weighed.factors = MODES[mode].factors(totals.map((total) => total[0]), sides);
    weighed.scale = weighed.factors[1] > 0 ? weighed.factors[0] / weighed.factors[1] : 0;
    weighed.noise = noiseOf(tree, totals, weighed.scale, measures[measure].samples);
  }
  weighed.widthOwn = widthsOf(own, weighed.scale, width);
  weighed.width = sides.length === 2 ? totalsOf(tree, weighed.widthOwn) : totals[0];
  return weighed;
}

/** Own widths, in the unit of the side after; of both sides the greater one, so that what is gone has its place. */
function widthsOf(own, scale, width) {
  const [before, after] = own;
  if (!after) return before;
  if (width === "after") return after;
  if (width === "before") return before.map((value) => value * scale);
  return before.map((value, node) => Math.max(value * scale, after[node]));
}

/**
 * When a difference is told: samples of both sides are Poisson counts, of which
 * z = (after - s before) / sqrt(after + s² before) is nearly normal. `samples` are the values of one sample on both sides;
 * without them nothing can be said. The bar is where 5 % of profiles without any change would show one box of all.
 */
function noiseOf(tree, [before, after], scale, samples) {
  if (!samples || !(scale > 0)) return null;
  const [each, other] = samples;
  const scaled = (scale * each) / other;
  const noise = { z: (a, b) => (b / other - (scaled * a) / each) / Math.sqrt(b / other + (scaled * scaled * a) / each) };
  noise.tested = 0;
  for (let node = 1; node < tree.count; node++) {
    if (before[node] / each + after[node] / other >= SAMPLES_MIN) noise.tested++;
  }
  noise.bar = Math.max(3, normalQuantile(1 - 0.05 / (2 * Math.max(1, noise.tested))));
  return noise;
}

/** Fewer samples on both sides together cannot reach a z of 3. */
const SAMPLES_MIN = 9;

/** Whether two values differ by no more than sampling may make them differ. */
function withinNoise(noise, before, after) {
  return noise !== null && (before > 0 || after > 0) && Math.abs(noise.z(before, after)) < noise.bar;
}

/** The value below which a share `p` >= 0.5 of a normal distribution lies (Abramowitz and Stegun, 26.2.23; error below 0.0005). */
function normalQuantile(p) {
  const t = Math.sqrt(-2 * Math.log(1 - p));
  return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

/** How much a value rose (1: twice or new) or fell (-1: half or gone), both sides made comparable. */
function tendency(before, after) {
  if (before === after) return 0;
  if (before === 0 || after === 0) return before === 0 ? 1 : -1;
  return Math.max(-1, Math.min(1, Math.log2(after / before)));
}
