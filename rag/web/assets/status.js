// The collection's state, and the sample questions that it offers.

const POLL = 700; // milliseconds between looks at a collection that is not ready
const SELDOM = 5000; // between those at one that is, or that failed

// `put` asks a question as if it had been typed.
export function install(page, put) {
  let polling;
  let offered = ""; // the samples on show

  async function look() {
    clearTimeout(polling);
    const asked = page.language;
    const status = (await page.call("status")) ?? { state: "failed", text: page.said("unreachable"), samples: [] };
    if (asked !== page.language) return;
    const line = page.find("#status");
    line.dataset.state = status.state;
    if (line.textContent !== status.text) line.textContent = status.text;
    offer(status.samples);
    page.find("#about").textContent = status.model ?? "";
    page.tell("status", status);
    clearTimeout(polling);
    polling = setTimeout(look, ["ready", "failed"].includes(status.state) ? SELDOM : POLL);
  }

  function offer(samples) {
    const wanted = JSON.stringify([page.language, samples]);
    if (wanted === offered) return; // a button that has the focus keeps it
    offered = wanted;
    const place = page.find("#samples");
    place.hidden = samples.length === 0;
    const heading = document.createElement("p");
    heading.textContent = page.said("samples");
    const buttons = samples.map((sample) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sample";
      button.textContent = sample.text;
      button.lang = sample.language;
      button.addEventListener("click", () => put(sample.text));
      return button;
    });
    place.replaceChildren(heading, ...buttons);
  }

  page.listen("language", look);
  look();
}
