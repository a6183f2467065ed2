// How values are written: with their unit, three digits that count, and words where a figure would mislead.

const SECONDS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
const BYTES = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]];
const MANY = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1, ""]];

/** Units that have larger ones, and how many of the smallest they are. */
const SCALES = {
  nanoseconds: [1, SECONDS], microseconds: [1e3, SECONDS], milliseconds: [1e6, SECONDS], seconds: [1e9, SECONDS], bytes: [1, BYTES],
};

/** A value with its unit: `1.25 s`, `3.4 MiB`, `12,300 samples`. */
function figure(value, unit) {
  const [factor, steps] = SCALES[unit] ?? [1, MANY];
  const exact = value * factor;
  const [size, name] = steps.find(([size]) => Math.abs(exact) >= size) ?? steps.at(-1);
  if (exact === 0 && SCALES[unit]) return "0";
  const number = digits(exact / size);
  const named = name ? `${number} ${name}` : number;
  return SCALES[unit] ? named : `${named} ${unit}`.trim();
}

/** Whole numbers below a million as they are, others with three digits that count. */
function digits(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return value.toLocaleString("en-GB");
  const places = size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : Math.min(8, 2 - Math.floor(Math.log10(size)));
  return value.toLocaleString("en-GB", { maximumFractionDigits: places });
}

function percent(part, whole) {
  if (!(whole > 0)) return "–";
  const share = (100 * part) / whole;
  if (share > 0 && share < 0.01) return "< 0.01 %";
  const places = share >= 99.95 || share === 0 ? 0 : share >= 10 ? 1 : 2;
  return `${share.toFixed(places)} %`;
}

/** What became of a value, both sides made comparable: `new`, `gone`, `+12 %`, `× 3.1`. */
function change(before, after) {
  if (before === 0 && after === 0) return "–";
  if (before === 0) return "new";
  if (after === 0) return "gone";
  const ratio = after / before;
  if (ratio >= 2) return `× ${digits(ratio)}`;
  const moved = 100 * (ratio - 1);
  if (Math.abs(moved) < 0.05) return "same";
  const places = Math.abs(moved) >= 10 ? 0 : 1;
  return `${moved > 0 ? "+" : "−"}${Math.abs(moved).toFixed(places)} %`;
}

function counted(count, one, many) {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;
}

/** Characters that would be seen as nothing or turn what is beside them around, among them the controls of writing directions. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text in which every character can be seen: `␀` to `␟` for the first controls, numbers for others. */
function visible(text) {
  return text.replace(UNSEEN, (letter) => {
    const code = letter.codePointAt(0);
    return code < 32 ? String.fromCodePoint(0x2400 + code) : `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}
