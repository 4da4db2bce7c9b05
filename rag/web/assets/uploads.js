// Files on their way into the collection: each with how far it is, and in the end what became of it.
import { make, why } from "./make.js";

const POLL = 700; // milliseconds between looks at what became of the files that were sent

// `changed` is called when the collection has other documents; `remove` takes a document and does away with it.
export function install(page, changed, remove) {
  const { find, said } = page;
  const list = find("#uploads");
  const files = []; // each with its row, its state, and, once it is sent, its document and turn
  let limits = {};
  let allow; // called when it is known what may be uploaded
  const known = new Promise((resolve) => {
    allow = (about) => resolve((limits = about));
  });
  let sending = false;

  async function add(chosen) {
    await known;
    if (limits.closed) return;
    for (const file of chosen) {
      const item = { file, row: make("li"), state: "queued", values: {}, reason: "" };
      files.push(item);
      list.prepend(item.row);
      const refused = unfit(file);
      show(item, refused ? "refused" : "queued", { key: refused });
    }
    send();
  }

  // What the server would refuse too; said before anything is sent.
  function unfit(file) {
    const ending = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
    if (!limits.endings.includes(ending)) return "type";
    if (file.size > limits.bytes) return "large";
    return file.size ? "" : "empty";
  }

  async function send() {
    if (sending) return;
    sending = true;
    for (let item; (item = files.find((each) => each.state === "queued")); ) {
      const reply = await post(item);
      if (!reply) show(item, "unreachable");
      else if (reply.error) show(item, "refused", { key: reply.error });
      else {
        Object.assign(item, reply);
        show(item, "sent");
        watch();
      }
    }
    sending = false;
  }

  function post(item) {
    show(item, "sending", { percent: 0 });
    return new Promise((resolve) => {
      const address = page.address("upload");
      address.searchParams.set("name", item.file.name);
      const request = new XMLHttpRequest();
      request.upload.addEventListener("progress", ({ loaded, total }) => {
        show(item, "sending", { percent: Math.floor((100 * loaded) / total) });
      });
      request.addEventListener("load", () => {
        try {
          resolve(JSON.parse(request.responseText));
        } catch {
          resolve(null); // what stands before the server answered in its place
        }
      });
      request.addEventListener("error", () => resolve(null));
      request.addEventListener("abort", () => resolve(null));
      request.open("POST", address);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.send(item.file);
    });
  }

  let watching = false;
  async function watch() {
    if (watching) return;
    watching = true;
    for (let first; (first = files.find((each) => each.state === "sent")); ) {
      const waiting = files.filter((each) => each.state === "sent" && each.turn <= first.turn);
      const documents = waiting.map((each) => each.document);
      const reply = await page.call("turn", { turn: first.turn, documents });
      if (reply?.done) {
        for (const item of waiting) became(item, reply.results[item.document]);
        changed();
      } else await new Promise((resolve) => setTimeout(resolve, POLL));
    }
    watching = false;
  }

  function became(item, result) {
    show(item, result.state, result);
  }

  function show(item, state, values = {}) {
    Object.assign(item, { state, values });
    const { row, file } = item;
    row.dataset.state = state;
    row.replaceChildren(make("bdi", { className: "name", textContent: file.name }), " ", word(item));
    if (state === "sending") {
      row.append(make("progress", { max: 100, value: values.percent, ariaLabel: file.name }));
    }
    if (["skipped", "part"].includes(state)) {
      row.append(...why(values.kind, values.text));
    }
    if (state === "skipped") {
      const button = make("button", { type: "button", className: "plain", textContent: said("documents.remove") });
      button.addEventListener("click", async () => {
        if (!(await remove(item.document))) return;
        files.splice(files.indexOf(item), 1);
        row.remove();
      });
      row.append(button);
    }
    summarise();
  }

  function word({ state, values }) {
    const text = {
      refused: () => said(`refused.${values.key}`, { limit: limits[values.key === "room" ? "room" : "bytes"] / 2 ** 20 }),
      failed: () => values.text,
    }[state];
    return make("span", { className: "state", textContent: text ? text() : said(`upload.${state}`, values) });
  }

  // The only line that a screen reader is told of as it changes: not every percent of every file.
  function summarise() {
    const done = files.filter((each) => ["read", "part"].includes(each.state)).length;
    const text = files.length ? said("upload.summary", { done, total: files.length }) : "";
    const place = find("#upload-summary");
    if (place.textContent !== text) place.textContent = text;
  }

  page.listen("language", () => {
    for (const item of files) show(item, item.state, item.values);
  });
  return { add, allow };
}
