// Colours of boxes. Lightness stays within what the text on them can be read on; hues differ in more than red and green.

/** Hues of the packages with the greatest own values; all others share a grey. */
const HUES = [70, 240, 150, 320, 25, 195, 105, 285, 50, 215];

const isDark = () => document.documentElement.dataset.theme === "dark";

/** A colour of even lightness: `strength` 0 is grey, 1 as strong as boxes get. */
function tint(hue, strength, lift = 0) {
  const lightness = isDark() ? 0.36 + lift : 0.885 - lift;
  return `oklch(${lightness.toFixed(3)} ${((isDark() ? 0.075 : 0.07) * strength).toFixed(3)} ${hue})`;
}

/** The packages with the greatest own values, each with its hue, and the colour of each frame. */
function packageColours(frames, self) {
  const sums = new Map();
  frames.package.forEach((name, frame) => sums.set(name, (sums.get(name) ?? 0) + self[frame]));
  const ranked = [...sums].filter(([name]) => name !== 0).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const hues = new Map(ranked.slice(0, HUES.length).map(([name], i) => [name, HUES[i]]));
  const other = tint(250, 0.12);
  return {
    of: frames.package.map((name) => (hues.has(name) ? tint(hues.get(name), 1) : other)),
    legend: [...hues].map(([name, hue]) => ({ text: name, colour: tint(hue, 1) })),
    others: ranked.length > HUES.length || sums.has(0) ? other : null,
  };
}

/** Own values of functions: the more, the stronger. */
function selfColours(self) {
  const most = self.reduce((most, value) => Math.max(most, value), 0);
  return Array.from(self, (value) => selfColour(most > 0 ? Math.sqrt(value / most) : 0));
}

const selfColour = (strength) => tint(60, 0.1 + 1.3 * strength, 0.13 * strength);

/** Steps between "as before" and "twice or half". */
const STEPS = 8;

/** Orange for more, blue for less, grey for what is within noise. */
function differenceColour(before, after, noisy) {
  if (noisy) return tint(250, 0.08);
  const step = Math.round(tendency(before, after) * STEPS) / STEPS;
  return step === 0 ? tint(250, 0.08) : tint(step > 0 ? 58 : 248, 0.3 + 1.3 * Math.abs(step), 0.12 * Math.abs(step));
}

/** Lines over a box: rising ones for what is new, falling ones for what is gone. */
function hatch(context, word, colour) {
  const size = 6;
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, word === "new" ? size : 0);
    pen.lineTo(shift + size, word === "new" ? 0 : size);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}
