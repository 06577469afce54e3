/** The list of dead letters: filtered, listed page by page, counted part by part, replayed and dropped. */

import { Away, address, get, post } from "./api.js";
import { fill, h, part, table } from "./dom.js";
import { poll } from "./poll.js";
import { showReplays } from "./replays.js";
import { act, ask, say } from "./say.js";
import { count, moment, number, span } from "./text.js";

const EVERY_MS = 1000;
/** Before a question is asked again that nobody answered. */
const AGAIN_MS = 3000;
const HEADINGS = ["Died", "Reason", "Title", "Last outcome", "Attempts", "Notes"];
/** Titles that are counted by name. */
const MOST_TITLES = 8;

let filters = {};
/** Grows with each filter, so that answers to an earlier one are thrown away. */
let asked = 0;
/** What matches, once all is counted. */
let counted = null;
/** Events a second over the last minute. */
let delivering = null;

start();
poll(async () => {
  delivering = (await get("delivery/state")).rates.delivered;
  if (showReplays(await get("dead-letters/replays"))) again();
}, EVERY_MS);

/** Filter by what stands in the fields. */
function start() {
  filters = Object.fromEntries([...new FormData(part("filters"))].filter(([, text]) => text.trim()));
  again();
}

/** List and count anew, by the filter in force. */
function again() {
  asked += 1;
  showPage(null, true);
  countAll(asked);
}

/** Show a page; an answer that looked at many and found few is followed by the next. */
async function showPage(after, first) {
  const mine = asked;
  const letters = [];
  let read = 0;
  let rest = after;
  try {
    do {
      const page = await post("dead-letters/list", { filters, after: rest });
      if (mine !== asked) return;
      letters.push(...page.letters);
      read += page.read;
      rest = page.rest;
      part("place").textContent = letters.length || !rest ? "" : `looked at ${number(read)} …`;
    } while (!letters.length && rest);
  } catch (error) {
    part("place").textContent = error.message;
    if (error instanceof Away) setTimeout(() => mine === asked && showPage(after, first), AGAIN_MS);
    return;
  }
  showLetters(letters);
  part("first").disabled = first;
  part("next").disabled = !rest;
  part("next").onclick = () => showPage(rest, false);
}

function showLetters(letters) {
  const rows = letters.map((letter) => [
    h("a", { href: address(`dead-letters/${letter.seq}`) }, moment(letter.died)),
    letter.reason,
    letter.title || "NO TITLE",
    letter.last_outcome || "–",
    number(letter.attempts),
    notes(letter),
  ]);
  fill(
    part("letters"),
    rows.length ? table("Dead letters, the oldest first", HEADINGS, rows) : h("p", {}, "No dead letters match."),
  );
}

function notes(letter) {
  return [
    letter.needs_edit && "needs edit",
    letter.stale && "stale",
    letter.revision && `edited ${letter.revision}×`,
    letter.replays && `replayed ${letter.replays}×`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** Count all that match, a part at a time; shown as it grows. */
async function countAll(mine) {
  const sum = { matching: 0, stale: 0, needs_edit: 0, by_reason: {}, by_title: {}, done: false };
  counted = null;
  let rest = null;
  try {
    do {
      const some = await post("dead-letters/counts", { filters, after: rest });
      if (mine !== asked) return;
      for (const name of ["matching", "stale", "needs_edit"]) sum[name] += some[name];
      for (const name of ["by_reason", "by_title"])
        for (const [text, more] of Object.entries(some[name])) sum[name][text] = (sum[name][text] ?? 0) + more;
      rest = some.rest;
      sum.done = !rest;
      showCounts(sum);
    } while (rest);
    counted = sum;
  } catch (error) {
    part("matching").textContent = `Not counted: ${error.message}`;
    if (error instanceof Away) setTimeout(() => mine === asked && countAll(mine), AGAIN_MS);
  }
}

function showCounts(sum) {
  const some = Object.keys(filters).length ? (sum.matching === 1 ? "matches" : "match") : "in all";
  part("matching").setAttribute("aria-busy", !sum.done);
  part("matching").textContent = sum.done
    ? `${count(sum.matching, "dead letter")} ${some}`
    : `${number(sum.matching)} and counting …`;
  const list = (name, most) =>
    Object.entries(sum[name])
      .sort(([, one], [, other]) => other - one)
      .slice(0, most);
  fill(
    part("counts"),
    h(
      "ul",
      { class: "lr-chips", "aria-label": "By reason" },
      list("by_reason").map(([text, events]) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", class: "btn btn-sm btn-outline-secondary", "data-reason": text },
            `${text} ${number(events)}`,
          ),
        ),
      ),
    ),
    h(
      "p",
      { class: "lr-note" },
      `Titles: ${
        list("by_title", MOST_TITLES)
          .map(([text, events]) => `${text || "NO TITLE"} ${number(events)}`)
          .join(", ") || "–"
      }`,
    ),
    h(
      "p",
      { class: "lr-note" },
      `${number(sum.needs_edit)} need an edit, ${number(sum.stale)} are stale; a replay leaves both out.`,
    ),
  );
  fill(
    part("reasons"),
    list("by_reason").map(([text]) => h("option", { value: text })),
  );
}

part("counts").addEventListener("click", ({ target }) => {
  if (!target.dataset.reason) return;
  part("f-reason").value = target.dataset.reason;
  start();
});
part("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
part("filters").addEventListener("reset", () => setTimeout(start));
part("first").addEventListener("click", () => showPage(null, true));

function chosen() {
  return Object.keys(filters).length ? "that match the filter" : "in all, since no filter is set";
}

part("replay").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!counted) return say("Wait until all are counted");
  const rate = part("replay-rate").value.trim();
  const allow_stale = part("allow-stale").checked;
  const moving = counted.matching - counted.needs_edit - (allow_stale ? 0 : counted.stale);
  const lines = [
    `${count(moving, "dead letter")} ${chosen()}.`,
    Number(rate) > 0 && `At ${rate} a second the replay takes ${span(moving / Number(rate))}.`,
    delivering
      ? `At the present ${number(Math.round(delivering))} deliveries a second they are sent in ${span(moving / delivering)}.`
      : "Nothing was delivered in the last minute, so nobody can say when they are sent.",
    allow_stale && counted.stale && `${count(counted.stale, "stale letter")} will put older values over newer ones.`,
  ];
  if (await ask(`Replay ${number(moving)}?`, lines, "Replay"))
    begin("replay", { filters, rate, allow_stale, of: moving }, "The replay runs");
});
part("drop").addEventListener("submit", async (event) => {
  event.preventDefault();
  const because = part("because").value.trim();
  if (!counted) return say("Wait until all are counted");
  if (!because) return say("Say why they are dropped, for the record");
  const lines = [`${count(counted.matching, "dead letter")} ${chosen()} will be gone for good.`, `Because: ${because}`];
  if (await ask(`Drop ${number(counted.matching)} for good?`, lines, "Drop for good"))
    begin("drop", { filters, because }, "They are being dropped");
});

const begin = (what, given, done) => act(() => post(`dead-letters/${what}`, given), done);
