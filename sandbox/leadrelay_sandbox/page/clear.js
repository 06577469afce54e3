/** "Clear": forget everything at the sandbox, after a question. */

import * as api from "./api.js";
import { h } from "./dom.js";

export function clearButton(app) {
  const dialog = h(
    "dialog",
    { "aria-labelledby": "clear-question" },
    h(
      "form",
      { method: "dialog" },
      h(
        "p",
        { id: "clear-question" },
        "Forget all events, users and counters of this sandbox? Its store file is emptied too. Faults and switches stay.",
      ),
      h(
        "menu",
        {},
        h("button", { value: "" }, "Keep them"),
        h("button", { value: "clear", class: "danger" }, "Forget them"),
      ),
    ),
  );
  dialog.addEventListener("close", () => dialog.returnValue && app.act(api.clear, "Everything forgotten"));
  const button = h("button", { type: "button", onclick: () => ask(dialog) }, "Clear…");
  return [button, dialog];
}

function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
}
