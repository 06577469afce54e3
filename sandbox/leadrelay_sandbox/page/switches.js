/** The view "Switches": what LeadBoxer does not document, and what the sandbox does instead. */

import * as api from "./api.js";
import { h } from "./dom.js";
import { liveTable, prose } from "./tables.js";

export class Switches {
  constructor(app) {
    this.app = app;
    this.table = liveTable(
      "switches",
      "Switches",
      ["Name", "Value", "Meaning"],
      ({ name }) => name,
      (one) => this.cells(one),
    );
    this.node = h(
      "div",
      { class: "sheet" },
      h("h1", { tabindex: "-1" }, "Switches"),
      h(
        "p",
        { class: "hint" },
        "Not documented by LeadBoxer: our choice. Your application should be right under every value.",
      ),
      this.table.node,
    );
  }

  open() {
    return this.refresh();
  }

  async refresh() {
    this.table.refresh((await api.switches()).switches);
  }

  cells({ name, value, default: usual, values, meaning }) {
    const options = values.map((one) =>
      h("option", { value: one, selected: one === value }, one === usual ? `${one} (default)` : one),
    );
    const set = (change) =>
      this.app.act(() => api.setSwitch(name, change.target.value), `${name} is now ${change.target.value}`);
    const select = h("select", { "aria-label": name, onchange: set }, options);
    return [h("code", {}, name), h("span", { class: value === usual ? null : "changed" }, select), prose(meaning)];
  }
}
