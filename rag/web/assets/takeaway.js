// Taking the answer on show away: as a file, or through the clipboard.
import { post, save } from "./files.js";

export function install(page) {
  const place = page.find("#takeaway");
  const told = place.querySelector(".told");
  let result = null; // the answer on show
  page.find("#outcome").after(place);

  async function take(kind) {
    const answer = result;
    told.textContent = "";
    const response = await post(page, `takeaway/${kind}`, { result: answer });
    if (answer !== result) return;
    if (!response) told.textContent = page.said("takeaway.failed");
    else if (kind === "copy") told.textContent = page.said((await copy(await response.json())) ? "takeaway.copied" : "takeaway.refused");
    else told.textContent = page.said("takeaway.saved", { name: await save(response) });
  }

  place.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) take(button.dataset.kind);
  });

  function show(reply) {
    result = reply?.result ?? null;
    place.hidden = result === null;
    told.textContent = "";
  }

  page.listen("answer", show);
  page.listen("cleared", () => show(null));
}

// Whether both forms are on the clipboard. Browsers offer `navigator.clipboard` only to this machine and over HTTPS.
async function copy({ html, text }) {
  if (navigator.clipboard?.write && window.ClipboardItem) {
    try {
      const forms = { "text/html": html, "text/plain": text };
      const blobs = Object.entries(forms).map(([type, form]) => [type, new Blob([form], { type })]);
      await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
      return true;
    } catch {
      // not allowed here: the older way may be
    }
  }
  const put = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    event.clipboardData.setData("text/html", html);
    event.clipboardData.setData("text/plain", text);
  };
  document.addEventListener("copy", put, { capture: true, once: true });
  const copied = document.execCommand("copy");
  document.removeEventListener("copy", put, { capture: true });
  return copied;
}
