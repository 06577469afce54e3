/** The clock of a page: asks now and then, one question at a time, rests while nobody looks, says when data is old. */

import { Away, Refused } from "./api.js";
import { part } from "./dom.js";
import { span } from "./text.js";
import { say } from "./say.js";

const LONGEST_MS = 8000;
/** Data older than this is said to be old. */
const OLD_MS = 5000;

let fresh_at = 0;
let why = "";

/**
 * Start asking.
 * @param {function} ask asks for what is shown, and shows it.
 * @param {number} every_ms between an answer and the next question.
 * @returns {function} asks at once.
 */
export function poll(ask, every_ms) {
  let timer = 0;
  let failures = 0;
  let asking = false;
  let again = false;

  async function tick() {
    clearTimeout(timer);
    again = asking;
    if (asking || document.hidden) return;
    asking = true;
    let wait = every_ms;
    try {
      await ask();
      failures = 0;
      heard();
    } catch (error) {
      wait = Math.min(LONGEST_MS, every_ms * 2 ** failures++);
      missed(error.message);
      if (!(error instanceof Away || error instanceof Refused)) throw error;
    } finally {
      asking = false;
      timer = setTimeout(tick, again ? 0 : wait);
    }
  }

  document.addEventListener("visibilitychange", tick);
  tick();
  return tick;
}

function heard() {
  if (why) say("The monitor answers again");
  why = "";
  fresh_at = Date.now();
  show();
}

function missed(message) {
  if (!why) say(`The data is old: ${message}`);
  why = message;
  show();
}

function show() {
  const old = Date.now() - fresh_at;
  const state = why || old > OLD_MS ? "old" : "live";
  part("dot").className = `status-dot status-dot-${state === "live" ? "live" : "error"}`;
  part("page").dataset.state = state;
  const age = fresh_at ? `data of ${span(old / 1000)} ago` : "no data yet";
  part("fresh").textContent = state === "live" ? "live" : why ? `${age}: ${why}` : age;
}

setInterval(() => fresh_at && !document.hidden && show(), 1000);
