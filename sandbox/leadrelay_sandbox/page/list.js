/** The live list of arrivals: newest on top, without a jump of what one reads, operable by arrow keys. */

import { h, keyed } from "./dom.js";
import { count, time } from "./text.js";

/** Rows drawn at first, and added by each "Show more". */
const DRAWN = 200;
/** While the pointer moves over the list nothing is put under it, ms. */
const POINTER_RESTS_MS = 700;

export class List {
  /** @param {string} label names the list to a screen reader. */
  constructor(label) {
    this.rows = [];
    this.drawn = DRAWN;
    this.pointed = -Infinity;
    this.ol = h("ol", {
      class: "rows",
      "aria-label": label,
      onkeydown: (key) => this.move(key),
      onfocusin: (focus) => this.stop(focus.target),
    });
    this.above = h("button", { class: "above", type: "button", hidden: true, onclick: () => this.top() });
    this.more = h("button", {
      class: "more",
      type: "button",
      hidden: true,
      onclick: () => this.show(this.rows, this.drawn + DRAWN),
    });
    this.node = h(
      "div",
      { class: "scroll", onscroll: () => this.scrolled(), onpointermove: (pointer) => this.point(pointer) },
      this.above,
      this.ol,
      this.more,
    );
    this.unseen = 0;
  }

  /** Show `rows` unless the pointer is just on its way to one of them; they come with the next call then. */
  refresh(rows) {
    if (!this.node.checkVisibility()) return;
    const reading = this.node.scrollTop > 0;
    if (!reading && performance.now() - this.pointed < POINTER_RESTS_MS) return;
    const first = this.ol.firstElementChild;
    const height = first?.offsetTop;
    const added = first ? rows.findIndex((row) => row.key === first.dataset.key) : 0;
    this.show(rows, reading ? this.drawn + Math.max(added, 0) : this.drawn);
    if (!reading || added < 1) return;
    this.node.scrollTop += first.offsetTop - height;
    this.tell(this.unseen + added);
  }

  /** Show `rows`, the first `drawn` of them as elements. */
  show(rows, drawn = DRAWN) {
    Object.assign(this, { rows, drawn });
    keyed(this.ol, rows.slice(0, drawn), (row) => row.key, element);
    this.more.hidden = rows.length <= drawn;
    this.more.textContent = `Show more of ${count(rows.length, "row")}`;
    if (!this.ol.querySelector("[tabindex='0']")) this.stop(this.ol.querySelector("a"));
    this.mark();
  }

  /** Mark the row whose address is open. */
  mark() {
    this.ol.querySelector("[aria-current]")?.removeAttribute("aria-current");
    this.link(location.hash)?.setAttribute("aria-current", "true");
  }

  /** Put the focus on the row of this address; tells whether it is shown. */
  focus(address) {
    const link = this.link(address);
    link?.focus();
    return Boolean(link);
  }

  link(address) {
    const [path] = address.split("?");
    return [...this.ol.querySelectorAll("a")].find((link) => link.hash === path);
  }

  top() {
    this.node.scrollTop = 0;
    this.ol.querySelector("a")?.focus({ preventScroll: true });
  }

  scrolled() {
    if (this.node.scrollTop > 0) return;
    this.drawn = DRAWN;
    this.tell(0);
  }

  tell(unseen) {
    this.unseen = unseen;
    this.above.hidden = !unseen;
    this.above.textContent = `↑ ${unseen} new`;
  }

  point(pointer) {
    if (this.ol.contains(pointer.target)) this.pointed = performance.now();
  }

  /** The list is one stop of the tab key: this row. */
  stop(link) {
    for (const other of this.ol.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    if (link) link.tabIndex = 0;
  }

  move(key) {
    const row = key.target.closest("li");
    const to = {
      ArrowDown: row?.nextElementSibling,
      ArrowUp: row?.previousElementSibling,
      Home: this.ol.firstElementChild,
      End: this.ol.lastElementChild,
    }[key.key];
    if (!to) return;
    key.preventDefault();
    to.firstElementChild.focus();
  }
}

function element(row) {
  return h(
    "li",
    {},
    h(
      "a",
      { class: `row ${row.kind}`, href: row.href, tabindex: "-1" },
      h("time", { datetime: new Date(row.at_ms).toISOString() }, time(row.at_ms)),
      h("span", { class: "title" }, h("bdi", {}, row.title)),
      h("span", { class: "who" }, h("bdi", {}, row.who)),
      h("span", { class: "preview" }, h("bdi", {}, row.preview)),
      h("span", { class: "marks" }, marks(row)),
    ),
  );
}

/** The marks of a row: what is out of the ordinary. */
function marks(row) {
  if (row.kind === "bad") return [h("span", { class: "mark bad" }, `bad ${row.status}`)];
  return [
    row.warnings > 0 && h("span", { class: "mark warn" }, count(row.warnings, "warning")),
    row.duplicate && h("span", { class: "mark" }, "duplicate"),
    !row.counted && !row.duplicate && h("span", { class: "mark" }, "not counted"),
  ];
}
