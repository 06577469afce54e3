/** The empty state: how to send a first event. */

import * as api from "./api.js";
import { h } from "./dom.js";

/** An event to begin with. */
const FIRST = { si: "demo", ti: "hello", userId: "42", email: "ann@example.com", plan: "pro" };

export function start(app) {
  const base = location.origin;
  const query = new URLSearchParams(FIRST).toString();
  const properties = Object.entries(FIRST).filter(([name]) => name !== "si" && name !== "ti");
  return [
    h("h2", {}, "Nothing has arrived yet"),
    h(
      "p",
      {},
      "This is a stand-in for LeadBoxer's Track API. What your application sends shows up here as it arrives.",
    ),
    h("h3", {}, "From a shell"),
    command(`curl '${base}/?${query}'`, app),
    h("h3", {}, "Through leadrelay's queue and worker"),
    command(`leadrelay track ${FIRST.ti} ${properties.map((pair) => pair.join("=")).join(" ")}`, app),
    h(
      "p",
      { class: "hint" },
      "As it stands beside ",
      h("code", {}, "leadrelay up --sandbox"),
      "; a worker of your own needs ",
      h("code", {}, `LEADRELAY_DESTINATION_URL=${base}`),
      ".",
    ),
    h("h3", {}, "From this page"),
    h("button", { type: "button", onclick: () => app.act(() => api.track(FIRST), "Sent") }, "Send a first event"),
  ];
}

function command(text, app) {
  const copy = () => app.act(() => navigator.clipboard.writeText(text), "Copied");
  return h(
    "div",
    { class: "command" },
    h("code", {}, text),
    navigator.clipboard && h("button", { type: "button", onclick: copy }, "Copy"),
  );
}
