/** One user: the profile with the origin of each value, and the timeline by sessions. */

import * as api from "./api.js";
import { h, keyed } from "./dom.js";
import { eventHref, href } from "./route.js";
import { liveTable, value } from "./tables.js";
import { count, short, time, titleOf } from "./text.js";

const ORIGINS = { event: "sent with", enriched: "read from the request of" };

export class User {
  constructor() {
    this.title = h("h1", { tabindex: "-1" });
    this.facts = h("p", { class: "summary" });
    this.profile = liveTable("profile", "Profile", ["Property", "Value", "Origin"], ([name]) => name, profileCells);
    this.sessions = h("ol", { class: "sessions" });
    this.node = h(
      "div",
      { class: "sheet" },
      h("p", {}, h("a", { href: href(["users"]) }, "All users")),
      this.title,
      this.facts,
      h(
        "div",
        { class: "halves" },
        h("section", { "aria-labelledby": "profile" }, h("h2", { id: "profile" }, "Profile"), this.profile.node),
        h("section", { "aria-labelledby": "timeline" }, h("h2", { id: "timeline" }, "Timeline"), this.sessions),
      ),
    );
  }

  async open({ parts: [, uid], query: { si } }) {
    Object.assign(this, { uid, si });
    await this.refresh();
  }

  async refresh() {
    const { uid, si } = this;
    const user = await api.user(si, uid);
    if (uid === this.uid && si === this.si) this.show(user);
  }

  problem(message) {
    this.title.textContent = short(this.uid);
    this.facts.textContent = message;
    this.profile.refresh([]);
    this.sessions.replaceChildren();
  }

  show({ si, uid, profile, counters, sessions, timeline }) {
    this.title.textContent = short(profile.name?.value || profile.email?.value || profile.userId?.value || uid);
    this.facts.textContent = `uid ${short(uid)} in dataset ${short(si)}: ${count(counters.events, "event")} and ${count(counters.sessions, "session")} counted`;
    const origins = new Map(timeline.map((event) => [event.eid, titleOf(event)]));
    this.profile.refresh(
      Object.entries(profile).map(([name, entry]) => [name, { ...entry, title: origins.get(entry.eid) }]),
    );
    keyed(this.sessions, bySession(sessions, timeline), ({ key }) => key, sessionItem);
  }
}

function profileCells([name, entry]) {
  const event = h("a", { href: href(["events", entry.eid]) }, h("bdi", {}, short(entry.title ?? entry.eid, 60)));
  return [
    h("code", {}, name),
    value(entry.value),
    h("small", {}, `${ORIGINS[entry.from]} `, event, ` at ${time(entry.at_ms)}`),
  ];
}

/** The timeline cut into runs of one session, newest first. */
function bySession(sessions, timeline) {
  const known = new Map(sessions.map((session) => [session.sid, session]));
  const runs = [];
  for (const event of timeline) {
    if (runs.at(-1)?.sid !== event.sid)
      runs.push({ key: event.index, sid: event.sid, session: known.get(event.sid), events: [] });
    const run = runs.at(-1);
    run.key = event.index;
    run.events.push({
      ti: titleOf(event),
      at_ms: event.at_ms,
      href: eventHref(event),
      counted: event.counted,
      warnings: event.warnings.length,
    });
  }
  return runs;
}

function sessionItem({ sid, session, events }) {
  const span =
    session?.events > 1 &&
    `${time(session.start_ms)} to ${time(session.end_ms)}, ${count(session.events, "event")} counted`;
  return h(
    "li",
    {},
    h("h3", {}, "Session ", h("bdi", {}, short(sid, 60)), span && h("small", {}, span)),
    h("ol", {}, events.map(eventItem)),
  );
}

function eventItem(event) {
  return h(
    "li",
    {},
    h("time", { datetime: new Date(event.at_ms).toISOString() }, time(event.at_ms)),
    " ",
    h("a", { href: event.href }, h("bdi", {}, short(event.ti))),
    " ",
    event.warnings > 0 && h("span", { class: "mark warn" }, count(event.warnings, "warning")),
    " ",
    !event.counted && h("span", { class: "mark" }, "not counted"),
  );
}
