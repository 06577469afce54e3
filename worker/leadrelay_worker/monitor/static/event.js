/** One event's whole life; and the events of a user. */

import { address, post } from "./api.js";
import { fill, h, part, table } from "./dom.js";
import { ended } from "./jobs.js";
import { count, moment, number, outcome, span } from "./text.js";

/** What stands in an event id; addresses and names with spaces are users. */
const NO_EID = /[\s@/]/;

const named = location.pathname.slice(address("event").length).replace(/^\//, "");
part("fresh").textContent = "asked when you ask";
if (named) {
  part("eid").value = decodeURIComponent(named);
  search(`event/${named}/trace`, {}, showEvent);
}

part("by-eid").addEventListener("submit", (event) => {
  event.preventDefault();
  const eid = part("eid").value.trim();
  if (NO_EID.test(eid)) return tell("This is no event id. Search for it as a user.");
  if (eid) location.assign(address(`event/${encodeURIComponent(eid)}`));
});
part("by-user").addEventListener("submit", (event) => {
  event.preventDefault();
  search("users/events", { user: part("user").value }, showUser);
});

async function search(path, given, show) {
  part("found").setAttribute("aria-busy", true);
  tell("Searching …");
  try {
    const result = await ended(
      await post(path, given),
      ({ progress }) => progress.read && tell(`Searching: ${count(progress.read, "message")} read …`),
    );
    part("fresh").textContent = `as of ${moment(Date.now())}`;
    part("dot").classList.add("status-dot-live");
    show(result);
  } catch (error) {
    tell(error.message);
  }
  part("found").setAttribute("aria-busy", false);
}

function tell(text) {
  part("found").hidden = false;
  fill(part("found"), h("p", {}, text));
}

function showEvent(told) {
  const facts = [
    ["Event id", told.eid],
    ["Number", told.seq ? number(told.seq) : "not known"],
    ["Title", told.title ?? "not known"],
    told.dataset && ["Dataset", told.dataset],
    ["Accepted", moment(told.accepted)],
    told.attempts != null && ["Attempts", number(told.attempts)],
    told.next_attempt && ["Next attempt", moment(told.next_attempt)],
    told.worker && ["Worker", told.worker],
  ].filter(Boolean);
  const attempts = told.history.map((one) => [
    number(one.attempt),
    moment(one.at),
    outcome(one.outcome + (one.unknown ? "?" : "")),
    one.reason,
    span(one.took_ms / 1000),
  ]);
  const endings = (told.endings ?? []).map((one) => [
    moment(one.at),
    one.outcome,
    one.reason,
    number(one.attempts),
    one.worker,
  ]);
  const acts = told.acts.map((one) => [moment(one.at_ms), one.by, one.act, one.detail]);
  fill(
    part("found"),
    h("h2", {}, told.says),
    told.state === "dead" &&
      told.died &&
      h("p", {}, h("a", { href: address(`dead-letters/${told.seq}`) }, "Look into the dead letter")),
    h(
      "dl",
      { class: "lr-facts" },
      facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
    list("Attempts", ["Attempt", "Ended", "Outcome", "Reason", "Took"], attempts),
    list("How it ended, by this home's history", ["When", "Outcome", "Reason", "Attempts", "Worker"], endings),
    list("Who did what", ["When", "Who", "Act", "Detail"], acts),
    h(
      "p",
      { class: "lr-note" },
      `Searched: ${count(told.searched.messages, "message")} of the queue${told.searched.complete ? "" : ", not all"}.`,
    ),
  );
}

function showUser({ events, read, more }) {
  const rows = events.map((one) => [
    h("a", { href: address(`event/${encodeURIComponent(one.eid)}`) }, one.eid || `number ${one.seq}`),
    one.state.replace("_", " "),
    one.title || "NO TITLE",
    moment(one.accepted),
    number(one.attempts),
  ]);
  fill(
    part("found"),
    h(
      "h2",
      {},
      more
        ? `The first ${number(events.length)} events`
        : `${count(events.length, "event")} of this user wait or are dead`,
    ),
    rows.length > 0 &&
      h(
        "div",
        { class: "lr-scroll" },
        table("Events of the user", ["Event id", "State", "Title", "Accepted", "Attempts"], rows),
      ),
    h(
      "p",
      { class: "lr-note" },
      `${count(read, "message")} read. Of delivered events nothing is kept that names a user.`,
    ),
  );
}

function list(name, headings, rows) {
  return rows.length > 0 && [h("h3", {}, name), h("div", { class: "lr-scroll" }, table(name, headings, rows))];
}
