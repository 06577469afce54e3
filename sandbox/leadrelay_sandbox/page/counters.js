/** The view "Counters": what LeadBoxer would count, in total and by title. */

import * as api from "./api.js";
import { h, keyed } from "./dom.js";
import { liveTable } from "./tables.js";
import { short } from "./text.js";

export class Counters {
  constructor() {
    this.total = h("dl", { class: "tiles" });
    this.table = liveTable(
      "counters",
      "Counters by title",
      ["Title", "Dataset", "Total", "Unique"],
      ({ si, ti }) => `${si} ${ti}`,
      cells,
    );
    this.none = h(
      "p",
      { class: "hint" },
      "No event has been counted yet. Events with ",
      h("code", {}, "proxy"),
      " and repeated ids are not.",
    );
    this.node = h(
      "div",
      { class: "sheet" },
      h("h1", { tabindex: "-1" }, "Counters"),
      this.total,
      this.none,
      this.table.node,
    );
  }

  open() {
    return this.refresh();
  }

  async refresh() {
    const { total, titles } = await api.counters();
    keyed(
      this.total,
      Object.entries(total),
      ([name]) => name,
      ([name, number]) =>
        h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, number.toLocaleString("en"))),
    );
    this.table.refresh(titles);
    this.table.node.hidden = titles.length === 0;
    this.none.hidden = titles.length > 0;
  }
}

const cells = ({ si, ti, total, unique }) => [
  h("bdi", {}, short(ti || "NO TITLE")),
  h("bdi", {}, short(si, 40)),
  total.toLocaleString("en"),
  unique.toLocaleString("en"),
];
