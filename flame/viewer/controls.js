// The head, tabs, choices, legend and status, and what the mouse does.

/** What the boxes are called. */
const WORDS = {
  calls: {
    one: "function", many: "functions", package: "package",
    box: "A box is a function on a stack, under the function that called it. Its width is what was measured in it and in what it calls;",
  },
  steps: {
    one: "step", many: "steps", package: "spent on",
    box: "A box is a request, something that it does, or a node of a plan, under what it is a part of. Its width is its time with all below it;",
  },
};

const words = () => WORDS[page.profile.head.calls ? "calls" : "steps"];

function showHead(head) {
  ids["tab-sandwich"].textContent = `One ${words().one}`;
  ids["tab-table"].textContent = words().many[0].toUpperCase() + words().many.slice(1);
  choice("colour").querySelector("[value=package]").textContent = words().package;
  document.body.dataset.sides = head.sides.length;
  ids.title.textContent = visible(head.title);
  ids.reading.replaceChildren(...readingOf(head).map((text) => make("p", { textContent: text })));
  const options = (select, list) => select.replaceChildren(...list.map(([value, text]) => make("option", { value, textContent: text })));
  options(choice("measure"), head.measures.map(({ name }, i) => [i, name]));
  options(choice("mode"), modesOf(head.sides).map((mode) => [mode, MODES[mode].name]));
  for (const id of ["tab-time", "key-time"]) ids[id].hidden = !page.profile.time;
  for (const id of ["choose-mode", "choose-width"]) ids[id].hidden = head.sides.length < 2;
  choice("colour").querySelector("[value=difference]").hidden = head.sides.length < 2;
}

/** What is known of the profile; how many functions it has depends on the measure. */
function showAbout() {
  const { about, calls, sides } = page.profile.head;
  const [what, ...facts] = about.map(visible);
  const functions = calls && sides.length === 1 ? `, ${counted(occurringFrames().length, words().one, words().many)}` : "";
  const told = [what + functions, ...facts];
  ids.about.textContent = told.join(" · ");
  ids.about.title = told.join("\n");
}

const choice = (name) => document.querySelector(`[data-choice=${name}]`);

/** What the help says of reading a graph. */
function readingOf(head) {
  const order = page.profile.time ? "the order from left to right is no order in time but under Time order." : "the order from left to right is no order in time.";
  const about = [`${words().box} ${order}`];
  if (head.sides.length === 2) {
    about.push("Orange and + is more than before, blue and − is less, both sides made comparable as chosen under Compare. Rising lines are new, falling lines are gone. Grey is as before, or within what the luck of sampling explains.");
  }
  return about;
}

function showControls() {
  const { state } = page;
  for (const tab of document.querySelectorAll("[data-view]")) {
    tab.setAttribute("aria-selected", tab.dataset.view === state.view);
    tab.tabIndex = tab.dataset.view === state.view ? 0 : -1;
  }
  for (const select of document.querySelectorAll("[data-choice]")) select.value = state[select.dataset.choice];
  ids.graph.hidden = state.view === "table";
  ids.functions.hidden = state.view !== "table";
  ids.details.hidden = state.view === "table";
  ids.orientation.hidden = state.view === "table";
  ids["choose-colour"].hidden = state.view === "table";
  ids["choose-order"].hidden = state.view === "table" || state.view === "time";
  ids["choose-measure"].hidden = state.view === "time" || page.profile.head.measures.length < 2;
  ids["choose-width"].hidden = state.view === "table" || !isDifference();
  resize();
  showLegend();
  if (state.view === "table") ids.status.textContent = counted(tableFrames().length, words().one, words().many);
}

/** How much is drawn and how much is not. */
function showStatus() {
  const drawn = page.parts.reduce((sum, part) => sum + part.drawn, 0);
  const hidden = page.parts.reduce((sum, part) => sum + part.hidden, 0);
  const [one, many] = ["calls", "time"].includes(page.state.view) ? ["box is", "boxes are"] : ["branch is", "branches are"];
  const narrow = hidden > 0 ? `; ${counted(hidden, one, many)} narrower than a pixel: zoom in to see more` : "";
  ids.status.textContent = `${counted(drawn, "box", "boxes")} drawn${narrow}`;
}

function showLegend() {
  const { view, colour } = page.state;
  const shown = view === "table" ? "table" : colour === "difference" && !isDifference() ? "package" : colour;
  const entries = { table: tableLegend, difference: differenceLegend, self: selfLegend, package: packageLegend }[shown]();
  ids.legend.replaceChildren(...entries.map(({ text, colour, word }) => make("li", {}, ...(colour ? [swatch(colour, word)] : []), text)));
}

