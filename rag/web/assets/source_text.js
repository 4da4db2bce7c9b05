// A document's text, some windows of it at a time: more come as one scrolls, and the farthest go.

const HELD = 6; // windows, each of some 12,000 characters: a text of 50 MB never stands on the page whole
const AHEAD = 600; // pixels before the end of what is there, at which more is asked for

export function showText(page, view, given, about) {
  const { find, said } = page;
  const listening = new AbortController();
  const held = []; // { start, end, part }, in order
  let length = 0;
  let busy = false;
  let missed = false; // whether the reader has scrolled on while more was fetched
  const earlier = button("source.earlier", () => more(-1));
  const later = button("source.later", () => more(1));

  function button(text, pressed) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "more";
    made.textContent = said(text);
    made.addEventListener("click", pressed);
    return made;
  }

  function ask(where) {
    return page.call("source_text", { ...given, document: about.document, ...where });
  }

  function heldFrom(reply) {
    const part = document.createElement("div");
    part.className = "text";
    part.lang = about.language;
    part.innerHTML = reply.html; // made by reading.py, where every text is escaped
    return { start: reply.start, end: reply.end, part };
  }

  async function first() {
    busy = true;
    const reply = await ask({});
    busy = false;
    if (listening.signal.aborted) return;
    if (!reply || reply.error) {
      const note = document.createElement("p");
      note.textContent = reply?.error ?? said("unreachable");
      return view.replaceChildren(note);
    }
    length = reply.length;
    held.splice(0, held.length, heldFrom(reply));
    view.replaceChildren(earlier, held[0].part, later);
    buttons();
    reach();
    find("#source-said").textContent = view.querySelector(".cited")?.closest("p, tr")?.textContent.slice(0, 300) ?? "";
  }

  async function more(direction) {
    const isDown = direction > 0;
    if (busy) missed = true;
    if (busy || !held.length || (isDown ? held.at(-1).end >= length : held[0].start <= 0)) return;
    busy = true;
    const reply = await ask(isDown ? { after: held.at(-1).end } : { before: held[0].start });
    busy = false;
    if (listening.signal.aborted || !reply || reply.error) return;
    const made = heldFrom(reply);
    const before = view.scrollHeight;
    if (isDown) {
      held.push(made);
      later.before(made.part);
      if (held.length > HELD) {
        const full = view.scrollHeight;
        held.shift().part.remove();
        view.scrollTop -= full - view.scrollHeight;
      }
    } else {
      held.unshift(made);
      earlier.after(made.part);
      view.scrollTop += view.scrollHeight - before;
      if (held.length > HELD) held.pop().part.remove();
    }
    buttons();
    if (missed) scrolled(); // to an end meanwhile, where no further step would tell
  }

  function buttons() {
    earlier.hidden = held[0].start <= 0;
    later.hidden = held.at(-1).end >= length;
  }

  function reach() {
    const place = view.querySelector(".cited.said") ?? view.querySelector(".cited");
    if (!place) return view.scrollTo(0, 0);
    view.scrollTop += place.getBoundingClientRect().top - view.getBoundingClientRect().top - view.clientHeight / 4;
  }

  function scrolled() {
    missed = false;
    if (view.scrollTop < AHEAD) more(-1);
    else if (view.scrollTop + view.clientHeight > view.scrollHeight - AHEAD) more(1);
  }

  view.addEventListener("scroll", scrolled, { signal: listening.signal, passive: true });
  first();
  return { close: () => listening.abort(), toPassage: () => (view.querySelector(".cited") ? reach() : first()) };
}
