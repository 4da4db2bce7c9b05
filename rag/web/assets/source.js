// The source view: a dialog over the page, held in the address as ?source=PATH&start=N&end=M.

import { showPages } from "./source_pages.js";
import { showText } from "./source_text.js";

const OWN = ["source", "start", "end"];

// To be installed before what else listens to "popstate": a step that only opens or closes the dialog is nobody else's.
export function install(page) {
  const { find, said } = page;
  const dialog = find("#source");
  const view = find("#source-view");
  const sentences = new Map(); // a citation's place -> where its answering sentence stands in the document
  let beneath = below(); // the address without what is ours, as the rest of the page knows it
  let pushed = false; // whether the step back in the history is the page without the dialog
  let shown = null; // { place, about } of the document on show
  let current = null; // what shows it: { close, toPassage, … }
  let opening = 0; // the number of the newest opening: an older reply is dropped

  function open(place, remember) {
    const address = new URL(window.location.href);
    if (remember) {
      OWN.forEach((name) => address.searchParams.delete(name));
      address.searchParams.set("source", place.document);
      address.searchParams.set("start", place.start);
      address.searchParams.set("end", place.end);
      history.pushState({ source: true }, "", address);
      pushed = true;
    }
    beneath = below();
    show(place);
  }

  async function show(place) {
    const number = ++opening;
    shown = null;
    put(null);
    title(place.document, place.document, "");
    notes([]);
    view.replaceChildren(line(said("source.loading")));
    for (const part of [".turning", ".sizing", "#source-passage", "#source-as-text", "#source-file"]) hide(part, true);
    if (!dialog.open) dialog.showModal();
    view.focus({ preventScroll: true });
    const about = await page.call("source", marked(place));
    if (number !== opening || !dialog.open) return;
    if (!about || about.error) return view.replaceChildren(line(about?.error ?? said("unreachable")));
    shown = { place, about };
    title(about.title, about.document, about.language);
    notes(about.notes);
    hide("#source-file", !about.file);
    find("#source-file").href = page.address(`source/file?document=${encodeURIComponent(about.document)}`);
    hide("#source-as-text", !about.pages);
    asText(!about.pages);
  }

  function asText(wanted) {
    find("#source-as-text").setAttribute("aria-pressed", wanted);
    for (const part of [".turning", ".sizing"]) hide(part, wanted);
    hide("#source-passage", !(shown.place.end > (shown.place.start ?? 0))); // the whole document was asked for
    const given = { ...marked(shown.place), document: shown.about.document };
    put((wanted ? showText : showPages)(page, view, given, shown.about));
  }

  function put(next) {
    current?.close();
    view.replaceChildren();
    current = next;
  }

  // The place, and the answering sentence in it where an answer on the page has told which one it is.
  function marked(place) {
    const [from, to] = sentences.get(key(place)) ?? [];
    return { ...place, from, to };
  }

  function leave() {
    opening += 1;
    put(null);
    if (!new URLSearchParams(window.location.search).has("source")) return;
    if (pushed) history.back();
    else history.replaceState({}, "", below());
    pushed = false;
  }

  function fromAddress() {
    const given = new URLSearchParams(window.location.search);
    const number = (name) => (/^\d{1,9}$/.test(given.get(name) ?? "") ? Number(given.get(name)) : undefined);
    const document = given.get("source");
    if (document !== null) return open({ document, start: number("start"), end: number("end") }, false);
    if (dialog.open) dialog.close();
  }

  function below() {
    const address = new URL(window.location.href);
    OWN.forEach((name) => address.searchParams.delete(name));
    return address.href;
  }

  function title(text, file, language) {
    find("#source-title bdi").textContent = text;
    find("#source-title").lang = language;
    find("#source-document bdi").textContent = file;
  }

  function notes(texts) {
    find("#source .notes").replaceChildren(...texts.map(line));
  }

  function line(text) {
    const made = document.createElement("p");
    made.textContent = text;
    return made;
  }

  function hide(part, hidden) {
    find(`#source ${part}`).hidden = hidden;
  }

  find("#source-close").addEventListener("click", () => dialog.close());
  find("#source-passage").addEventListener("click", () => current?.toPassage());
  find("#source-as-text").addEventListener("click", (event) => {
    if (shown) asText(event.target.getAttribute("aria-pressed") !== "true");
  });
  dialog.addEventListener("close", leave);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // the ground around it
  });
  dialog.addEventListener("keydown", (event) => current?.key?.(event));

  window.addEventListener("popstate", (event) => {
    pushed = history.state?.source === true;
    if (below() === beneath) event.stopImmediatePropagation();
    beneath = below();
    fromAddress();
  });
  page.listen("source", (place) => open(place, true));
  page.listen("cleared", () => {
    beneath = below();
  });
  page.listen("answer", (reply) => {
    beneath = below();
    for (const each of reply?.result?.citations ?? []) {
      sentences.set(key(each), each.highlight.map((offset) => each.start + offset));
    }
    if (dialog.open && shown && shown.place.end !== undefined && sentences.has(key(shown.place))) show(shown.place);
  });

  fromAddress();
}

function key({ document, start, end }) {
  return JSON.stringify([document, start, end]);
}
