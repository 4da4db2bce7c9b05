// A document's pages as pictures, one at a time, with the passage's rectangles over them.

const SIZES = [1, 1.5, 2, 3]; // times the width that there is
const TALLER = 0.25; // of the view's height is left above the passage

// `about` is what the server says of the document, `given` the place; gives what the dialog needs of it.
export function showPages(page, view, given, about) {
  const { find, said } = page;
  const listening = new AbortController();
  const field = find("#source-page");
  let number = 0; // of the page on show
  let size = 0;
  let latest = 0;

  async function go(wanted, toPassage = false) {
    const next = Math.min(Math.max(wanted, 1), about.pages);
    const asked = ++latest;
    number = next;
    tools();
    view.setAttribute("aria-busy", "true");
    const pixels = Math.round(width() * window.devicePixelRatio);
    const { document, sha256 } = about;
    const reply = await page.call("source_page", { ...given, document, sha256, page: next, pixels });
    if (asked !== latest || listening.signal.aborted) return;
    view.removeAttribute("aria-busy");
    view.replaceChildren(...sheet(reply));
    find("#source-said").textContent = reply?.label ?? "";
    if (toPassage) reach();
    else view.scrollTo(0, 0);
  }

  function sheet(reply) {
    const text = window.document.createElement("div");
    text.innerHTML = reply?.html ?? ""; // made by reading.py, where every text is escaped
    if (!reply || reply.error) {
      const note = window.document.createElement("p");
      note.className = "note";
      note.textContent = reply?.error ?? said("unreachable");
      text.className = "text";
      return [note, text];
    }
    text.className = "spoken";
    const figure = window.document.createElement("figure");
    figure.style.width = `${100 * SIZES[size]}%`;
    figure.style.aspectRatio = `${reply.width} / ${reply.height}`;
    const image = new Image();
    const address = new URLSearchParams({
      document: about.document, sha256: about.sha256, page: reply.page, pixels: reply.pixels,
    }); // prettier-ignore
    image.src = page.address(`source/page?${address}`);
    image.alt = reply.label;
    figure.append(image, ...about.rectangles.filter(([its]) => its === reply.page).map(rectangle(reply)));
    return [figure, text];
  }

  // In parts of the page, so that it grows with the picture.
  const rectangle = (sized) => ([, left, top, right, bottom, isSentence]) => {
    const mark = window.document.createElement("span");
    mark.className = isSentence ? "place said" : "place";
    mark.style.left = `${(100 * left) / sized.width}%`;
    mark.style.top = `${(100 * top) / sized.height}%`;
    mark.style.width = `${(100 * (right - left)) / sized.width}%`;
    mark.style.height = `${(100 * (bottom - top)) / sized.height}%`;
    return mark;
  };

  function reach() {
    const place = view.querySelector(".place.said") ?? view.querySelector(".place");
    if (!place) return view.scrollTo(0, 0);
    const [at, ground] = [place.getBoundingClientRect(), view.getBoundingClientRect()];
    view.scrollTop += at.top - ground.top - TALLER * ground.height;
    if (at.left < ground.left || at.right > ground.right) view.scrollLeft += at.left - ground.left - 16;
  }

  function toPassage() {
    if (number === about.page && view.querySelector("figure")) reach();
    else go(about.page, true);
  }

  function resize(step) {
    const next = Math.min(Math.max(size + step, 0), SIZES.length - 1);
    if (next === size) return;
    size = next;
    go(number, about.rectangles.some(([its]) => its === number));
  }

  function width() {
    return view.clientWidth * SIZES[size];
  }

  function tools() {
    field.value = number;
    find("#source-count").textContent = said("source.of", { pages: about.pages });
    // Not by "disabled", which would take the focus away from who turns the pages by the keyboard.
    find("#source-previous").ariaDisabled = number <= 1;
    find("#source-next").ariaDisabled = number >= about.pages;
    find("#source-smaller").ariaDisabled = size === 0;
    find("#source-larger").ariaDisabled = size === SIZES.length - 1;
  }

  const turn = (step) => number + step >= 1 && number + step <= about.pages && go(number + step);

  function key(event) {
    if (event.target === field || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const isWide = view.scrollWidth > view.clientWidth;
    const atEnd = view.scrollTop + view.clientHeight >= view.scrollHeight - 2;
    const step =
      (event.key === "ArrowLeft" && !isWide && -1) || (event.key === "ArrowRight" && !isWide && 1) ||
      (event.key === "PageUp" && view.scrollTop <= 0 && -1) || (event.key === "PageDown" && atEnd && 1); // prettier-ignore
    if (!step) return;
    event.preventDefault();
    turn(step);
  }

  const on = (id, event, heard) => find(id).addEventListener(event, heard, { signal: listening.signal });
  on("#source-previous", "click", () => turn(-1));
  on("#source-next", "click", () => turn(1));
  on("#source-smaller", "click", () => resize(-1));
  on("#source-larger", "click", () => resize(1));
  on("#source-page", "focus", () => field.select());
  on("#source-page", "change", () => (/^\d{1,6}$/.test(field.value.trim()) ? go(Number(field.value)) : tools()));

  go(about.page, true);
  return { close: () => listening.abort(), toPassage, key };
}
