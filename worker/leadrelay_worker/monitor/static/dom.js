/** Building the document. Data becomes text and attribute values, never markup: events are hostile input. */

/**
 * Make an element.
 * @param {string} tag
 * @param {object} attributes true is an empty attribute; false and null are left out.
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

/**
 * Make the children of a node look like these, touching only what differs: focus, selection, a click under way and what
 * a screen reader reads stay. Listeners belong to the node, not to its children.
 */
export function fill(node, ...children) {
  const wanted = node.cloneNode(false);
  wanted.append(...present(children));
  match(node, wanted);
}

function match(node, wanted) {
  let at = node.firstChild;
  for (const child of [...wanted.childNodes]) {
    if (at?.nodeName !== child.nodeName || at.id !== child.id) {
      node.insertBefore(child, at);
      continue;
    }
    if (child.nodeType === Node.TEXT_NODE) {
      if (at.data !== child.data) at.data = child.data;
    } else {
      matchAttributes(at, child);
      match(at, child);
    }
    at = at.nextSibling;
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function matchAttributes(node, wanted) {
  for (const { name } of [...node.attributes]) if (!wanted.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of wanted.attributes)
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
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
    if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== false && child != null);
}