/** A square in a colour, hatched for `new` and `gone`. */
function swatch(colour, word) {
  const canvas = make("canvas", { width: 24, height: 24, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 24, 24);
  if (word) {
    context.globalAlpha = 0.5;
    context.fillStyle = hatch(context, word, isDark() ? "#ffffff" : "#000000");
    context.fillRect(0, 0, 24, 24);
  }
  return canvas;
}

function packageLegend() {
  const { legend, others } = page.colours;
  const named = legend.slice(0, 8).map(({ text, colour }) => ({ text: page.strings[text], colour }));
  return [...named, ...(others ? [{ text: "others", colour: others }] : [])];
}

const selfLegend = () => [{ text: "little of its own", colour: selfColour(0) }, { text: "some", colour: selfColour(0.5) }, { text: "most", colour: selfColour(1) }];

function differenceLegend() {
  const entries = [
    { text: "new", colour: differenceColour(0, 1, false), word: "new" }, { text: "twice or more", colour: differenceColour(1, 2, false) },
    { text: "half or less", colour: differenceColour(2, 1, false) }, { text: "gone", colour: differenceColour(1, 0, false), word: "gone" },
  ];
  const same = page.weighed.noise ? "as before, or within noise" : "as before";
  return [...entries, { text: `${same}${noiseRule()}`, colour: tint(250, 0.08) }];
}

function tableLegend() {
  if (!isDifference()) return [];
  return [{ text: `${page.weighed.noise ? "grey changes are within noise" : "all changes are coloured"}${noiseRule()}` }];
}

/** The bar of noise, or why there is none. */
function noiseRule() {
  const { noise } = page.weighed;
  if (!noise) return "; noise is not known: the values do not count samples";
  const assumed = page.profile.head.measures[page.state.measure].assumed ? "; taken that values count samples" : "";
  return `: |z| < ${noise.bar.toFixed(1)}, 5 % for ${noise.tested.toLocaleString("en-GB")} boxes together${assumed}`;
}

/** Connects everything that can be clicked, typed or scrolled. */
function listen() {
  for (const tab of document.querySelectorAll("[data-view]")) tab.addEventListener("click", () => openTab(tab.dataset.view));
  for (const select of document.querySelectorAll("[data-choice]")) select.addEventListener("change", () => choose(select));
  ids.search.addEventListener("input", () => setState({ search: ids.search.value }));
  ids.search.addEventListener("focus", readyMatcher);
  ids.searching.addEventListener("submit", (event) => { event.preventDefault(); mainPart().focus(); page.searched.then(() => goToMatch(1)); });
  ids.case.addEventListener("click", () => setState({ caseful: !page.state.caseful }));
  ids.orientation.addEventListener("click", turn);
  ids.theme.addEventListener("click", () => switchTheme());
  ids.help.addEventListener("click", () => ids.keys.showModal());
  ids.graph.addEventListener("scroll", paint);
  ids.functions.addEventListener("scroll", showRows);
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", followLink);
  window.addEventListener("beforeprint", () => printed(true));
  window.addEventListener("afterprint", () => printed(false));
  new ResizeObserver(onResize).observe(document.querySelector("main"));
  listenToPointer();
}

function onResize() {
  resize();
  if (page.state.view !== "table") relay();
}

function choose(select) {
  const { choice } = select.dataset;
  setState({ [choice]: choice === "measure" ? Number(select.value) : select.value });
}

function openTab(view) {
  if (view !== "sandwich") setState({ view });
  else aroundOne();
}

/** Around the function under the pointer, else the selected one, the one before, or the one with the greatest own value. */
function aroundOne() {
  const frameOf = (box) => (box ? page.parts[box.part].tree.frame[box.node] : 0);
  const inTable = page.state.view === "table" && page.tableRow !== null ? tableFrames()[page.tableRow] : 0;
  showAround(inTable || frameOf(page.hovered) || frameOf(page.selected) || page.state.frame || hottest());
}

/** The function with the greatest own value, on either side. */
function hottest() {
  let best = 0;
  const own = (frame) => Math.max(...page.sums.map((sums, side) => sums.self[frame] * page.weighed.factors[side]));
  for (let frame = 1; frame < page.frames; frame++) if (best === 0 || own(frame) > own(best)) best = frame;
  return best;
}

function listenToPointer() {
  const { canvas } = ids;
  const hover = (box, event) => {
    if (!sameBox(box, page.hovered)) paint();
    page.hovered = box;
    showTip(box, event.clientX, event.clientY);
  };
  canvas.addEventListener("pointermove", (event) => hover(boxUnder(event.clientX, event.clientY), event));
  canvas.addEventListener("pointerleave", (event) => hover(null, event));
  canvas.addEventListener("click", (event) => {
    const box = boxUnder(event.clientX, event.clientY);
    if (!box) return;
    page.selected = box;
    act(box);
    hover(null, event);
  });
}

/** On paper: light, and all rows. */
function printed(begins) {
  if (begins) {
    page.screenTheme = document.documentElement.dataset.theme;
    switchTheme("light");
    if (page.state.view !== "table") page.size = { ...page.size, height: Math.min(4000, page.rowCount * ROW) };
    ids.canvas.style.height = `${page.size.height}px`;
  } else {
    switchTheme(page.screenTheme);
    resize();
  }
  if (page.state.view === "table") return;
  relay();
  paintNow();
}
