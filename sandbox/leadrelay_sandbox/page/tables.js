/** Tables of names and values. Roles are written out, since a narrow page lays rows out as blocks. */

import { h, keyed } from "./dom.js";

/** A value longer than this many characters is folded. */
const FOLDED = 2000;

/** A table whose first column names its rows. */
export function table(caption, heads, rows) {
  return shell(
    {},
    h("caption", {}, caption),
    heads,
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map((cells) => line(heads, cells)),
    ),
  );
}

/**
 * A table that is updated in place: its element and `refresh(items)`.
 * @param {string} kind the class that lays it out.
 * @param {string} caption for screen readers; a heading stands above the table.
 * @param {string[]} heads of the columns
 * @param {function} keyOf gives the identity of an item.
 * @param {function} cellsOf gives the cells of an item, the first names the row.
 */
export function liveTable(kind, caption, heads, keyOf, cellsOf) {
  const body = h("tbody", { role: "rowgroup" });
  const node = shell({ class: `live ${kind}` }, h("caption", { class: "unseen" }, caption), heads, body);
  return { node, refresh: (items) => keyed(body, items, keyOf, (item) => line(heads, cellsOf(item))) };
}

/** A value as it is: line breaks kept, its direction its own, a long one folded. */
export function value(text) {
  if (text === "") return h("i", { class: "nothing" }, "empty");
  if (text.length <= FOLDED) return h("bdi", { class: "value" }, text);
  const folded = h("span", {}, h("bdi", { class: "value" }, `${text.slice(0, FOLDED)}…`), " ");
  folded.append(
    h(
      "button",
      { type: "button", onclick: () => folded.replaceWith(h("bdi", { class: "value" }, text)) },
      `Show all ${text.length.toLocaleString("en")} characters`,
    ),
  );
  return folded;
}

/** A text of our own in which `backticks` stand around code. */
export const prose = (text) => text.split("`").map((part, number) => (number % 2 ? h("code", {}, part) : part));

function shell(attributes, caption, heads, body) {
  const head = h(
    "tr",
    { role: "row" },
    heads.map((text) => h("th", { scope: "col", role: "columnheader" }, text)),
  );
  return h("table", { role: "table", ...attributes }, caption, h("thead", { role: "rowgroup" }, head), body);
}

function line(heads, [first, ...cells]) {
  return h(
    "tr",
    { role: "row" },
    h("th", { scope: "row", role: "rowheader" }, first),
    cells.map((cell, column) => h("td", { role: "cell", "data-head": heads[column + 1] }, cell)),
  );
}
