// Taking the answer on show away: as a file, or through the clipboard.
import { copy } from "./clipboard.js";
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
    else if (kind === "copy") told.textContent = page.said((await copied(await response.json())) ? "takeaway.copied" : "takeaway.refused");
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

const copied = ({ html, text }) => copy({ "text/html": html, "text/plain": text });
