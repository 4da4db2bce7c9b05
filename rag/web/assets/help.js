// What the page is, told at the first visit; "?" brings it back.
import { remember, remembered } from "./context.js";

const STORED = "snoska.helped";

export function install(page) {
  const help = page.find("#help");
  const button = page.find("#help-button");

  function show(open) {
    help.hidden = !open;
    button.ariaExpanded = String(open);
  }

  function close() {
    if (help.hidden) return;
    show(false);
    remember(STORED, "yes");
  }

  button.addEventListener("click", () => {
    if (!help.hidden) return close();
    show(true);
    help.scrollIntoView({ block: "nearest" });
    help.focus({ preventScroll: true });
  });
  page.find("#help-close").addEventListener("click", () => {
    close();
    page.find("#question-text").focus();
  });
  page.listen("answer", close); // who has asked knows
  show(!remembered(STORED) && !new URLSearchParams(window.location.search).has("q"));
}
