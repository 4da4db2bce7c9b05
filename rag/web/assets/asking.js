// The question box, the answer in its place, the address that holds the question.

export function install(page) {
  const { find, said } = page;
  const box = find("#question-text");
  const outcome = find("#outcome");
  const sources = find("#sources");
  let latest = 0; // the number of the newest question: an answer to an older one is dropped
  let shown = ""; // the question on show
  let ready = false;

  function entitle() {
    document.title = shown ? `${shown} — ${said("name")}` : said("name");
  }

  function fit() {
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 240)}px`;
  }

  function put(question, remember = true) {
    box.value = question;
    fit();
    ask(question, remember);
  }

  async function ask(question, remember) {
    const number = ++latest;
    const message = ready ? said("working") : said("waiting");
    shown = question;
    entitle();
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
    const reply = await page.call("ask", { question });
    clearTimeout(waiting);
    if (number !== latest) return;
    outcome.removeAttribute("aria-busy");
    sources.removeAttribute("aria-busy");
    if (reply) outcome.innerHTML = reply.answer; // made by cards.py, where every text is escaped
    else outcome.replaceChildren(note(said("unreachable"), "error"));
    sources.innerHTML = reply?.citations ?? "";
    page.tell("answer", reply);
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
    entitle();
    fit();
    outcome.replaceChildren();
    sources.replaceChildren();
    page.tell("cleared");
  }

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
    if (find("#answer, #error, .working")) ask(shown, false);
  });

  entitle();
  fit();
  if (new URLSearchParams(window.location.search).get("q")) fromAddress();
  else box.focus({ preventScroll: true });
  return { put };
}
