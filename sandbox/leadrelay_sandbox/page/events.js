/** The view "Events": the live list with its filter, and beside it the one that is opened. */

import { arrival } from "./arrival.js";
import { clearButton } from "./clear.js";
import { fill, h } from "./dom.js";
import { KEPT } from "./feed.js";
import { Filter } from "./filter.js";
import { List } from "./list.js";
import { here, href } from "./route.js";
import { start } from "./start.js";
import { count } from "./text.js";

export class Events {
  constructor(app) {
    Object.assign(this, { app, paused: null, turn: 0 });
    this.list = new List("Events, newest first");
    this.filter = new Filter(() => this.filtered());
    this.pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.toggle() }, "Pause");
    this.summary = h("p", { class: "summary" });
    this.empty = h("div", { class: "empty" });
    this.detail = h("section", {
      class: "detail",
      "aria-label": "The opened event",
      hidden: true,
      onkeydown: (key) => this.escape(key),
    });
    this.node = h(
      "div",
      { class: "events" },
      h(
        "section",
        { class: "stream", "aria-label": "Live events" },
        h("h1", { class: "unseen", tabindex: "-1" }, "Events"),
        h("div", { class: "tools" }, this.filter.node, this.pause, clearButton(app), this.summary),
        this.empty,
        this.list.node,
      ),
      this.detail,
    );
  }

  /** Follow an address: the list alone, or with one arrival opened. */
  async open({ parts, query }) {
    const opened = parts.length > 1;
    if (("find" in query || "show" in query) && this.filter.take(query)) this.draw();
    this.node.classList.toggle("opened", opened);
    this.detail.hidden = !opened;
    this.list.mark();
    const turn = ++this.turn;
    if (!opened) return fill(this.detail);
    const content = await arrival(parts, this.app.meanings);
    if (turn !== this.turn) return;
    fill(this.detail, h("a", { class: "close", href: this.address }, "Close"), content);
    this.detail.scrollTop = 0;
  }

  /** Say in place of what was to be opened why it cannot be. */
  problem(message) {
    fill(this.detail, h("a", { class: "close", href: this.address }, "Close"), h("p", { class: "problem" }, message));
  }

  /** Put the focus where reading goes on after a change of address. */
  focus(left) {
    if (!this.detail.hidden) this.detail.querySelector("h2")?.focus();
    else if (!this.list.focus(left)) this.node.querySelector("h1").focus();
  }

  /** Draw what the feed has now. */
  refresh() {
    const rows = this.filter.apply(this.rows);
    this.list.refresh(rows);
    this.describe(rows.length);
  }

  draw() {
    const rows = this.filter.apply(this.rows);
    this.list.show(rows);
    this.describe(rows.length);
  }

  get rows() {
    return this.paused ?? this.app.feed.rows;
  }

  get address() {
    return href(["events"], this.filter.query);
  }

  describe(found) {
    const all = this.rows.length;
    const kept = all === KEPT ? `the newest ${KEPT.toLocaleString("en")}` : count(all, "arrival");
    this.summary.textContent = found === all ? kept : `${found.toLocaleString("en")} of ${kept}`;
    this.pause.textContent = this.paused ? `Resume${this.waiting ? ` (${this.waiting} new)` : ""}` : "Pause";
    this.list.node.hidden = all === 0;
    if (all > 0) fill(this.empty);
    else if (this.app.live && !this.empty.firstChild) fill(this.empty, start(this.app));
  }

  /** Arrivals since the list was paused. */
  get waiting() {
    const newest = this.paused[0]?.key;
    const index = this.app.feed.rows.findIndex((row) => row.key === newest);
    return index < 0 ? this.app.feed.rows.length : index;
  }

  filtered() {
    history.replaceState(null, "", href(here().parts, this.filter.query));
    this.list.node.scrollTop = 0;
    this.draw();
  }

  toggle() {
    this.paused = this.paused ? null : this.app.feed.rows;
    this.pause.setAttribute("aria-pressed", String(this.paused !== null));
    this.draw();
  }

  escape(key) {
    if (key.key === "Escape") location.hash = this.address;
  }
}
