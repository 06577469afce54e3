/** Building and updating the document. Data becomes text and attribute values, never markup: events are hostile input. */

/**
 * Make an element.
 * @param {string} tag
 * @param {object} attributes `onclick` and its kin are listeners; true is an empty attribute; false and null are left out.
 * @param {...(Node|string|number|null|false|Array)} children text stays text; null and false are left out.
 */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...present(children));
  return node;
}

/** Replace the children of a node; children as in `h`. */
export function fill(node, ...children) {
  node.replaceChildren(...present(children));
}

/**
 * Make the children of `parent` match `items`, touching only what differs, so that focus, selection and scrolling stay.
 * @param {Element} parent
 * @param {Array} items plain data
 * @param {function} keyOf gives the identity of an item, unique among the items.
 * @param {function} make gives the element of an item.
 */
export function keyed(parent, items, keyOf, make) {
  const wanted = new Map(items.map((item) => [String(keyOf(item)), item]));
  const shown = new Map();
  for (const node of [...parent.children]) {
    const name = node.dataset.key;
    if (wanted.has(name)) shown.set(name, renewed(node, wanted.get(name), make));
    else node.remove();
  }
  let place = parent.firstElementChild;
  for (const [name, item] of wanted) {
    const node = shown.get(name) ?? made(name, item, make);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
}

function made(name, item, make) {
  const node = make(item);
  node.dataset.key = name;
  node.item = item;
  return node;
}

function renewed(node, item, make) {
  if (node.item === item || JSON.stringify(node.item) === JSON.stringify(item)) return node;
  const fresh = made(node.dataset.key, item, make);
  const focused = node.contains(document.activeElement);
  node.replaceWith(fresh);
  if (focused) fresh.querySelector("a, button, select")?.focus();
  return fresh;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== false && child != null);
}
