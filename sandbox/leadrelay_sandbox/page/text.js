/** How values read: times, counts, names. Pure. */

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** A value longer than this many characters is cut in lists. */
const LIST_LENGTH = 200;

/** Time of day with milliseconds, the date before it unless that is today. */
export function time(ms, now = Date.now()) {
  const at = new Date(ms);
  const clock = `${CLOCK.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  return at.toDateString() === new Date(now).toDateString() ? clock : `${DAY.format(at)} ${clock}`;
}

/** "1 event", "2 events". */
export const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** The start of a text that may be of any length. */
export const short = (text, most = LIST_LENGTH) => (text.length > most ? `${text.slice(0, most)}…` : text);

/** Seconds as a person says them: "40 s", "2 min 5 s". */
export function seconds(number) {
  const whole = Math.ceil(number);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
}

/** What an event is called. */
export const titleOf = (event) => event.ti || "NO TITLE";

/** What a person calls the user of an event. */
export const whoOf = ({ params, uid }) => params.email || params.userId || uid;

/** Why an event moved no counter; null when it did. */
export function uncounted(event) {
  if (event.counted) return null;
  if (event.duplicate) return "its id arrived before";
  if (event.proxy)
    return "proxy is set, so counters stay, and browser, platform and place are not read from the request";
  if (event.params.increment === "false") return "increment=false";
  return "the sandbox was told so by a switch";
}
