/** One dead letter: looked into, edited, replayed, dropped. The only page that shows what an event holds. */

import { address, get, post } from "./api.js";
import { fill, h, part, table } from "./dom.js";
import { act, ask, say } from "./say.js";
import { count, moment, number, outcome, span } from "./text.js";

const path = location.pathname.slice(address("").length).replace(/\/$/, "");
let letter = null;

load();

async function load() {
  try {
    letter = await get(`${path}/content`);
    part("fresh").textContent = `as of ${moment(Date.now())}`;
    part("dot").classList.add("status-dot-live");
    show();
  } catch (error) {
    part("fresh").textContent = "not shown";
    fill(
      part("letter"),
      h("h2", {}, error.message),
      h("p", {}, h("a", { href: address("dead-letters") }, "Back to the list")),
    );
    for (const name of ["attempts", "content", "edit", "replay", "drop"]) part(name).hidden = true;
  }
}

function show() {
  const facts = [
    [
      "Event id",
      letter.eid ? h("a", { href: address(`event/${encodeURIComponent(letter.eid)}`) }, letter.eid) : "none",
    ],
    ["Number", number(letter.seq)],
    ["Accepted", moment(letter.accepted)],
    ["Died", moment(letter.died)],
    ["Reason", letter.reason],
    ["Attempts", number(letter.attempts)],
    ["Revision", letter.revision ? `edited ${count(letter.revision, "time")}` : "as it was accepted"],
    ["Replayed", letter.replays ? count(letter.replays, "time") : "never"],
    ["Stale", letter.stale ? "yes: newer values of the same person went out since" : "no"],
  ];
  fill(
    part("letter"),
    h("h2", {}, letter.title || "NO TITLE"),
    h(
      "dl",
      { class: "lr-facts" },
      facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
  );
  showHistory();
  showContent();
  part("edit").hidden = letter.editable === null;
  part("event").value = JSON.stringify(letter.editable, null, 2);
  part("allow-stale").closest("label").hidden = !letter.stale;
  part("replay").hidden = letter.needs_edit;
}

function showHistory() {
  const rows = letter.history.map((one) => [
    number(one.attempt),
    moment(one.at_ms),
    outcome(one.outcome),
    one.reason,
    span(one.ms / 1000),
  ]);
  const acts = letter.acts.map((one) => [moment(one.at_ms), one.by, one.act, one.detail]);
  fill(
    part("attempts"),
    h("h2", {}, "Attempts"),
    rows.length
      ? h("div", { class: "lr-scroll" }, table("Attempts", ["Attempt", "Ended", "Outcome", "Reason", "Took"], rows))
      : h("p", {}, "None."),
    acts.length > 0 && [
      h("h2", {}, "Who did what"),
      h("div", { class: "lr-scroll" }, table("Who did what", ["When", "Who", "Act", "Detail"], acts)),
    ],
  );
}

function showContent() {
  const { event, ...other } = letter.content;
  const rows = event ? Object.entries(event) : [];
  fill(
    part("content"),
    h("h2", {}, "What it holds"),
    event
      ? h("div", { class: "lr-scroll" }, table("Properties", ["Property", "Value"], rows))
      : h("p", {}, "This is no event, so it needs an edit before it can be sent:"),
    !event &&
      h(
        "pre",
        { class: "lr-code" },
        other.json === undefined ? (other.text ?? other.hex) : JSON.stringify(other.json, null, 2),
      ),
  );
}

part("edit").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  part("wrong").textContent = "";
  let event;
  try {
    event = JSON.parse(part("event").value);
  } catch (error) {
    part("wrong").textContent = `This is not JSON: ${error.message}`;
    return;
  }
  try {
    const { revision } = await post(`${path}/edit`, { event, revision: letter.revision });
    say(`Revision ${revision} is saved; a replay sends it`);
    load();
  } catch (error) {
    part("wrong").textContent = error.message;
  }
});
part("replay").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await act(() => post(`${path}/replay`, { allow_stale: part("allow-stale").checked }), "It is back in the queue"))
    gone("It was replayed and is back in the queue.");
});
part("drop").addEventListener("submit", async (event) => {
  event.preventDefault();
  const because = part("because").value.trim();
  if (!because) return say("Say why it is dropped, for the record");
  if (
    !(await ask(
      "Drop it for good?",
      [`${letter.title || "NO TITLE"}, ${letter.reason}`, `Because: ${because}`],
      "Drop for good",
    ))
  )
    return;
  if (await act(() => post(`${path}/drop`, { because }), "It is dropped")) gone("It was dropped.");
});

function gone(text) {
  fill(
    part("letter"),
    h("h2", {}, text),
    letter.eid &&
      h("p", {}, h("a", { href: address(`event/${encodeURIComponent(letter.eid)}`) }, "Where the event is now")),
  );
  for (const name of ["attempts", "content", "edit", "replay", "drop"]) part(name).hidden = true;
}
