// Paints what is in sight onto the canvas.

/** What a box's text needs beside the letters. */
const PADDING = 5;

function paint() {
  page.painted ??= requestAnimationFrame(() => { page.painted = null; paintNow(); });
}

function paintNow() {
  const { canvas } = ids;
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = page.size;
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  context.textBaseline = "middle";
  const brush = newBrush(context);
  for (const [index, part] of page.parts.entries()) {
    const [first, last] = rowsInSight(part);
    for (let row = first; row <= last; row++) paintRow(brush, index, part, row);
  }
}

function newBrush(context) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const ink = colour("--box-ink");
  return {
    context, ink, line: colour("--line"), accent: colour("--accent"), strong: colour("--ink"),
    match: isDark() ? "oklch(0.47 0.17 340)" : "oklch(0.83 0.13 340)",
    aside: tint(250, 0.08),
    hatches: { new: hatch(context, "new", ink), gone: hatch(context, "gone", ink) },
  };
}

function paintRow(brush, index, part, row) {
  const y = topOf(part, row) - ids.graph.scrollTop;
  const { nodes, lefts, rights } = part.rows[row];
  for (let box = 0; box < nodes.length; box++) {
    const width = rights[box] - lefts[box];
    if (nodes[box] < 0) paintNarrow(brush, lefts[box], y, width);
    else paintBox(brush, { index, part, node: nodes[box], above: row < part.ancestors }, lefts[box], y, width);
  }
}

/** Neighbours that are too narrow to be told apart. */
function paintNarrow({ context, line }, x, y, width) {
  context.fillStyle = line;
  context.fillRect(x, y, Math.max(0.6, width - 0.6), ROW - 1);
}

function paintBox(brush, { index, part, node, above }, x, y, width) {
  const { context } = brush;
  const inside = Math.max(0.6, width - 0.8);
  const frame = part.tree.frame[node];
  const matches = page.matching !== null && page.matching[frame] === 1;
  const aside = page.matching !== null && !matches;
  context.globalAlpha = above || aside ? 0.65 : 1;
  context.fillStyle = matches ? brush.match : aside ? brush.aside : colourOf(part.tree, node, frame);
  context.fillRect(x, y, inside, ROW - 1);
  const word = isDifference() ? wordOf(part.tree.sums(node)) : "";
  if (brush.hatches[word] && width > 3) paintHatch(context, brush.hatches[word], x, y, inside);
  if (width > 26) paintText(brush, labelOf(part.tree, node, frame, word), frame, x, y, width - 2 * PADDING);
  context.globalAlpha = 1;
  paintOutline(brush, { part: index, node }, x, y, inside);
}

function paintHatch(context, pattern, x, y, width) {
  const alpha = context.globalAlpha;
  context.globalAlpha = alpha * 0.2;
  context.fillStyle = pattern;
  context.fillRect(x, y, width, ROW - 1);
  context.globalAlpha = alpha;
}

function paintOutline({ context, accent, strong }, box, x, y, width) {
  const selected = sameBox(page.selected, box);
  if (!selected && !sameBox(page.hovered, box)) return;
  context.strokeStyle = selected ? accent : strong;
  context.lineWidth = selected ? 2 : 1;
  const inset = context.lineWidth / 2;
  context.strokeRect(x + inset, y + inset, Math.max(0.5, width - 2 * inset), ROW - 1 - 2 * inset);
}

function paintText({ context, ink }, { name, sign }, frame, x, y, room) {
  const text = fitted(context, sign, name, frame, room);
  if (!text) return;
  context.fillStyle = ink;
  context.fillText(text, x + PADDING, y + ROW / 2);
}

/** As much of a name as there is room for: all of it, the last part of its path, or that cut. */
function fitted(context, sign, name, frame, room) {
  const measured = (text) => context.measureText(text).width;
  const whole = sign + name;
  page.textWidths[frame] ??= measured(name);
  if (page.textWidths[frame] + (sign ? measured(sign) : 0) <= room) return whole;
  const short = sign + (page.profile.head.calls ? lastPart(name) : name);
  if (short !== whole && measured(short) <= room) return short;
  if (sign && measured(sign) > room - 20) return measured(sign.replace(/:? $/, "")) <= room ? sign.replace(/:? $/, "") : "";
  const letters = [...short.slice(0, 200)];
  let kept = Math.min(letters.length - 1, Math.floor(room / 4));
  while (kept > 0 && measured(`${letters.slice(0, kept).join("")}…`) > room) kept--;
  return kept > 1 ? `${letters.slice(0, kept).join("")}…` : "";
}

/** `std::io::Read::read` is `read`, `com.shop.Orders.list` is `Orders.list`; what is in brackets is not cut. */
function lastPart(name) {
  // `new Set (native)`, texts of other things, and `[libc.so.6]` have no path.
  if (/^[^(<[{]+\s/.test(name) || name.startsWith("[")) return name;
  const brackets = name.slice(1).search(/[(<[{]/) + 1;
  const plain = brackets > 0 ? name.slice(0, brackets) : name;
  const rest = name.slice(plain.length);
  const byColons = plain.split("::");
  if (byColons.length > 1) return byColons.slice(byColons.at(-1) ? -1 : -2).join("::") + rest;
  const afterSlash = plain.slice(plain.lastIndexOf("/") + 1);
  if (FILE.test(afterSlash)) return afterSlash + rest;
  const [ofClass] = afterSlash.match(/[^.]+\.+[^.]+$/) ?? [afterSlash];
  return ofClass + rest;
}

/** Names of files, whose last dots are no path: `Module._extensions..js`, `libc.so.6`. */
const FILE = /\.(so|dll|dylib|exe|ko|[cm]?[jt]sx?|json|node|py|rb|php|lua|pl)(\.\d+)*$/;

/** The text of a box; in differences what became of it comes first. */
function labelOf(tree, node, frame, word) {
  const name = nameOf(frame);
  if (!isDifference()) return { name, sign: "" };
  const sums = tree.sums(node);
  if (word) return { name, sign: `${word}: ` };
  if (withinNoise(page.weighed.noise, ...sums)) return { name, sign: "" };
  const told = change(sums[0] * page.weighed.scale, sums[1]);
  return { name, sign: told === "same" ? "" : `${told} ` };
}

/** `new`, `gone`, or nothing. */
function wordOf([before, after]) {
  if (before === 0 && after > 0) return "new";
  return after === 0 && before > 0 ? "gone" : "";
}

function colourOf(tree, node, frame) {
  if (page.state.colour !== "difference" || !isDifference()) return page.colours.of[frame];
  const [before, after] = tree.sums(node);
  return differenceColour(before * page.weighed.scale, after, withinNoise(page.weighed.noise, before, after));
}
