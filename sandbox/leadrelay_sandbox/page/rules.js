/** Fault rules: the usual ones, how one reads, how one is read from the form. Pure. */

import { seconds } from "./text.js";

/** What a developer wants to see often: text of the button, rule. */
export const USUAL = [
  ["503 for 30 s", { status: 503, for_s: 30 }],
  ["429, Retry-After 5 s, for 30 s", { status: 429, retry_after: 5, for_s: 30 }],
  ["Slow: 3 s each, for 60 s", { delay_s: 3, for_s: 60 }],
  ["Half of all fail, for 60 s", { status: 500, share: 0.5, for_s: 60 }],
  ["Cut before taken, for 30 s", { drop: "before", for_s: 30 }],
  ["Cut after taken, for 30 s", { drop: "after", for_s: 30 }],
  ["A login page, for 30 s", { status: 200, body: "<!doctype html><title>Log in</title>", for_s: 30 }],
  ["Reject all (400), for 30 s", { status: 400, for_s: 30 }],
];

const NUMBERS = new Set(["status", "share", "for_s", "retry_after", "delay_s"]);

/** Tell in words what a rule does. */
export function describe(rule) {
  const parts = [
    rule.share < 1 && `${Math.round(rule.share * 100)}% of requests`,
    rule.ti && `titled ${rule.ti}`,
    rule.si && `of dataset ${rule.si}`,
    rule.delay_s > 0 && `answered after ${seconds(rule.delay_s)}`,
    rule.drop && `cut ${rule.drop} the event is taken`,
    rule.status && `answered ${rule.status}`,
    rule.retry_after != null && `Retry-After ${seconds(rule.retry_after)}`,
    rule.body != null && `body “${rule.body}”`,
  ].filter(Boolean);
  return `${parts.join(", ") || "no effect"}; ${rule.for_s == null ? "until switched off" : `${seconds(rule.for_s)} left`}`;
}

/** Read a rule from the form's data; the share is given in percent. */
export function read(data) {
  const given = [...data]
    .filter(([, text]) => text !== "")
    .map(([name, text]) => [name, NUMBERS.has(name) ? Number(text) : text]);
  const rule = Object.fromEntries(given);
  return { ...rule, share: rule.share / 100 };
}
