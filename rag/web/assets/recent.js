// The questions of this visit, newest first; kept for as long as the browser's tab is open.

const STORED = "snoska.recent";
const KEPT = 8;

// `put` asks a question again, with the conditions that it was asked with.
export function install(page, put) {
  const place = page.find("#recent");

  function load() {
    try {
      return JSON.parse(sessionStorage.getItem(STORED)) ?? [];
    } catch {
      return []; // storage is off, or holds what is not ours
    }
  }

  function save(questions) {
    try {
      sessionStorage.setItem(STORED, JSON.stringify(questions));
    } catch {
      // storage is off in this browser: nothing is remembered
    }
    show();
  }

  function show() {
    const questions = load();
    place.hidden = questions.length === 0;
    place.querySelector("ul").replaceChildren(...questions.map(entry));
  }

  function entry({ question, filters }) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sample";
    button.textContent = question;
    button.addEventListener("click", () => {
      place.open = false;
      put(question, filters);
    });
    item.append(button);
    return item;
  }

  page.find("#recent-clear").addEventListener("click", () => {
    save([]);
    place.open = false;
    page.find("#question-text").focus();
  });
  document.addEventListener("click", (event) => {
    if (!place.contains(event.target)) place.open = false;
  });
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !place.open) return;
    place.open = false;
    place.querySelector("summary").focus();
  });
  show();

  return {
    add(question, filters) {
      const others = load().filter((each) => each.question !== question);
      save([{ question, filters }, ...others].slice(0, KEPT));
    },
  };
}
