/** What arrived, good and bad, newest first: the part of it that a list shows. The whole event stays at the sandbox. */

import * as api from "./api.js";
import { badHref, eventHref } from "./route.js";
import { short, titleOf, whoOf } from "./text.js";

/** Rows kept in the page. */
export const KEPT = 2000;
/** Most events taken at once; further behind than that, the page goes on with the newest. */
const STEP = 1000;
/** Characters of an event that the filter looks at. */
const SEARCHED = 10_000;

export class Feed {
  constructor() {
    this.rows = [];
    this.sources = [
      new Source(api.newestEvents, api.eventsFrom, goodRow),
      new Source(api.newestBad, api.badFrom, badRow),
    ];
  }

  /** Take what is new. */
  async pull() {
    const changed = await Promise.all(this.sources.map((source) => source.pull()));
    if (!changed.includes(true)) return;
    const rows = this.sources.flatMap((source) => source.rows);
    this.rows = rows.sort((a, b) => b.at_ms - a.at_ms || b.index - a.index).slice(0, KEPT);
  }
}

/** One list of the sandbox, read from where the last reading ended. */
class Source {
  constructor(newest, from, row) {
    Object.assign(this, { newest, from, row, rows: [], last: null });
  }

  /**
   * Take new rows; tells whether anything changed. When the list no longer has what was read last where it was, the
   * sandbox was cleared, or started anew, or went on faster than the page: then earlier rows do not count any more.
   */
  async pull() {
    if (!this.last) return this.take(await this.newest(KEPT), []);
    const [first, ...found] = await this.from(this.last.index, STEP);
    if (first && same(first, this.last) && found.length < STEP - 1) return this.take(found, this.rows);
    this.last = null;
    return this.take(await this.newest(KEPT), []);
  }

  take(found, earlier) {
    const before = this.rows.length;
    this.last = found.at(-1) ?? this.last;
    this.rows = [...found.map(this.row).reverse(), ...earlier].slice(0, KEPT);
    return found.length > 0 || this.rows.length !== before;
  }
}

const same = (a, b) => a.index === b.index && a.at_ms === b.at_ms && a.eid === b.eid;

function goodRow(event) {
  const pairs = Object.entries(event.params);
  const text = [event.ti, event.eid, event.uid, event.sid, ...pairs.map(([name, value]) => `${name}=${value}`)].join(
    "\n",
  );
  return {
    key: `event ${event.index} ${event.at_ms}`,
    kind: "good",
    index: event.index,
    at_ms: event.at_ms,
    href: eventHref(event),
    title: short(titleOf(event)),
    who: short(whoOf(event)),
    preview: preview(event, pairs),
    duplicate: event.duplicate,
    counted: event.counted,
    warnings: event.warnings.length,
    searched: searched(text),
  };
}

function badRow(bad) {
  return {
    key: `bad ${bad.index} ${bad.at_ms}`,
    kind: "bad",
    index: bad.index,
    at_ms: bad.at_ms,
    href: badHref(bad),
    title: short(bad.reason),
    who: short(bad.line),
    preview: "",
    status: bad.status,
    searched: searched(`${bad.status} ${bad.reason}\n${bad.line}`),
  };
}

const SHOWN_ELSEWHERE = new Set(["si", "ti", "eid", "uid", "sid", "proxy"]);

function preview(event, pairs) {
  const shown = pairs.filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && value !== whoOf(event));
  return short(shown.map(([name, value]) => `${name}=${short(value, 60)}`).join("  "));
}

const searched = (text) => text.slice(0, SEARCHED).toLowerCase();
