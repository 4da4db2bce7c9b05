// What the page's parts share: its markup, its language, the server's functions, and word of what happens.

const STORED = "snoska.language";

// `given` is what Gradio's HTML component hands its script: `element` holds the markup, `props.texts` the strings by
// language, `server` the functions of all parts.
export function connect({ element, props, server }) {
  const languages = Object.keys(props.texts);
  const events = new EventTarget();
  let language = firstLanguage(languages);

  return {
    element,
    find: (selector) => element.querySelector(selector),
    get language() {
      return language;
    },
    said: (key, values = {}) =>
      props.texts[language][key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole),

    // What the server says; null where it cannot be reached (Gradio then throws, or gives undefined).
    async call(name, data) {
      try {
        return (await server[name]({ language, ...data })) ?? null;
      } catch {
        return null;
      }
    },

    // Of our own addresses, wherever the page is served.
    address: (path) => new URL(`./snoska/${path}`, document.baseURI),

    // Parts hear of each other by these only: "language", "answer" (the reply), "cleared", "status",
    // "filter" (conditions on documents to set, such as { document: path }), "source" ({ document, start, end }, to open).
    tell: (name, detail) => events.dispatchEvent(new CustomEvent(name, { detail })),
    listen: (name, heard) => events.addEventListener(name, (event) => heard(event.detail)),

    speak(wanted) {
      language = wanted;
      remember(STORED, language);
      this.label();
      this.tell("language", language);
    },

    // Puts the strings of the page's language where the markup asks for them: data-text, data-label, data-title, data-hint.
    label(within = element) {
      document.documentElement.lang = language;
      for (const each of within.querySelectorAll("[data-text]")) each.textContent = this.said(each.dataset.text);
      for (const each of within.querySelectorAll("[data-label]")) each.ariaLabel = this.said(each.dataset.label);
      for (const each of within.querySelectorAll("[data-title]")) each.title = this.said(each.dataset.title);
      for (const each of within.querySelectorAll("[data-hint]")) each.placeholder = this.said(each.dataset.hint);
    },
  };
}

// A value kept in this browser; null where there is none, or where its storage is off.
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // storage is off in this browser: the choice holds until the page is left
  }
}

function firstLanguage(languages) {
  const wanted = [remembered(STORED), ...navigator.languages].map((code) => (code ?? "").slice(0, 2).toLowerCase());
  return wanted.find((code) => languages.includes(code)) ?? "en";
}
