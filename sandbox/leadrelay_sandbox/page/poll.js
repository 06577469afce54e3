/** The clock of the page: asks the sandbox each second, rests while nobody looks, backs off while it is away. */

import { Away, Refused } from "./api.js";

const EVERY_MS = 1000;
const LONGEST_MS = 8000;

/**
 * Start asking.
 * @param {function} ask asks for all that is shown; rejects with `Away` or `Refused` when the sandbox does not answer as it should.
 * @param {function} tell gets the state of the connection: `live`, or `away` with the ms until the next try.
 * @returns {function} asks at once.
 */
export function poll(ask, tell) {
  let timer = 0;
  let failures = 0;
  let asking = false;
  let again = false;

  async function tick() {
    clearTimeout(timer);
    again = asking;
    if (asking || document.hidden) return;
    asking = true;
    let wait = EVERY_MS;
    try {
      await ask();
      failures = 0;
      tell("live");
    } catch (error) {
      wait = Math.min(LONGEST_MS, EVERY_MS * 2 ** failures++);
      tell("away", wait);
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
