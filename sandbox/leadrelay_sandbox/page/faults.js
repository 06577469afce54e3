/** The view "Faults": make the sandbox fail as endpoints do, by a button or by a rule of one's own. */

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { describe, read, USUAL } from "./rules.js";

/** Fields of an own rule: name, label, input attributes. */
const FIELDS = [
  ["status", "Answer with status", { type: "number", min: 200, max: 599, placeholder: "200" }],
  ["share", "Share of requests, %", { type: "number", min: 0, max: 100, value: 100, required: true }],
  ["for_s", "For seconds", { type: "number", min: 1, placeholder: "until off" }],
  ["retry_after", "Retry-After, seconds", { type: "number", min: 0 }],
  ["delay_s", "Delay, seconds", { type: "number", min: 0, step: "any" }],
  ["body", "Body instead of the event id", { type: "text" }],
  ["ti", "Only events titled", { type: "text" }],
  ["si", "Only events of dataset", { type: "text" }],
];
const CUTS = [
  ["", "no"],
  ["before", "before the event is taken"],
  ["after", "after the event is taken"],
];

export class Faults {
  constructor(app) {
    this.app = app;
    this.rules = h("ul", { class: "rules" });
    this.form = this.ownRule();
    this.node = h(
      "div",
      { class: "sheet" },
      h("h1", { tabindex: "-1" }, "Faults"),
      h("section", { "aria-label": "In force" }, h("h2", {}, "In force"), this.rules),
      h(
        "section",
        { "aria-label": "The usual ones" },
        h("h2", {}, "The usual ones"),
        h("p", { class: "hint" }, "Each replaces what is in force."),
        this.usual(),
      ),
      h("section", { "aria-label": "A rule of your own" }, h("h2", {}, "A rule of your own"), this.form),
    );
  }

  open() {
    this.refresh();
  }

  refresh() {
    const { rules } = this.app;
    const texts = rules.length ? rules.map(describe) : ["None: every request is answered as LeadBoxer would."];
    if (texts.join("\n") === this.shown) return;
    this.shown = texts.join("\n");
    fill(
      this.rules,
      texts.map((text) => h("li", {}, text)),
    );
  }

  usual() {
    const button = ([text, rule]) => h("button", { type: "button", onclick: () => this.set([rule], text) }, text);
    const off = h("button", { type: "button", class: "off", onclick: () => this.set([], "Faults off") }, "Off");
    return h("div", { class: "buttons" }, USUAL.map(button), off);
  }

  ownRule() {
    const inputs = FIELDS.map(([name, label, attributes]) =>
      h("label", {}, label, h("input", { name, ...attributes })),
    );
    const cut = h(
      "label",
      {},
      "Cut the connection",
      h(
        "select",
        { name: "drop" },
        CUTS.map(([value, text]) => h("option", { value }, text)),
      ),
    );
    const submit = (event) => {
      event.preventDefault();
      this.set([read(new FormData(this.form))], "Rule set");
    };
    return h("form", { class: "own", onsubmit: submit }, inputs, cut, h("button", { type: "submit" }, "Put in force"));
  }

  set(rules, said) {
    return this.app.act(() => api.setFaults(rules), said);
  }
}
