/** Saying what was done or what failed, to eyes and ears, for a while; and asking before what cannot be undone. */

import { fill, h, part } from "./dom.js";

export function say(text) {
  const said = part("said");
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => said.classList.remove("shown"), 6000);
}

/** Do something and say how it went; gives its answer, or undefined when it was refused. */
export async function act(what, done) {
  try {
    const answer = await what();
    say(done);
    return answer;
  } catch (error) {
    say(error.message);
    return undefined;
  }
}

/**
 * Ask before an act.
 * @param {string} title
 * @param {Array} lines what it does.
 * @param {string} yes the button that does it.
 * @returns {Promise<boolean>}
 */
export function ask(title, lines, yes) {
  const dialog = part("ask");
  fill(
    dialog,
    h("h2", { id: "ask-title" }, title),
    lines.filter(Boolean).map((line) => h("p", {}, line)),
    h(
      "form",
      { method: "dialog", class: "lr-buttons" },
      h("button", { class: "btn btn-outline-secondary", value: "no" }, "Leave it"),
      h("button", { class: "btn btn-danger", value: "yes" }, yes),
    ),
  );
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
