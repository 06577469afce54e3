/** The filter of the live list: words that all must be found, and the kind. */

import { h } from "./dom.js";

const KINDS = [
  ["", "All"],
  ["good", "Good"],
  ["bad", "Bad"],
];

export class Filter {
  /** @param {function} changed is called when a person changes the filter. */
  constructor(changed) {
    this.input = h("input", {
      type: "search",
      id: "find",
      placeholder: "title, user, name=value",
      autocomplete: "off",
      spellcheck: "false",
      oninput: changed,
    });
    this.kinds = KINDS.map(([value, text]) => radio(value, text, changed));
    this.node = h(
      "div",
      { class: "filter", role: "search", "aria-label": "Events" },
      h("label", { for: "find", class: "unseen" }, "Filter"),
      this.input,
      h("fieldset", { class: "kinds" }, h("legend", { class: "unseen" }, "Kind"), this.kinds),
    );
  }

  /** What the address says of the filter. */
  get query() {
    return { find: this.input.value.trim(), show: this.kind };
  }

  /** Take the filter from an address; tells whether it changed. */
  take({ find = "", show = "" }) {
    const before = JSON.stringify(this.query);
    this.input.value = find;
    for (const { firstChild } of this.kinds) firstChild.checked = firstChild.value === show;
    return JSON.stringify(this.query) !== before;
  }

  /** Give the rows that match. */
  apply(rows) {
    const terms = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { kind } = this;
    return rows.filter((row) => (!kind || kind === row.kind) && terms.every((term) => row.searched.includes(term)));
  }

  get kind() {
    return this.kinds.find(({ firstChild }) => firstChild.checked)?.firstChild.value ?? "";
  }
}

function radio(value, text, changed) {
  return h(
    "label",
    {},
    h("input", { type: "radio", name: "show", value, checked: value === "", onchange: changed }),
    h("span", {}, text),
  );
}
