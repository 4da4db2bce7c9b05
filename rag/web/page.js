// The page's behaviour. Gradio runs this as the body of a function once the page's markup is there:
// `element` holds the markup, `props.texts` the strings by language, `server` the functions ask and status.
const find = (selector) => element.querySelector(selector);
const box = find("#question-text");
const switcher = find("#language");
const outcome = find("#outcome");
const sources = find("#sources");
const LANGUAGES = Object.keys(props.texts);
const STORED = "snoska.language";
const POLL = 700; // milliseconds between looks at a collection that is not ready
const SELDOM = 5000; // between those at one that is, or that failed

let language = firstLanguage();
let latest = 0; // the number of the newest question: an answer to an older one is dropped
let shown = ""; // the question on show
let ready = false;
let polling;
let offered = ""; // the samples on show

function firstLanguage() {
  let stored;
  try {
    stored = localStorage.getItem(STORED);
  } catch {
    stored = null; // storage is off in this browser
  }
  const wanted = [stored, ...navigator.languages].map((code) => (code ?? "").slice(0, 2).toLowerCase());
  return wanted.find((code) => LANGUAGES.includes(code)) ?? "en";
}

function said(key) {
  return props.texts[language][key];
}

// What the server says; nothing where it cannot be reached (Gradio then throws, or gives undefined).
async function call(name, data) {
  try {
    return (await server[name](data)) ?? null;
  } catch {
    return null;
  }
}

function speak() {
  document.documentElement.lang = language;
  switcher.value = language;
  switcher.setAttribute("aria-label", said("language"));
  box.placeholder = said("hint");
  for (const each of element.querySelectorAll("[data-text]")) each.textContent = said(each.dataset.text);
  entitle(shown);
}

function entitle(question) {
  document.title = question ? `${question} — ${said("name")}` : said("name");
}

function fit() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 240)}px`;
}

// --- the collection's state ---

async function look() {
  clearTimeout(polling);
  const asked = language;
  const status = (await call("status", { language })) ?? { state: "failed", text: said("unreachable"), samples: [] };
  if (asked !== language) return;
  const line = find("#status");
  line.dataset.state = status.state;
  if (line.textContent !== status.text) line.textContent = status.text;
  ready = status.state === "ready";
  offer(status.samples);
  find("#about").textContent = status.model ?? "";
  polling = setTimeout(look, ready || status.state === "failed" ? SELDOM : POLL);
}

function offer(samples) {
  const wanted = JSON.stringify([language, samples]);
  if (wanted === offered) return; // a button that has the focus keeps it
  offered = wanted;
  const place = find("#samples");
  place.hidden = samples.length === 0;
  const heading = document.createElement("p");
  heading.textContent = said("samples");
  const buttons = samples.map((sample) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sample";
    button.textContent = sample;
    button.addEventListener("click", () => put(sample));
    return button;
  });
  place.replaceChildren(heading, ...buttons);
}

// --- asking ---

function put(question, remember = true) {
  box.value = question;
  fit();
  ask(question, remember);
}

async function ask(question, remember) {
  const number = ++latest;
  const message = ready ? said("working") : said("waiting");
  shown = question;
  entitle(question);
  if (remember) keep(question);
  sources.setAttribute("aria-busy", "true");
  if (find("#answer")) outcome.setAttribute("aria-busy", "true");
  else outcome.replaceChildren(note(message, "working"));
  const waiting = setTimeout(() => {
    if (number !== latest) return; // a newer question has its answer already
    outcome.removeAttribute("aria-busy"); // a screen reader says nothing of a region that is busy
    outcome.replaceChildren(note(message, "working"));
    sources.replaceChildren();
  }, 400);
  const reply = await call("ask", { question, language });
  clearTimeout(waiting);
  if (number !== latest) return;
  outcome.removeAttribute("aria-busy");
  sources.removeAttribute("aria-busy");
  if (reply) outcome.innerHTML = reply.answer; // made by cards.py, where every text is escaped
  else outcome.replaceChildren(note(said("unreachable"), "error"));
  sources.innerHTML = reply?.citations ?? "";
}

function note(text, kind) {
  const place = document.createElement("section");
  if (kind === "error") place.id = "error";
  place.className = kind;
  const line = document.createElement("p");
  line.textContent = text;
  place.append(line);
  return place;
}

function keep(question) {
  const address = new URL(window.location.href);
  if (address.searchParams.get("q") === question) return;
  address.searchParams.set("q", question);
  address.hash = "";
  if (address.href.length < 8000) history.pushState({}, "", address);
}

function fromAddress() {
  const question = new URLSearchParams(window.location.search).get("q");
  if (question) return put(question, false);
  latest += 1;
  shown = box.value = "";
  entitle("");
  fit();
  outcome.replaceChildren();
  sources.replaceChildren();
}

// --- listening ---

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  ask(box.value, true);
});

box.addEventListener("input", fit);
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  ask(box.value, true);
});

switcher.addEventListener("change", () => {
  language = switcher.value;
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // storage is off in this browser: the choice holds until the page is left
  }
  speak();
  look();
  if (find("#answer, #error, .working")) ask(shown, false);
});

// The page has a <base>, against which "#x" would leave the page: so footnotes jump by hand.
element.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  const target = link && document.getElementById(link.getAttribute("href").slice(1));
  if (!link) return;
  event.preventDefault();
  if (!target) return;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  target.focus({ preventScroll: true });
});

window.addEventListener("popstate", fromAddress);

speak();
fit();
look();
if (new URLSearchParams(window.location.search).get("q")) fromAddress();
else box.focus({ preventScroll: true });
