// Which functions match, asked of a worker: an expression such as `(a+)+$` may take longer than anyone lives, and what runs it
// must be one that can be ended.

/** A search that takes longer is ended without an answer. */
const SEARCH_MS_MAX = 2000;

/** All that the worker is made of; it knows nothing of the page but the names that it is sent. */
function matchInWorker() {
  let names = [];

  /** Expressions that only the older rules allow, such as `\{{closure}`, are taken, too. */
  const compile = (text, flags) => {
    try {
      return new RegExp(text, `${flags}u`);
    } catch {
      return new RegExp(text, flags);
    }
  };

  const answer = ({ text, caseful }) => {
    try {
      const expression = compile(text, caseful ? "" : "i");
      // The root, which is frame 0, is no function.
      return { matching: Uint8Array.from(names, (name, frame) => (frame > 0 && expression.test(name) ? 1 : 0)) };
    } catch (error) {
      return { problem: `not a regular expression: ${error.message.split(": ").at(-1).toLowerCase()}` };
    }
  };

  self.onmessage = ({ data }) => {
    if (data.names) {
      names = data.names;
      return;
    }
    self.postMessage({ hasBegun: true });
    self.postMessage(answer(data));
  };
}

/** The worker, what it was asked, and what it is to be asked next. */
const matcher = { source: null, worker: null, isRefused: false, asked: null, next: null, timer: 0 };

/** Starts the worker, before or when something is asked. */
function readyMatcher() {
  if (matcher.worker || matcher.isRefused) return;
  try {
    matcher.source ??= URL.createObjectURL(new Blob([`(${matchInWorker})()`], { type: "text/javascript" }));
    matcher.worker = new Worker(matcher.source);
    // A busy machine may take its time to start a worker; only what the expression takes is limited.
    matcher.worker.onmessage = ({ data }) => {
      if (data.hasBegun) matcher.timer = setTimeout(giveUp, SEARCH_MS_MAX); else answered(data);
    };
    matcher.worker.onerror = refuse;
    matcher.worker.postMessage({ names: namesOfFrames() });
  } catch {
    refuse();
  }
}

/** Where no worker may run nothing could end an expression. */
function refuse() {
  endMatcher();
  matcher.isRefused = true;
  if (matcher.asked) answered(containing(matcher.asked));
}

function endMatcher() {
  matcher.worker?.terminate();
  matcher.worker = null;
}

/** Asks which frames match; `tell` gets a byte for each, or what is wrong. Of questions that wait the last one is asked. */
function findMatching(text, caseful, tell) {
  matcher.next = { text, caseful, tell };
  if (!matcher.asked) askNext();
}

function askNext() {
  [matcher.asked, matcher.next] = [matcher.next, null];
  if (!matcher.asked) return;
  const { text, caseful } = matcher.asked;
  readyMatcher();
  matcher.worker?.postMessage({ text, caseful });
  if (matcher.isRefused && matcher.asked) answered(containing(matcher.asked));
}

function answered(answer) {
  clearTimeout(matcher.timer);
  const { tell } = matcher.asked;
  matcher.asked = null;
  if (!matcher.next) tell(answer);
  askNext();
}

function giveUp() {
  endMatcher();
  answered({ problem: `ended after ${SEARCH_MS_MAX / 1000} s: a simpler expression may help` });
}

/** Names that contain a text, in place of those that match it. */
function containing({ text, caseful }) {
  const plain = (name) => (caseful ? name : name.toLowerCase());
  const wanted = plain(text);
  const matching = Uint8Array.from(namesOfFrames(), (name, frame) => (frame > 0 && plain(name).includes(wanted) ? 1 : 0));
  return { matching, isPlain: true };
}

const namesOfFrames = () => page.profile.head.frames.name.map((name) => page.strings[name]);
