/** The delivery page. */

import { address, get, post } from "./api.js";
import { fill, h, part } from "./dom.js";
import { plot } from "./plot.js";
import { poll } from "./poll.js";
import { act } from "./say.js";
import { ago, bytes, count, moment, number, rate, share, span } from "./text.js";

const EVERY_MS = 1000;
const HISTORY_EVERY_MS = 10000;
/** Room for less than this, s, is marked. */
const SOON_S = 3600;
/** Width of a figure below which there is one in a row. */
const LEAST_WIDTH = 420;

let past = null;

const again = poll(async () => showState(await get("delivery/state")), EVERY_MS);
poll(async () => {
  past = await get("delivery/history");
  showPlots();
}, HISTORY_EVERY_MS);
new ResizeObserver(() => showPlots()).observe(part("plots"));

function showState(state) {
  showVerdict(state);
  showFigures(state);
  showBreakers(state);
  part("resume-button").disabled = state.sending.state === "on" && !state.sending.breakers.length;
  part("force-button").disabled = !state.sending.breakers.length;
  const { rate: now, ceiling } = state.sending;
  const limited = now == null ? "No limit now." : `At most ${rate(now)} now`;
  part("rate-now").textContent =
    limited + (now == null ? "" : ceiling == null ? ", by itself." : `, ceiling ${rate(ceiling)}.`);
}

function showVerdict({ verdict, now }) {
  const since =
    verdict.since_ms && `Since ${moment(verdict.since_ms)} (${ago(verdict.since_ms, now).replace(/\.\d/, "")})`;
  const until = verdict.until_ms && `, until ${moment(verdict.until_ms)}`;
  const press = { resume: "Resume sending", try: "Try now" }[verdict.press];
  const [first, ...others] = verdict.to_do;
  part("verdict").dataset.level = verdict.level;
  fill(
    part("verdict"),
    h("h2", {}, verdict.headline),
    since && h("p", { class: "lr-since", "aria-live": "off" }, since, until),
    verdict.also && h("p", { "aria-live": "off" }, verdict.also),
    first && h("p", {}, `To do: ${first}`),
    others.length > 0 && h("ul", {}, others.map((text) => h("li", {}, text))),
    press && h("button", { type: "button", class: "btn btn-primary act", id: "press" }, press),
  );
}

part("verdict").addEventListener(
  "click",
  ({ target }) => target.id === "press" && steer("resume", {}, "Sending goes on"),
);

function showFigures(state) {
  const { ledger, rates, room, due } = state;
  fill(
    part("figures"),
    figure("Waiting", number(state.backlog + ledger.inbox), [
      `${number(ledger.ready)} ready, ${number(ledger.held)} held, ${number(ledger.scheduled)} scheduled`,
      due.length && dues(due),
      ledger.inbox && `${number(ledger.inbox)} in the inbox`,
    ]),
    figure("Oldest", state.lag_s ? span(state.lag_s) : "–", [
      state.lag_s ? "at the head of the queue" : "nothing waits",
    ]),
    figure(
      "Room",
      room.left_s == null ? "no end" : span(room.left_s),
      [
        room.limit && `${bytes(room.used)} of ${bytes(room.limit)}`,
        room.events != null && `room for ${number(room.events)} events`,
        room.left_stopped_s != null && `with no deliveries ${span(room.left_stopped_s)}`,
      ],
      room.left_s != null && room.left_s < SOON_S,
    ),
    figure("In flight", number(ledger.in_flight), [`with ${count(state.workers, "worker")}`]),
    figure("Delivered", rate(rates.delivered), [`in the last minute; accepted ${rate(rates.accepted)}`]),
    figure("Success", share(state.success.share), [state.success.of]),
    figure("Caught up", caughtUp(state), [caughtUpNote(state)]),
    figure("Dead letters", h("a", { href: address("dead-letters"), id: "to-dead" }, number(ledger.dead)), [
      `${number(ledger.delivered)} of ${number(ledger.accepted)} delivered`,
      ledger.dropped && `${number(ledger.dropped)} dropped`,
    ]),
    latencyFigure(),
  );
}

function figure(name, value, notes, alarming = false) {
  return h(
    "article",
    { class: `metric-card ${alarming ? "metric-card-danger" : ""}` },
    h("p", { class: "metric-label" }, name),
    h("p", { class: "metric-value" }, value),
    notes.filter(Boolean).map((note) => h("p", { class: "lr-note" }, note)),
  );
}

