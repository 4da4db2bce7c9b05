// The written answer: asked for by a button or with every answer, shown as it comes, stopped by the reader.
import { remember, remembered } from "./context.js";

const ALWAYS = "snoska.write";
const STRUCK = {
  footnote: "struck.footnote",
  link: "struck.link",
  number: "struck.number",
  name: "struck.name",
  meaning: "struck.meaning",
};
const FAILED = {
  not_found: "write.not_found",
  nothing: "write.nothing",
  unreachable: "write.unreachable",
  slow: "write.slow",
  refused: "write.refused",
  broken: "write.broken",
  empty: "write.empty",
  busy: "write.busy",
  changed: "write.changed",
};

export async function install(page) {
  const place = page.find("#written");
  const button = page.find("#write");
  const stop = page.find("#write-stop");
  const always = page.find("#write-always");
  page.find("#outcome").after(place);
  let model = "";
  let host = ""; // what gets the question, where that is not this machine
  let reply = null; // the answer on show
  let running = null; // what aborts the answer that is being written
  let sentences = [];
  let tail = "";
  let state = ""; // the key of what is said below

  function show() {
    const asked = reply?.result;
    place.hidden = !model || !asked || (!asked.answer.found && !state);
    button.hidden = running !== null || state === "write.not_found";
    button.textContent = page.said(sentences.length || state ? "write.again" : "write");
    stop.hidden = running === null;
    page.find("#written-note").textContent = page.said("written.note", { model });
    page.find("#written-state").textContent = state ? page.said(state) : "";
    const written = sentences.map(sentence);
    if (tail) written.push(span("tail", tail));
    const text = page.find("#written-text");
    text.ariaBusy = running !== null; // a screen reader reads it once it is whole
    text.replaceChildren(...written.flatMap((each) => [each, " "]));
  }

  // Text of the model is text: nothing of it becomes markup.
  function span(kind, text, tag = "span") {
    const made = document.createElement(tag);
    made.className = kind;
    made.textContent = text;
    return made;
  }

  function sentence({ text, citations, reason, detail }) {
    const whole = span(reason ? "struck" : "kept", "");
    whole.append(span("words", text, reason ? "s" : "span"));
    for (const number of citations) {
      const link = span("footnote", number, "a");
      const mark = document.createElement("sup");
      link.href = `#citation-${number}`;
      link.title = link.ariaLabel = page.said("footnote", { rank: number });
      mark.append(link);
      whole.append(mark);
    }
    if (reason) whole.append(" ", span("why", `(${page.said(STRUCK[reason], { detail })})`));
    return whole;
  }

  // What the page says of itself would not be true otherwise.
  function about() {
    if (model && host) page.find("#about").textContent = page.said("written.sent", { host });
  }

  async function write() {
    running?.abort();
    const mine = (running = new AbortController());
    sentences = [];
    tail = "";
    state = "write.working";
    show();
    const { question } = reply.result;
    const passages = reply.result.citations.map(({ document, start, end }) => [document, start, end]);
    let ended = false;
    try {
      const response = await fetch(page.address("write"), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ question, ...reply.asked, passages }),
        signal: mine.signal,
      });
      if (!response.ok) throw new Error(response.statusText);
      for await (const line of lines(response.body)) {
        if (running !== mine) return;
        ended ||= take(JSON.parse(line));
      }
      if (!ended) throw new Error("the stream broke off");
    } catch {
      if (running !== mine) return; // stopped, or another question was asked
      state = sentences.length ? "write.broken" : "unreachable";
    }
    if (running !== mine) return;
    running = null;
    tail = "";
    show();
  }

  // Whether it was the last line.
  function take(line) {
    if (line.sentence) {
      sentences.push(line.sentence);
      tail = "";
      state = "";
    } else if (line.tail) {
      tail = line.tail;
      state = "";
    } else if (line.failed) {
      state = FAILED[line.failed] ?? "write.unexpected";
    }
    show();
    return Boolean(line.failed || line.done);
  }

  function drop() {
    running?.abort();
    running = null;
    sentences = [];
    tail = state = "";
  }

  page.listen("answer", (given) => {
    drop();
    reply = given?.result ? given : null;
    const found = reply?.result.answer.found;
    if (model && always.checked && reply && !found) state = "write.not_found";
    show();
    if (model && always.checked && found) write();
  });
  page.listen("cleared", () => {
    drop();
    reply = null;
    show();
  });
  page.listen("language", show);
  page.listen("status", about);
  button.addEventListener("click", () => {
    write();
    stop.focus({ preventScroll: true });
  });
  stop.addEventListener("click", () => {
    running?.abort();
    running = null;
    tail = "";
    state = "write.stopped";
    show();
    button.focus({ preventScroll: true });
  });
  always.checked = remembered(ALWAYS) === "on";
  always.addEventListener("change", () => {
    remember(ALWAYS, always.checked ? "on" : "off");
    if (always.checked && !running && !sentences.length && reply?.result.answer.found) write();
  });

  ({ model = "", host = "" } = (await page.call("generation")) ?? {});
  show();
  about();
  if (model && always.checked && reply?.result.answer.found && !running) write();
}

// The lines of a stream, each once it is whole.
async function* lines(body) {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield* parts.filter(Boolean);
    }
  } finally {
    reader.cancel().catch(() => {}); // it has been aborted already
  }
}
