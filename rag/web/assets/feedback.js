// Judging the answer on show: right, another passage, not in the documents. Each can be taken back.
import { post } from "./files.js";

export function install(page) {
  const { find, said } = page;
  const place = find("#feedback");
  const which = find("#feedback-which");
  const told = place.querySelector(".told");
  let result = null; // the answer on show
  let current = { judgement: null, rank: null };
  find("#takeaway").after(place);

  async function show(reply) {
    result = reply?.result ?? null;
    const asked = result;
    place.hidden = true;
    told.textContent = "";
    if (!asked) return;
    const state = await (await post(page, "feedback/look", { question: asked.question }))?.json();
    if (asked !== result || !state?.welcome) return;
    mark(state);
    fold(true);
    place.hidden = false;
  }

  function button(judgement) {
    return place.querySelector(`[data-judgement="${judgement}"]`);
  }

  function mark({ judgement, rank }) {
    current = { judgement, rank };
    const ending = result.answer.found ? "" : ".not_found";
    button("right").textContent = said(`feedback.right${ending}`);
    button("wrong").textContent = said(`feedback.wrong${ending}`);
    button("none").hidden = !result.answer.found; // "right" says so already
    const isAbsent = judgement === "none";
    button("right").ariaPressed = judgement === "right" || (isAbsent && !result.answer.found);
    button("wrong").ariaPressed = judgement === "wrong" || judgement === "passage";
    button("none").ariaPressed = isAbsent;
    const pointed = judgement === "wrong" ? "" : String(rank);
    for (const each of which.querySelectorAll("button")) each.ariaPressed = each.dataset.rank === pointed;
  }

  // The question which passage answers, and one button for each.
  function fold(isFolded) {
    which.hidden = isFolded;
    button("wrong").ariaExpanded = !isFolded;
    if (isFolded) return which.replaceChildren();
    const heading = document.createElement("span");
    heading.textContent = said("feedback.which");
    const others = result.citations.filter(({ rank }) => rank !== result.answer.citation);
    const choices = others.map(({ rank }) => choice(said("feedback.passage", { rank }), "passage", rank));
    which.replaceChildren(heading, ...choices, choice(said("feedback.other"), "wrong", null));
    mark(current);
  }

  function choice(text, judgement, rank) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.dataset.rank = rank ?? "";
    made.addEventListener("click", () => say(judgement, rank));
    return made;
  }

  async function say(judgement, rank) {
    const asked = result;
    const isSame = current.judgement === judgement && current.rank === rank;
    const wanted = isSame ? { judgement: null, rank: null } : { judgement, rank };
    const filtered = find("#filters li") !== null; // only some documents were asked
    const reply = await (await post(page, "feedback/say", { result: asked, filtered, ...wanted }))?.json();
    if (asked !== result) return;
    if (!reply || reply.error) {
      told.textContent = reply?.error ?? said("takeaway.failed");
      return;
    }
    mark(wanted);
    told.textContent = said(`feedback.${reply.kept ?? "withdrawn"}`);
  }

  place.addEventListener("click", (event) => {
    const { judgement } = event.target.dataset;
    if (judgement === "wrong") {
      const isTaken = ["wrong", "passage"].includes(current.judgement);
      fold(isTaken || !which.hidden);
      if (isTaken) say(current.judgement, current.rank);
    } else if (judgement) {
      fold(true);
      const isSaid = button(judgement).ariaPressed === "true";
      say(isSaid ? current.judgement : judgement, isSaid ? current.rank : null);
    }
  });

  page.listen("answer", show);
  page.listen("cleared", () => show(null));
}
