/** The ledger: the equation, the recount, who did what. */

import { get, post } from "./api.js";
import { fill, h, part, table } from "./dom.js";
import { ended } from "./jobs.js";
import { poll } from "./poll.js";
import { act, say } from "./say.js";
import { count, moment, number } from "./text.js";

const EVERY_MS = 2000;
/** Right of the equation, with what each means. */
const TERMS = [
  ["delivered", "the endpoint has them"],
  ["ready", "wait for a worker"],
  ["scheduled", "wait for their next attempt"],
  ["held", "behind their lane or a breaker"],
  ["in_flight", "with a worker"],
  ["dead", "could not be delivered"],
  ["dropped", "by a recorded act"],
];
/** Counted beside the equation. */
const BESIDE = [
  ["adopted", "accepted from plain Celery producers"],
  ["inbox", "not adopted yet"],
  ["retried", "attempts made again"],
  ["rescued", "taken back from dead workers"],
  ["replayed", "put back by operators"],
  ["late", "settlements that came after their lease"],
];

poll(async () => show(await get("ledger/state")), EVERY_MS);
showAudit(0);

function show({ ledger, expected, findings, witness }) {
  const wrong = [...findings, ...witness];
  part("balance").dataset.level = wrong.length ? "problem" : "ok";
  fill(
    part("balance"),
    h("h2", {}, wrong.length ? "The books do not balance" : "Balanced: every accepted event is in exactly one place"),
    wrong.length > 0 &&
      h(
        "ul",
        {},
        wrong.map((line) => h("li", {}, line)),
      ),
    !witness.length && h("p", { class: "lr-note" }, "The witness, outside the broker, has seen no loss."),
  );
  const sum = TERMS.reduce((total, [name]) => total + ledger[name], 0);
  fill(
    part("equation"),
    h(
      "p",
      { class: "lr-equation" },
      term("accepted", ledger.accepted),
      h("span", { class: "lr-sign" }, sum === ledger.accepted ? "=" : "≠"),
      TERMS.map(([name], at) => [at > 0 && h("span", { class: "lr-sign" }, "+"), term(name, ledger[name])]),
    ),
    h(
      "div",
      { class: "lr-scroll" },
      table(
        "The terms",
        ["Term", "In the broker", "By the ledger", "Meaning"],
        TERMS.map(([name, meaning]) => [
          name.replace("_", " "),
          number(ledger[name]),
          number(expected[name] ?? ledger[name]),
          meaning,
        ]),
      ),
    ),
    h(
      "p",
      { class: "lr-note" },
      BESIDE.map(([name, meaning]) => `${name} ${number(ledger[name])} (${meaning})`).join(", "),
      ".",
    ),
  );
}

const term = (name, value) =>
  h("span", { class: "lr-term" }, h("b", {}, number(value)), h("small", {}, name.replace("_", " ")));

part("verify").addEventListener("click", async () => {
  const job = await act(() => post("ledger/verify"), "Counting");
  if (!job) return;
  part("verify").disabled = true;
  part("cancel").hidden = false;
  part("cancel").onclick = () => act(() => post(`jobs/${job.id}/cancel`), "It stops");
  try {
    showRecount(
      await ended(job, ({ progress }) =>
        fill(part("counted"), h("p", {}, `${count(progress.read ?? 0, "message")} read …`)),
      ),
    );
  } catch (error) {
    fill(part("counted"), h("p", {}, error.message));
  }
  part("verify").disabled = false;
  part("cancel").hidden = true;
});

function showRecount(result) {
  if (!result) return fill(part("counted"), h("p", {}, "Cancelled."));
  const { read, accepted, findings } = result;
  say("Counted");
  const said = findings.length ? findings : ["balanced: every accepted event is delivered, waiting, dead or dropped"];
  return fill(
    part("counted"),
    h("p", {}, `${count(read, "message")} read; accepted ${number(accepted)}; at ${moment(Date.now())}`),
    h(
      "ul",
      {},
      said.map((line) => h("li", {}, line)),
    ),
  );
}

async function showAudit(from) {
  try {
    const { acts, rest } = await get(`ledger/audit?from=${from}`);
    const rows = acts.map((one) => [moment(one.at_ms), one.by, one.act, number(one.number), one.detail]);
    fill(
      part("audit"),
      rows.length
        ? table("Who did what, the latest first", ["When", "Who", "Act", "Events", "Detail"], rows)
        : h("p", {}, "Nothing is recorded."),
    );
    part("newest").disabled = !rows.length;
    part("newest").onclick = () => showAudit(0);
    part("older").disabled = rest === null;
    part("older").onclick = () => showAudit(rest);
  } catch (error) {
    fill(part("audit"), h("p", {}, error.message));
    setTimeout(() => showAudit(from), 3000);
  }
}
