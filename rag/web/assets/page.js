// Puts the page's parts together.
import * as asking from "./asking.js";
import * as batch from "./batch.js";
import { connect } from "./context.js";
import * as documents from "./documents.js";
import * as feedback from "./feedback.js";
import * as generation from "./generation.js";
import * as help from "./help.js";
import * as login from "./login.js";
import * as passages from "./passages.js";
import * as scheme from "./scheme.js";
import * as source from "./source.js";
import * as status from "./status.js";
import * as takeaway from "./takeaway.js";

export function start(given) {
  const page = connect(given);
  const switcher = page.find("#language");
  page.label();
  page.find("#page").hidden = false; // nothing is to be typed or pressed before anyone listens
  switcher.value = page.language;
  switcher.addEventListener("change", () => page.speak(switcher.value));
  scheme.install(page);
  help.install(page);
  passages.install(page);
  source.install(page); // before the rest: see there
  generation.install(page);
  const { put } = asking.install(page);
  takeaway.install(page);
  feedback.install(page);
  batch.install(page, put);
  documents.install(page);
  status.install(page, put);
  login.install(page);
}
