/** Replays and drops of many letters: how far they are, and cancelling them. */

import { post } from "./api.js";
import { fill, h, part } from "./dom.js";
import { act } from "./say.js";
import { moment, number, span } from "./text.js";

const MOST_SHOWN = 10;

/** Jobs of this monitor that had ended when they were looked at last. */
let ended = null;

/**
 * Show the recorded replays, and the jobs of this monitor.
 * @returns {boolean} whether a job has ended since, so that the letters are others now.
 */
export function showReplays({ records, jobs }) {
  const now = new Set(jobs.filter((job) => job.state !== "running").map((job) => job.id));
  const changed = ended !== null && [...now].some((id) => !ended.has(id));
  ended = now;
  part("running").hidden = !records.length && !jobs.length;
  const of = Object.fromEntries(
    jobs
      .filter((job) => job.kind === "replay")
      .map((job) => [job.name, job])
      .reverse(),
  );
  fill(
    part("running"),
    h("h2", {}, "Replays and drops"),
    h(
      "ul",
      { class: "lr-list" },
      jobs
        .filter((job) => job.kind === "drop")
        .map((job) =>
          h("li", {}, `Drop of ${job.name}: ${number(job.progress.dropped ?? 0)} dropped; ${told(job)} `, cancel(job)),
        ),
      records.slice(0, MOST_SHOWN).map((record) => {
        const job = of[record.what];
        return h(
          "li",
          {},
          `Replay of ${record.what}, begun ${moment(record.begun_ms)} by ${record.by}: ${number(record.replayed)} replayed; `,
          job && left(job),
          job
            ? `${told(job)}${leftOut(job.progress)} `
            : record.state === "running"
              ? "run elsewhere, or cut off: the same filter goes on with it"
              : record.state,
          job && cancel(job),
        );
      }),
    ),
  );
  return changed;
}

/** How far a running replay is. */
function left({ state, seconds, progress }) {
  if (state !== "running" || !progress.of || !progress.replayed) return "";
  const more = Math.max(0, progress.of - progress.replayed);
  return `${number(more)} to go, about ${span((more * seconds) / progress.replayed)}; `;
}

const told = (job) =>
  job.error ? `failed: ${job.error}` : job.stopping && job.state === "running" ? "stopping …" : job.state;

function leftOut({ stale, needs_edit, again }) {
  const parts = [
    stale && `${number(stale)} stale`,
    needs_edit && `${number(needs_edit)} that need an edit`,
    again && `${number(again)} that died again`,
  ];
  const text = parts.filter(Boolean).join(", ");
  return text && ` (left out: ${text})`;
}

const cancel = (job) =>
  job.state === "running" &&
  !job.stopping &&
  h(
    "button",
    { type: "button", class: "btn btn-sm btn-outline-secondary act", id: `cancel-${job.id}`, "data-job": job.id },
    "Cancel",
  );

part("running").addEventListener("click", ({ target }) => {
  if (target.dataset.job) act(() => post(`jobs/${target.dataset.job}/cancel`), "It stops at its next step");
});
