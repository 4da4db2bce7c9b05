// The question box, the answer in its place, the address that holds the question and where to look.
import * as recently from "./recent.js";
import * as where from "./where.js";

export function install(page) {
  const { find, said } = page;
  const box = find("#question-text");
  const outcome = find("#outcome");
  const sources = find("#sources");
  let latest = 0; // the number of the newest question: an answer to an older one is dropped
  let shown = null; // what is on show: { question, filters, literal }
  let ready = false;

  const places = where.install(page, () => (shown ? ask({ ...shown, filters: places.filters }) : keep(null)));
  const recent = recently.install(page, put);

  function entitle() {
    document.title = shown?.question ? `${shown.question} — ${said("name")}` : said("name");
  }

  function fit() {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 240)}px`;
  }

  // Asks as if the question had been typed.
  function put(question, filters = places.filters) {
    ask({ question, filters });
  }

  async function ask(asked, remember = true) {
    const number = ++latest;
    const message = ready ? said("working") : said("waiting");
    shown = asked;
    box.value = asked.question;
    fit();
    entitle();
    places.show(asked.filters);
    if (remember) {
      keep(asked);
      if (asked.question.trim()) recent.add(asked.question, asked.filters);
    }
    sources.setAttribute("aria-busy", "true");
    if (find("#answer")) outcome.setAttribute("aria-busy", "true");
    else outcome.replaceChildren(note(message, "working"));
    const waiting = setTimeout(() => {
      if (number !== latest) return; // a newer question has its answer already
      outcome.removeAttribute("aria-busy"); // a screen reader says nothing of a region that is busy
      outcome.replaceChildren(note(message, "working"));
      sources.replaceChildren();
    }, 400);
    const reply = await page.call("ask", asked);
    clearTimeout(waiting);
    if (number !== latest) return;
    outcome.removeAttribute("aria-busy");
    sources.removeAttribute("aria-busy");
    if (reply) outcome.innerHTML = reply.answer; // made by cards.py, where every text is escaped
    else outcome.replaceChildren(note(said("unreachable"), "error"));
    sources.innerHTML = reply?.citations ?? "";
    page.tell("answer", reply && { ...reply, asked });
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

  // Puts what is asked into the address; null: the conditions alone.
  function keep(asked) {
    const address = new URL(window.location.href);
    const filters = asked?.filters ?? places.filters;
    address.hash = "";
    address.search = new URLSearchParams({
      ...(asked ? { q: asked.question } : {}),
      ...filters,
      ...(asked?.literal ? { literal: "1" } : {}),
    });
    if (address.href === window.location.href || address.href.length >= 8000) return;
    history.pushState({}, "", address);
  }

  function fromAddress() {
    const given = new URLSearchParams(window.location.search);
    const filters = Object.fromEntries(where.NAMES.map((name) => [name, given.get(name)]));
    const question = given.get("q");
    places.show(filters);
    if (question) return ask({ question, filters: places.filters, literal: given.has("literal") }, false);
    latest += 1;
    shown = null;
    box.value = "";
    entitle();
    fit();
    outcome.replaceChildren();
    sources.replaceChildren();
    page.tell("cleared");
  }

  const asTyped = () => ask({ question: box.value, filters: places.filters });

  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    asTyped();
  });

  box.addEventListener("input", fit);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    asTyped();
  });

  outcome.addEventListener("click", (event) => {
    if (event.target.closest(".literal")) ask({ ...shown, literal: true });
  });

  find(".wordmark").addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const address = new URL(window.location.href);
    address.search = address.hash = "";
    if (address.href !== window.location.href) history.pushState({}, "", address);
    fromAddress();
    box.focus();
  });

  // The page has a <base>, against which "#x" would leave the page: so footnotes jump by hand.
  page.element.addEventListener("click", (event) => {
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
  page.listen("status", (status) => {
    ready = status.state === "ready";
  });
  page.listen("language", () => {
    entitle();
    if (shown) ask(shown, false);
  });

  document.fonts.ready.then(fit); // it is set in them
  window.addEventListener("resize", fit);
  fromAddress();
  if (!shown) box.focus({ preventScroll: true });
  return { put };
}
