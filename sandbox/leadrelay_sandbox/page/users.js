/** The view "Users": search, newest activity first. */

import * as api from "./api.js";
import { h } from "./dom.js";
import { href, userHref } from "./route.js";
import { liveTable } from "./tables.js";
import { count, short, time } from "./text.js";

/** Users shown at first, and added by each "Show more". */
const STEP = 50;

export class Users {
  constructor(app) {
    Object.assign(this, { app, shown: STEP });
    this.input = h("input", {
      type: "search",
      id: "find-user",
      placeholder: "e-mail, userId, uid",
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.searched(),
    });
    this.summary = h("p", { class: "summary" });
    this.table = liveTable(
      "users",
      "Users, the last active first",
      ["User", "Ids", "Events", "Sessions", "Last event"],
      ({ si, uid }) => `${si} ${uid}`,
      cells,
    );
    this.more = h("button", { type: "button", hidden: true, onclick: () => this.extend() }, "Show more");
    this.node = h(
      "div",
      { class: "sheet" },
      h("h1", { tabindex: "-1" }, "Users"),
      h(
        "div",
        { class: "tools", role: "search", "aria-label": "Users" },
        h("label", { for: "find-user", class: "unseen" }, "Search users"),
        this.input,
        this.summary,
      ),
      this.table.node,
      this.more,
    );
  }

  async open({ query }) {
    this.input.value = query.find ?? this.input.value;
    await this.refresh();
  }

  async refresh() {
    const find = this.input.value.trim();
    const { total, users } = await api.users(find, 0, this.shown);
    if (find !== this.input.value.trim()) return;
    this.table.refresh(users);
    this.table.node.hidden = users.length === 0;
    this.summary.textContent = count(total, find ? "match" : "user").replace("matchs", "matches");
    this.more.hidden = total <= users.length;
  }

  searched() {
    history.replaceState(null, "", href(["users"], { find: this.input.value.trim() }));
    this.shown = STEP;
    this.app.act(() => this.refresh());
  }

  extend() {
    this.shown += STEP;
    this.app.act(() => this.refresh());
  }
}

function cells(user) {
  const called = user.name || user.email || user.userId || user.uid;
  const ids = [
    ["email", user.email],
    ["userId", user.userId],
    ["uid", user.uid],
  ].filter(([, id]) => id);
  return [
    h("a", { href: userHref(user.si, user.uid) }, h("bdi", {}, short(called, 80))),
    ids.map(([name, id]) => h("span", { class: "id" }, h("small", {}, name), " ", h("bdi", {}, short(id, 80)))),
    user.events.toLocaleString("en"),
    user.sessions.toLocaleString("en"),
    time(user.last_ms),
  ];
}
