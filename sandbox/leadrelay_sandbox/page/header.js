/** The parts that stay on every view: counts, state of the connection, faults in force, what was done. */

import { fill, h, keyed } from "./dom.js";
import { describe } from "./rules.js";
import { seconds } from "./text.js";

const part = (id) => document.getElementById(id);

/** Counts shown, by their name at `/_sandbox/stats`: always, and when there are any. */
const STATS = [
  ["requests", "requests"],
  ["accepted", "good"],
  ["bad", "bad"],
  ["duplicates", "duplicates"],
  ["unique_eids", "unique ids"],
];
const SOMETIMES = [["faults", "faults"]];

export function showStats(stats) {
  const rows = [...STATS, ...SOMETIMES.filter(([name]) => stats[name] > 0)].map(([name, text]) => [text, stats[name]]);
  keyed(
    part("stats"),
    rows,
    ([text]) => text,
    ([text, number]) => h("div", {}, h("dt", {}, text), h("dd", {}, number.toLocaleString("en"))),
  );
}

/** Show the state of the connection: `live`, or `away` with the ms until the next try. */
export function showConnection(state, wait_ms) {
  const shown = part("state");
  if (shown.dataset.state !== state && shown.dataset.state !== "connecting")
    say(state === "live" ? "The sandbox is back" : "The sandbox is away");
  shown.dataset.state = state;
  shown.textContent = state === "live" ? "live" : `sandbox away, trying again within ${seconds(wait_ms / 1000)}`;
  part("retry").hidden = state === "live";
}

/** Show on every view which faults are in force: a forgotten one misleads. */
export function showFaults(rules, off) {
  const bar = part("in-force");
  const text = rules.map(describe).join(" · ");
  if (bar.dataset.text === text) return;
  if (!bar.dataset.text)
    fill(
      bar,
      h("a", { href: "#/faults" }, "Faults in force"),
      ": ",
      h("span"),
      " ",
      h("button", { type: "button", onclick: off }, "Off"),
    );
  bar.dataset.text = text;
  bar.querySelector("span").textContent = text;
  bar.hidden = rules.length === 0;
}

/** Mark the view in the navigation. */
export function showPlace(name) {
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Say what was done or what failed, to eyes and ears, for a while. */
export function say(text) {
  const said = part("said");
  said.textContent = text;
  said.classList.remove("unseen");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => said.classList.add("unseen"), 4000);
}
