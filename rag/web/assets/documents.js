// The collection: its documents, searched and sorted on the server, what was skipped, and what may be changed.
import { make, twice, why } from "./make.js";
import * as uploads from "./uploads.js";

const COLUMNS = ["title", "date", "language", "type", "passages", "read"];
const FALLING = ["date", "passages", "read"]; // sorted from the newest, or the most, at first
const PAUSE = 200; // milliseconds after a key before the search is made
const POLL = 700; // milliseconds between looks at a collection that is brought up to date

export function install(page) {
  const { find, said } = page;
  const panel = find("#documents");
  const view = { query: "", sort: "title", reverse: false, start: 0 };
  const message = find("#documents-message");
  let about = ""; // the collection's state as last told: the list is loaded again when it changes
  let asked = 0; // the number of the newest request: what an older one brings is dropped

  function open() {
    if (panel.open) return;
    message.textContent = "";
    panel.showModal();
    load(inList);
  }

  // Nothing is taken from under the fingers of who is about to press something in the list: it is renewed later.
  function inList() {
    return panel.querySelector("tbody").contains(document.activeElement);
  }

  // --- the list

  // Whether the list was loaded; not where by then `unwanted()`.
  async function load(unwanted = () => false) {
    const number = ++asked;
    const found = await page.call("documents", view);
    if (number !== asked || unwanted()) return false;
    if (!found) {
      message.textContent = said("unreachable");
      return false;
    }
    view.start = found.start;
    head();
    panel.querySelector("tbody").replaceChildren(...found.rows.map((each) => row(each, !found.closed)));
    const nothing = panel.querySelector(".nothing");
    nothing.hidden = found.rows.length > 0;
    nothing.textContent = said(found.all ? "documents.none" : "documents.empty");
    pages(panel.querySelector(".list .pages"), found, (start) => {
      view.start = start;
      load();
    });
    permit(found);
    const skipped = find("#skipped");
    skipped.hidden = found.skipped === 0;
    skipped.querySelector("summary").textContent = said("documents.skipped", { count: found.skipped });
    if (skipped.open) loadSkipped();
    return true;
  }

  function head() {
    const sorted = (name) => (name !== view.sort ? "none" : view.reverse ? "descending" : "ascending");
    const cells = COLUMNS.map((name) => {
      const button = make("button", { type: "button", textContent: said(`column.${name}`) });
      button.addEventListener("click", async () => {
        view.reverse = name === view.sort ? !view.reverse : FALLING.includes(name);
        Object.assign(view, { sort: name, start: 0 });
        await load();
        panel.querySelector(`th[data-name="${name}"] button`).focus();
      });
      const cell = make("th", { role: "columnheader", scope: "col", ariaSort: sorted(name) }, button);
      cell.dataset.name = name;
      return cell;
    });
    panel.querySelector("thead tr").replaceChildren(...cells, make("td"));
  }

  function row(each, changeable) {
    const title = make("button", { type: "button", className: "link" }, make("bdi", { textContent: each.title }));
    title.ariaLabel = said("documents.open", { title: each.title });
    title.addEventListener("click", () => page.tell("source", { document: each.document, start: 0, end: 0 }));
    const named = cell("title", title, make("bdi", { className: "file", textContent: each.document }));
    if (each.missing.length) {
      const part = make("details", {}, make("summary", { textContent: said("documents.partly") }));
      part.append(...each.missing.map((text) => make("p", { className: "hint", textContent: text })));
      named.append(part);
    }
    const actions = cell("acts", asking(each));
    if (each.uploaded && changeable) actions.append(removal(each.document, each.title));
    const facts = [
      cell("date", each.date ?? "—"),
      cell("language", each.language),
      cell("type", each.type),
      cell("passages", each.passages.toLocaleString(page.language)),
      cell("read", moment(each.read)),
    ];
    return make("tr", { role: "row" }, named, ...facts, actions);
  }

  function cell(name, ...children) {
    const made = make("td", { role: "cell", className: name }, ...children);
    if (!["title", "acts"].includes(name)) made.dataset.name = said(`column.${name}`);
    return made;
  }

  function asking(each) {
    const button = make("button", { type: "button", className: "plain", textContent: said("documents.ask") });
    button.title = said("documents.ask.note", { title: each.title });
    button.addEventListener("click", () => {
      panel.close();
      page.tell("filter", { document: each.document });
    });
    return button;
  }

  function moment(written) {
    const when = new Date(written);
    if (Number.isNaN(when.valueOf())) return "—";
    const text = when.toLocaleDateString(page.language, { day: "numeric", month: "short", year: "numeric" });
    return make("time", { dateTime: written, title: when.toLocaleString(page.language), textContent: text });
  }

  function pages(place, { start, total, rows }, go) {
    place.replaceChildren();
    if (total <= rows.length) return;
    const to = (key, wanted, there) => {
      const button = make("button", { type: "button", className: "quiet", disabled: !there });
      button.textContent = said(key);
      button.addEventListener("click", () => go(wanted));
      return button;
    };
    const counted = (number) => number.toLocaleString(page.language);
    const range = { from: counted(start + 1), to: counted(start + rows.length), total: counted(total) };
    place.append(
      to("documents.previous", start - 1, start > 0),
      make("span", { className: "hint", textContent: said("documents.range", range) }),
      to("documents.next", start + rows.length, start + rows.length < total),
    );
  }

  // --- what was skipped

  async function loadSkipped(start = 0) {
    const found = await page.call("skipped", { start });
    if (!found) return;
    const items = found.rows.map((each) => {
      const item = make("li", {}, make("bdi", { className: "name", textContent: each.file }));
      item.append(...why(each.kind, each.reason));
      if (each.uploaded && !panel.querySelector(".change").hidden && !each.file.endsWith("/")) {
        item.append(removal(each.file, each.file));
      }
      return item;
    });
    find("#skipped ul").replaceChildren(...items);
    pages(find("#skipped .pages"), found, loadSkipped);
  }

  // --- changing the collection

  function permit({ closed, bytes, endings }) {
    panel.querySelector(".change").hidden = Boolean(closed);
    find("#upload input").disabled = Boolean(closed);
    const why = find("#documents-closed");
    why.hidden = !closed;
    why.textContent = closed;
    const limit = bytes / 2 ** 20;
    find("#upload-limits").textContent = said("documents.limits", { limit });
    find("#upload input").accept = endings.map((ending) => `.${ending}`).join();
    sent.allow({ closed, bytes, endings });
  }

  async function change(name, values) {
    const address = page.address(name);
    for (const [key, value] of Object.entries({ ...values, language: page.language })) {
      address.searchParams.set(key, value);
    }
    try {
      return await (await fetch(address, { method: "POST" })).json();
    } catch {
      return { error: "unreachable", text: said("unreachable") };
    }
  }

  // Asks for a change, and waits until the collection has it; whether all went well.
  async function changed(name, values) {
    message.textContent = said(name === "remove" ? "documents.removing" : "documents.waiting");
    const reply = await change(name, values);
    let state = reply.error ? { done: true, error: reply.text } : { done: false };
    while (!state.done) {
      await new Promise((resolve) => setTimeout(resolve, POLL));
      state = (await page.call("turn", { turn: reply.turn })) ?? { done: true, error: said("unreachable") };
      if (!state.done) message.textContent = state.text;
    }
    message.textContent = state.error || said("documents.renewed");
    await load();
    return !reply.error;
  }

  function removal(document, title) {
    const button = make("button", { type: "button", className: "plain", textContent: said("documents.remove") });
    button.title = said("documents.remove.note", { title });
    return twice(button, () => said("documents.remove.sure"), () => {
      button.disabled = true;
      changed("remove", { document });
    });
  }

  const sent = uploads.install(page, load, (document) => changed("remove", { document }));

  async function renew(text) {
    if (!inList() && (await load(inList))) about = text;
  }

  // --- what a person does

  let pause;
  find("#documents-search").addEventListener("input", ({ target }) => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      Object.assign(view, { query: target.value, start: 0 });
      load();
    }, PAUSE);
  });
  const opener = make("button", { type: "button", id: "open-documents", ariaHasPopup: "dialog" });
  opener.dataset.text = "documents";
  opener.addEventListener("click", open);
  find("#tools").append(opener);
  page.label(find("#tools"));
  panel.querySelector(".close").addEventListener("click", () => panel.close());
  find("#skipped").addEventListener("toggle", ({ target }) => target.open && loadSkipped());
  find("#renew").addEventListener("click", () => changed("renew", {}));
  const sure = () => {
    message.textContent = said("documents.rebuild.note");
    return said("documents.rebuild.sure");
  };
  twice(find("#rebuild"), sure, () => changed("renew", { rebuild: 1 }));
  find("#upload input").addEventListener("change", ({ target }) => {
    sent.add([...target.files]);
    target.value = ""; // the same file may be chosen again
  });

  // A file may be dropped anywhere: the browser would leave the page for it otherwise.
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const isOurs = (event) => !event.defaultPrevented && !page.element.querySelector("dialog[open]:not(#documents)");
  window.addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    const ours = isOurs(event);
    event.preventDefault();
    if (!ours) return;
    open();
    find("#upload").classList.add("over");
  });
  window.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!relatedTarget) find("#upload").classList.remove("over");
  });
  window.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    const ours = isOurs(event);
    event.preventDefault();
    find("#upload").classList.remove("over");
    if (ours) sent.add([...event.dataTransfer.files]);
  });

  page.listen("status", ({ state, text }) => {
    if (panel.open && state === "ready" && about !== text) renew(text);
    else about = text;
  });
  page.listen("language", () => {
    message.textContent = "";
    load();
  });
  load();
}
