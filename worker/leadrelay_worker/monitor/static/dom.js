/** Building the document. Data becomes text and attribute values, never markup: events are hostile input. */

/**
 * Make an element.
 * @param {string} tag
 * @param {object} attributes `onclick` and its kin are listeners; true is an empty attribute; false and null are left out.
 * @param {...(Node|string|number|null|false|Array)} children text stays text; null and false are left out.
 */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  set(node, attributes);
  node.append(...present(children));
  return node;
}

/** Make an element of a drawing. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(node, attributes);
  node.append(...present(children));
  return node;
}

/** Replace the children of a node when they would look different, so that focus, selection and scrolling stay. */
export function fill(node, ...children) {
  const fresh = node.cloneNode(false);
  fresh.append(...present(children));
  if (fresh.innerHTML === node.innerHTML) return;
  const focused = node.contains(document.activeElement) && document.activeElement.id;
  node.replaceChildren(...fresh.childNodes);
  if (focused) document.getElementById(focused)?.focus();
}

/** The element with an id. */
export const part = (id) => document.getElementById(id);

/**
 * A table with its headings.
 * @param {string} name read to those who do not see it.
 * @param {string[]} headings
 * @param {Array[]} rows the first cell of each is its heading.
 */
export function table(name, headings, rows) {
  return h(
    "table",
    { class: "table align-middle mb-0", "aria-label": name },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        headings.map((text) => h("th", { scope: "col" }, text)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map(([first, ...rest]) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, first),
          rest.map((cell, at) => h("td", { "data-of": headings[at + 1] }, cell)),
        ),
      ),
    ),
  );
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== false && child != null);
}
