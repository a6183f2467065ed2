"use strict";
// The profile that the page carries: JSON and columns of whole numbers, deflated, in base64.

/** What the page carries, or an error that says what is wrong with it. */
async function readProfile() {
  const bytes = await inflate(fromBase64(document.getElementById("profile").textContent.trim()));
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  if (head.version !== 2) throw new Error(`the profile has version ${head.version}, the page reads 2`);
  const column = columnsOf(bytes, 4 + length);
  const ups = column(new Int32Array(head.nodes));
  const frame = column(new Int32Array(head.nodes));
  const whole = head.whole.values();
  const values = () => column(new Float64Array(head.nodes), whole.next().value);
  const own = head.measures.map(() => head.sides.map(values));
  return { head, ups, frame, own, time: head.time ? stretchesOf(head.time, column) : null };
}

/** What ran when: nodes, how many frames of the one before go on at most (and one; 0 where that is not known), and how long. */
function stretchesOf({ stretches, whole }, column) {
  const whole32 = () => column(new Int32Array(stretches));
  return { node: whole32(), kept: whole32(), value: column(new Float64Array(stretches), whole) };
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Reads one column after the other: whole numbers with seven bits a byte, the lowest first; others as eight bytes each. */
function columnsOf(bytes, start) {
  let at = start;
  return (column, whole = true) => {
    at = whole ? readWhole(bytes, at, column) : readFractions(bytes, at, column);
    if (at > bytes.length) throw new Error("the profile is cut off");
    return column;
  };
}

function readWhole(bytes, start, column) {
  let at = start;
  for (let i = 0; i < column.length; i++) {
    let value = bytes[at] & 127;
    for (let factor = 128; bytes[at++] > 127; factor *= 128) value += (bytes[at] & 127) * factor;
    column[i] = value;
  }
  return at;
}

function readFractions(bytes, start, column) {
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < column.length; i++) column[i] = view.getFloat64(start + 8 * i, true);
  return start + 8 * column.length;
}
