// Where to look: the conditions on documents, as fields, as what is said of them beside the box, and in the address.

export const NAMES = ["document", "language", "type", "since", "until"];

// `changed` is called after the reader has changed the conditions.
export function install(page, changed) {
  const fields = Object.fromEntries(NAMES.map((name) => [name, page.find(`#where [name="${name}"]`)]));
  let filters = {}; // only those that are set
  let known = { languages: [], types: [] };

  function show(wanted) {
    filters = Object.fromEntries(NAMES.filter((name) => wanted[name]).map((name) => [name, wanted[name]]));
    for (const name of NAMES) set(fields[name], filters[name] ?? "");
    tell();
  }

  function tell() {
    const chips = Object.entries(filters).map(([name, value]) => chip(name, value));
    page.find("#filters ul").replaceChildren(...chips);
    page.find("#filters").hidden = chips.length === 0;
  }

  function set(field, value) {
    if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) {
      field.add(new Option(value, value)); // from an address: the collection may not hold it
    }
    field.value = value;
  }

  function chip(name, value) {
    const told = page.said(`where.chip.${name}`, { value: named(name, value) });
    const item = document.createElement("li");
    const text = document.createElement("bdi");
    const drop = document.createElement("button");
    text.textContent = told;
    drop.type = "button";
    drop.className = "drop";
    drop.textContent = "×";
    drop.ariaLabel = page.said("where.drop", { what: told });
    drop.addEventListener("click", () => change({ ...filters, [name]: "" }));
    item.append(text, drop);
    return item;
  }

  function named(name, value) {
    if (name === "language") return known.languages.find(({ code }) => code === value)?.name ?? value;
    const date = /^(\d{4})-(\d\d)-(\d\d)$/.exec(value);
    if (date) return page.said("date", { year: date[1], month: date[2], day: date[3] });
    return name === "document" ? unescaped(value) : value;
  }

  function change(wanted) {
    show(wanted);
    changed();
  }

  // What there is to choose from. The list of documents follows what is typed: a collection may hold many. The fields
  // that are typed in are left alone: somebody may be at it.
  async function look() {
    const wanted = fields.document.value;
    const found = await page.call("places", { document: unescaped(wanted) });
    if (!found) return;
    known = found;
    const languages = found.languages.map(({ code, name }) => new Option(name, code));
    fields.language.replaceChildren(new Option(page.said("where.any"), ""), ...languages);
    fields.type.replaceChildren(new Option(page.said("where.any"), ""), ...found.types.map((type) => new Option(type)));
    for (const name of ["language", "type"]) set(fields[name], filters[name] ?? "");
    if (wanted === fields.document.value) list(found.documents);
    tell();
  }

  async function suggest() {
    const wanted = fields.document.value;
    const found = await page.call("places", { document: unescaped(wanted) });
    if (found && wanted === fields.document.value) list(found.documents);
  }

  function list(documents) {
    const options = documents.map(({ path, title }) => {
      const option = new Option(title && title !== path ? title : path, escaped(path));
      return option;
    });
    page.find("#where-documents").replaceChildren(...options);
  }

  for (const name of NAMES) {
    fields[name].addEventListener("change", () => change({ ...filters, [name]: fields[name].value.trim() }));
  }
  fields.document.addEventListener("input", suggest);
  // Enter in a field sets the condition; only the box and its button ask.
  page.find("#where").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    change({ ...filters, [event.target.name]: event.target.value.trim() });
  });
  page.find("#where").addEventListener("toggle", look);
  page.find("#filters-clear").addEventListener("click", () => change({}));
  page.listen("filter", (wanted) => {
    const document = wanted.document ? escaped(wanted.document) : filters.document;
    change({ ...filters, ...wanted, document });
  });
  page.listen("language", look);
  let generation;
  page.listen("status", (status) => {
    if (status.state !== "ready" || status.text === generation) return;
    generation = status.text;
    look();
  });

  return { show, get filters() { return filters; } };
}

// A document's path as the mask that only it meets, and back.
const escaped = (path) => path.replace(/[[*?]/g, "[$&]");
const unescaped = (mask) => mask.replace(/\[([[*?])\]/g, "$1");
