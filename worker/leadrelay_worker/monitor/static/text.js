/** How values read: times, lengths, counts. Pure. */

const UNITS = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

/** Seconds as a person says them: "3.2 s", "2.0 h"; "–" when they are not known. */
export function span(seconds) {
  if (seconds == null) return "–";
  for (const [size, name] of UNITS) if (seconds >= size) return `${(seconds / size).toFixed(1)} ${name}`;
  return seconds > 0 && seconds < 0.1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(1)} s`;
}

/** A point in time, UTC, as the command line shows it. */
export const moment = (ms) => (ms ? `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")}Z` : "–");

/** How long ago. */
export const ago = (ms, now) => `${span(Math.max(0, now - ms) / 1000)} ago`;

export const number = (value) => (value == null ? "–" : value.toLocaleString("en"));

/** "1 event", "2 events". */
export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/** Events a second. */
export function rate(value) {
  if (value == null) return "–";
  return `${value >= 100 ? number(Math.round(value)) : value.toFixed(value >= 10 || value === 0 ? 0 : 1)}/s`;
}

/** A part in percent; what is not all is never shown as 100, and what is something never as 0. */
export function share(part) {
  if (part == null) return "–";
  const percent = part * 100;
  if (percent > 0 && percent < 0.05) return "<0.1%";
  return percent >= 99.95 && percent < 100 ? ">99.9%" : `${percent.toFixed(1)}%`;
}

/** Bytes. */
export const bytes = (value) => (value >= 1e9 ? `${(value / 1e9).toFixed(1)} GB` : `${(value / 1e6).toFixed(0)} MB`);

/** An attempt's outcome, for people. */
export const outcome = (text) => (text.endsWith("?") ? `${text.slice(0, -1)} (the endpoint may have it)` : text);
