// Light or dark: as the system has it, until the reader says otherwise. Loaded by the page's head too, so that the
// choice holds before the rest is there.
import { remember, remembered } from "./context.js";

const STORED = "snoska.scheme";
const SCHEMES = { auto: "light dark", light: "light", dark: "dark" };

const chosen = () => (remembered(STORED) in SCHEMES ? remembered(STORED) : "auto");
let scheme = chosen();
document.documentElement.style.colorScheme = SCHEMES[scheme];

export function install(page) {
  const button = page.find("#scheme");

  function show() {
    document.documentElement.style.colorScheme = SCHEMES[scheme];
    button.dataset.scheme = scheme;
    button.ariaLabel = button.title = page.said(`scheme.${scheme}`);
  }

  button.addEventListener("click", () => {
    const names = Object.keys(SCHEMES);
    scheme = names[(names.indexOf(scheme) + 1) % names.length];
    remember(STORED, scheme);
    show();
  });
  page.listen("language", show);
  show();
}