const dues = (due) =>
  `due ${due
    .filter(([, events]) => events)
    .map(
      ([within, events]) =>
        `${number(events)} ${within == null ? "later" : `within ${span(within).replace(".0", "")}`}`,
    )
    .join(", ")}`;

function caughtUp({ catch_up, backlog }) {
  if (!backlog) return "now";
  return catch_up?.seconds == null ? "–" : `in ${span(catch_up.seconds)}`;
}

function caughtUpNote({ catch_up, backlog, ledger }) {
  if (!backlog) return "nothing waits";
  if (!catch_up) return ledger.scheduled && "scheduled events come when they are due";
  return (
    catch_up.reason || (catch_up.later ? `${number(catch_up.later)} are scheduled for later` : "at the present speed")
  );
}

function latencyFigure() {
  const known = past?.latency.home ?? past?.latency.hours;
  if (!known) return figure("Latency", "–", ["nothing was delivered lately"]);
  const [[, median], ...others] = known.percentiles;
  const on_time = (seconds) => (seconds == null ? `≤ ${span(known.on_time_s)}` : span(seconds));
  const rest = others.map(([part, seconds]) => `p${part * 100} ${on_time(seconds)}`).join(", ");
  const of = past.latency.home
    ? `last ${number(known.events)} deliveries from here`
    : `${number(known.events)} of the last hours`;
  const hours = past.latency.hours;
  return figure("Latency", on_time(median), [
    `median; ${rest}`,
    of,
    hours && `${share(hours.on_time / hours.events)} within ${span(hours.on_time_s)}`,
  ]);
}

function showBreakers({ sending, now }) {
  part("breakers").hidden = !sending.breakers.length;
  fill(
    part("breakers"),
    h("h2", {}, "Breakers"),
    h(
      "ul",
      {},
      sending.breakers.map((one) =>
        h(
          "li",
          {},
          h("strong", {}, [one.of, one.name].filter(Boolean).join(" ")),
          one.name === sending.own_dataset && " (LEADRELAY_DATASET_ID)",
          ` ${one.state.replace("_", "-")}: ${one.reason || "no reason known"}`,
          one.rate && `, ${rate(one.rate)}`,
          one.state === "open" && one.next_probe && `, next try in ${span(Math.max(0, one.next_probe - now) / 1000)}`,
        ),
      ),
    ),
  );
}

function showPlots() {
  if (!past) return;
  const room = part("plots").clientWidth;
  const width = Math.floor(room > 2 * LEAST_WIDTH ? (room - 16) / 2 : room) - 34;
  const ranges = [
    ["hour", "the last hour"],
    ["day", "the last day"],
  ];
  const rates = [
    ["accepted", "accepted", "accepted"],
    ["delivered", "delivered", "delivered"],
  ];
  const held = [
    ["waiting", "waiting", "waiting"],
    ["dead", "dead letters", "dead"],
  ];
  fill(
    part("plots"),
    ranges.flatMap(([name, text]) => [
      plot(`Events a second, ${text}`, past[name], rates, "a second", width),
      plot(`Events in the queue, ${text}`, past[name], held, "events", width),
    ]),
  );
}

async function steer(what, given, done) {
  const answer = await act(() => post(`delivery/${what}`, given), done);
  again();
  return answer;
}

part("pause").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = { reason: part("reason").value, for: part("length").value };
  if (await steer("pause", given, "Sending is paused")) part("pause").reset();
});
part("resume-button").addEventListener("click", () => steer("resume", {}, "Sending goes on"));
part("force-button").addEventListener("click", () => {
  const button = part("force-button");
  if (button.dataset.sure) steer("resume", { force: true }, "All breakers are closed");
  else setTimeout(() => sure(button, false), 4000);
  sure(button, !button.dataset.sure);
});
part("rate").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = part("per-s").value;
  steer("rate", { per_s: given }, given ? `At most ${given} events a second` : "No ceiling by command");
});
part("no-rate").addEventListener("click", () => {
  part("per-s").value = "";
  steer("rate", {}, "No ceiling by command");
});

/** Ask once more on the button itself: it takes two presses within 4 s. */
function sure(button, is) {
  button.textContent = is ? "Press again to close all breakers" : "Close all breakers…";
  if (is) button.dataset.sure = "yes";
  else delete button.dataset.sure;
}
