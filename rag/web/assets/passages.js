// What can be done with the passages: unfold a long one, open its document, take it away as a quotation or a link.

import { copy } from "./clipboard.js";

const LINES = 9; // of a passage that is folded
const ROOM = 3; // lines that are not worth a fold

export function install(page) {
  const sources = page.find("#sources");

  function fold(quote) {
    const button = quote.parentElement.querySelector(".unfold");
    const line = parseFloat(getComputedStyle(quote).lineHeight);
    if (!button.hidden || quote.scrollHeight <= (LINES + ROOM) * line) return;
    button.hidden = false;
    quote.style.setProperty("--folded", `${LINES * line}px`);
    close(quote, button);
  }

  // The marked sentence stays in sight.
  function close(quote, button) {
    quote.classList.add("folded");
    const mark = quote.querySelector("mark");
    const line = parseFloat(getComputedStyle(quote).lineHeight);
    const top = mark.getBoundingClientRect().top - quote.getBoundingClientRect().top + quote.scrollTop;
    const rest = quote.scrollHeight - quote.clientHeight;
    quote.scrollTop = top < (LINES - 3) * line ? 0 : Math.min(rest, Math.floor(top / line - 2) * line);
    quote.classList.toggle("above", quote.scrollTop > 0);
    quote.classList.toggle("below", quote.scrollTop < rest - 1);
    button.ariaExpanded = "false";
    button.textContent = button.dataset.more;
  }

  function open(quote, button) {
    quote.classList.remove("folded", "above", "below");
    button.ariaExpanded = "true";
    button.textContent = button.dataset.less;
  }

  const place = ({ dataset }) => ({ document: dataset.document, start: +dataset.start, end: +dataset.end });

  function address({ document: source, start, end }) {
    const link = new URL(window.location.href);
    link.hash = "";
    link.search = new URLSearchParams({ source, start, end });
    return link.href;
  }

  async function take(text, card, told) {
    const done = card.querySelector(".done");
    done.textContent = page.said((await copy({ "text/plain": text })) ? told : "done.failed");
    setTimeout(() => (done.textContent = ""), 4000);
  }

  sources.addEventListener("click", (event) => {
    const card = event.target.closest(".citation");
    const button = event.target.closest("button");
    const link = event.target.closest("a.place");
    if (!card) return;
    const quote = card.querySelector(".quote");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      page.tell("source", place(link.dataset.document ? link : card));
    } else if (button?.classList.contains("unfold")) {
      if (quote.classList.contains("folded")) open(quote, button);
      else close(quote, button);
    } else if (button?.dataset.do === "open") {
      page.tell("source", place(card));
    } else if (button?.dataset.do === "quote") {
      const { reference } = card.dataset;
      take(page.said("quotation", { quote: quote.textContent.trim(), reference }), card, "done.quote");
    } else if (button?.dataset.do === "link") {
      take(address(place(card)), card, "done.link");
    }
  });

  const foldAll = () => sources.querySelectorAll(".quote").forEach(fold);
  page.listen("answer", () => {
    foldAll();
    document.fonts?.ready.then(foldAll);
  });
}
