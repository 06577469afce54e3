/** One arrival opened: a good event with all that is known of it, or a bad request with its reason. */

import * as api from "./api.js";
import { h } from "./dom.js";
import { eventHref, userHref } from "./route.js";
import { prose, table, value } from "./tables.js";
import { count, short, time, titleOf, uncounted, whoOf } from "./text.js";

/** Ids of an event, and what each is when the sender gave none. */
const IDS = [
  ["eid", "event", "made by the sandbox"],
  ["sid", "session", "the event's id"],
  ["uid", "user", "found from the other ids"],
  ["si", "dataset", ""],
];

/**
 * Give the content for an address.
 * @param {string[]} parts `events`, eid, index of one of its arrivals; or `bad`, index.
 * @param {Map} meanings the known parameters by name.
 */
export async function arrival([kind, id, index], meanings) {
  if (kind === "bad") return badOne((await api.badFrom(id, 1)).filter((bad) => String(bad.index) === id));
  const all = await api.eventsOf(id);
  const event = index === undefined ? all.at(-1) : (all.find((one) => String(one.index) === index) ?? all.at(-1));
  if (!event) return gone("This event");
  return good(
    event,
    all.filter((one) => one.si === event.si),
    meanings,
  );
}

function gone(what) {
  return [
    h("h2", { tabindex: "-1" }, "Not here"),
    h("p", {}, `${what} is not kept any more: the sandbox was cleared, or keeps newer ones.`),
  ];
}

function badOne([bad]) {
  if (!bad) return gone("This request");
  return [
    h("h2", { tabindex: "-1" }, bad.reason),
    h("p", { class: "marks" }, h("span", { class: "mark bad" }, `bad: answered ${bad.status}`), " ", when(bad.at_ms)),
    h("p", {}, "The sandbox took no event from this request."),
    h("h3", {}, "Request line"),
    h("pre", {}, bad.line),
  ];
}

function good(event, all, meanings) {
  const reason = uncounted(event);
  return [
    h("h2", { tabindex: "-1" }, h("bdi", {}, short(titleOf(event)))),
    h(
      "p",
      { class: "marks" },
      h("span", { class: "mark good" }, "good"),
      " ",
      event.duplicate && h("span", { class: "mark" }, "duplicate"),
      " ",
      !event.registered && h("span", { class: "mark warn" }, "dataset not registered"),
      " ",
      when(event.at_ms),
    ),
    h(
      "p",
      {},
      "By ",
      h("a", { href: userHref(event.si, event.uid) }, h("bdi", {}, short(whoOf(event)))),
      `. ${event.method}, ${event.charset}.`,
    ),
    h("p", {}, reason ? `Not counted: ${reason}.` : "Counted: its counters moved."),
    warnings(event.warnings),
    parameters(event.params, meanings),
    Object.keys(event.enriched).length > 0 &&
      table(
        "Read from the request",
        ["Name", "Value"],
        Object.entries(event.enriched).map(([name, text]) => [h("code", {}, name), value(text)]),
      ),
    ids(event),
    all.length > 1 && arrivals(event, all),
    h("details", {}, h("summary", {}, "As JSON"), h("pre", {}, JSON.stringify(event, null, 2))),
  ];
}

const when = (ms) => h("time", { datetime: new Date(ms).toISOString() }, time(ms));

function warnings(texts) {
  if (!texts.length) return null;
  return h(
    "section",
    { class: "warnings" },
    h("h3", {}, count(texts.length, "warning")),
    h(
      "ul",
      {},
      texts.map((text) => h("li", {}, text)),
    ),
  );
}

function parameters(params, meanings) {
  const rows = Object.entries(params);
  const row = ([name, text]) => [
    h("span", {}, h("code", {}, name), h("small", {}, prose(meanings.get(name)?.meaning ?? ""))),
    value(text),
  ];
  const known = rows.filter(([name]) => meanings.has(name));
  const custom = rows.filter(([name]) => !meanings.has(name));
  return [
    custom.length > 0 && table("Custom properties", ["Name", "Value"], custom.map(row)),
    known.length > 0 && table("Known parameters", ["Name", "Value"], known.map(row)),
  ];
}

function ids(event) {
  const rows = IDS.map(([name, what, otherwise]) => [
    h("span", {}, h("code", {}, name), h("small", {}, what)),
    h("span", {}, value(event[name] ?? ""), h("small", {}, event.params[name] ? "sent" : otherwise)),
  ]);
  return table("Ids", ["Id", "Value"], rows);
}

function arrivals(event, all) {
  const link = (one) =>
    one.index === event.index ? h("b", {}, time(one.at_ms)) : h("a", { href: eventHref(one) }, time(one.at_ms));
  return [
    h("h3", {}, `This id arrived ${all.length} times`),
    h(
      "ul",
      {},
      all.map((one) => h("li", {}, link(one), one.counted ? " counted" : " not counted")),
    ),
  ];
}
