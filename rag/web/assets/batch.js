// Many questions at once: a list is brought to the server, which answers it while this page looks how far it is.
import { remember, remembered } from "./context.js";
import { post } from "./files.js";

const KEPT = "snoska.batch"; // the list's number: it goes on when the page is reloaded
const POLL = 700; // milliseconds between looks at a list that is being answered
const MAX_BYTES = 4_000_000; // of a file: the server takes 6 MB, and base64 adds a third
const OVER = ["done", "cancelled", "failed"];

// `put` asks a question on the page as if it had been typed.
export function install(page, put) {
  const { find, said } = page;
  const dialog = find("#batch");
  const opener = document.createElement("button");
  opener.type = "button";
  opener.id = "open-batch";
  opener.setAttribute("aria-haspopup", "dialog");
  (find("#tools") ?? find("header nav") ?? find("header")).append(opener);
  let id = remembered(KEPT) || null;
  let seen = 0; // answers that are in the table
  let latest = null; // the last look
  let polling;

  function label() {
    opener.textContent = said("batch.open");
    if (latest && !OVER.includes(latest.state)) opener.textContent += ` · ${latest.done}/${latest.total}`;
  }

  function use(number) {
    id = number;
    seen = 0;
    latest = null;
    remember(KEPT, number ?? "");
    find("#batch-answers").replaceChildren();
    find("#batch-error").textContent = "";
    find("#batch-list").hidden = number !== null;
    find("#batch-result").hidden = number === null;
    for (const link of dialog.querySelectorAll("a[data-kind]")) link.removeAttribute("href");
    label();
  }

  async function start(list) {
    find("#batch-error").textContent = "";
    find("#batch-start").disabled = true;
    const reply = await (await post(page, "batch/start", list))?.json();
    find("#batch-start").disabled = false;
    if (!reply?.id) return complain(reply?.error ?? said("unreachable"));
    use(reply.id);
    find("#batch-state").textContent = said("working");
    look();
  }

  function complain(message) {
    find("#batch-error").textContent = message;
  }

  async function bring(file) {
    if (!file) return;
    if (file.size > MAX_BYTES) return complain(said("batch.too_large"));
    const reader = new FileReader();
    reader.onload = () => start({ name: file.name, content: reader.result.slice(reader.result.indexOf(",") + 1) });
    reader.onerror = () => complain(said("batch.unreadable", { endings: "TXT, CSV, XLSX, JSONL" }));
    reader.readAsDataURL(file);
    find("#batch-file").value = ""; // the same file can be chosen again
  }

  async function look() {
    clearTimeout(polling);
    const asked = id;
    const state = await (await post(page, "batch/look", { id, since: seen }))?.json();
    if (asked !== id) return;
    if (state?.state === "gone") {
      use(null);
      if (dialog.open) complain(said("batch.gone"));
      return;
    }
    if (state) show(state);
    else find("#batch-state").textContent = said("unreachable");
    const isWhole = state && OVER.includes(state.state) && seen >= state.done;
    if (!isWhole) polling = setTimeout(look, state?.rows.length ? 100 : POLL);
  }

  function show(state) {
    latest = state;
    find("#batch-list").hidden = true;
    find("#batch-result").hidden = false;
    const isOver = OVER.includes(state.state);
    const left = state.left === null || isOver ? "" : ` · ${remaining(state.left)}`;
    find("#batch-state").textContent = said(`batch.${state.state}`, state) + left + (state.error ? ` ${state.error}` : "");
    const bar = find("#batch-progress");
    bar.max = state.total;
    bar.value = state.done;
    bar.hidden = find("#batch-cancel").hidden = isOver;
    find("#batch-again").hidden = !isOver;
    for (const link of dialog.querySelectorAll("a[data-kind]")) {
      link.hidden = !isOver || state.done === 0;
      link.href = page.address(`batch/${id}/${link.dataset.kind}?language=${page.language}`);
    }
    passed(state);
    const fresh = state.rows.filter((row) => row.number > seen);
    find("#batch-answers").append(...fresh.map(row));
    seen += fresh.length;
    label();
  }

  function remaining(seconds) {
    if (seconds >= 90) return said("batch.left.minutes", { count: Math.round(seconds / 60) });
    return said("batch.left.seconds", { count: Math.max(seconds, 1) });
  }

  function passed({ passed: count, reasons }) {
    const place = find("#batch-passed");
    place.hidden = count === 0;
    place.querySelector("summary").textContent = said("batch.passed", { count });
    place.querySelector("ul").replaceChildren(...reasons.map((reason) => element("li", reason)));
  }

  // A row of the table; all text of documents and questions is set as text.
  function row(answer) {
    const line = document.createElement("tr");
    const question = element("button", answer.question, "question");
    question.type = "button";
    question.dir = "auto";
    question.addEventListener("click", () => {
      dialog.close();
      put(answer.question);
    });
    const cells = [element("td", answer.number), element("td"), element("td")];
    cells[1].append(question);
    if (answer.text) cells[2].append(isolated("p", answer.text, "text"));
    const percent = answer.text ? ` · ${said("confidence", { percent: answer.percent })}` : "";
    cells[2].append(element("p", answer.told + percent, `verdict ${answer.verdict}`));
    if (answer.source) cells[2].append(isolated("p", answer.source, "source"));
    line.append(...cells);
    return line;
  }

  opener.addEventListener("click", () => dialog.showModal());
  find("#batch-close").addEventListener("click", () => dialog.close());
  find("#batch-start").addEventListener("click", () => start({ text: find("#batch-text").value }));
  find("#batch-file").addEventListener("change", (event) => bring(event.target.files[0]));
  find("#batch-cancel").addEventListener("click", async () => {
    await post(page, "batch/cancel", { id });
    look();
  });
  find("#batch-again").addEventListener("click", () => {
    use(null);
    find("#batch-text").focus();
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    dialog.addEventListener(name, (event) => {
      event.preventDefault();
      find("#batch-drop").classList.toggle("over", name === "dragover");
      if (name === "drop" && !find("#batch-list").hidden) bring(event.dataTransfer.files[0]);
    });
  }
  page.listen("language", () => {
    label();
    if (id === null) return;
    find("#batch-answers").replaceChildren(); // told anew in the other language
    seen = 0;
    look();
  });
  label();
  if (id !== null) look();
}

function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function isolated(name, text, kind) {
  const made = element(name, "", kind);
  made.dir = "auto";
  made.append(element("bdi", text));
  return made;
}
