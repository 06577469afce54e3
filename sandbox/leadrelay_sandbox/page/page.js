/** The page of the sandbox: views by address, one clock, one feed. */

import * as api from "./api.js";
import { Counters } from "./counters.js";
import { Events } from "./events.js";
import { Faults } from "./faults.js";
import { Feed } from "./feed.js";
import { say, showConnection, showFaults, showPlace, showStats } from "./header.js";
import { poll } from "./poll.js";
import { here } from "./route.js";
import { Switches } from "./switches.js";
import { User } from "./user.js";
import { Users } from "./users.js";

/** Views by the first part of the address; `users` with a second part is one user. */
const VIEWS = {
  events: Events,
  bad: Events,
  users: Users,
  user: User,
  counters: Counters,
  faults: Faults,
  switches: Switches,
};
const TITLES = {
  events: "Events",
  bad: "Events",
  users: "Users",
  user: "User",
  counters: "Counters",
  faults: "Faults",
  switches: "Switches",
};

/** What views share. `act` does something at the sandbox, says so, and asks at once for what came of it. */
const app = { feed: new Feed(), rules: [], meanings: new Map(), live: false, act };
const views = new Map();
const main = document.getElementById("main");
let view = null;
let unopened = true;
let left = "";

const ask = poll(
  async () => {
    if (!app.meanings.size) app.meanings = new Map((await api.parameters()).parameters.map((one) => [one.name, one]));
    const [stats, faults] = await Promise.all([api.stats(), api.faults(), app.feed.pull()]);
    app.live = true;
    app.rules = faults.rules;
    showStats(stats);
    showFaults(app.rules, () => app.act(() => api.setFaults([]), "Faults off"));
    if (unopened) await navigate();
    await refused(() => view.refresh());
  },
  (state, wait) => {
    app.live = state === "live";
    showConnection(state, wait);
  },
);

/** Show the view of the present address; one that nobody answers for is tried again when the sandbox is back. */
async function navigate() {
  const route = here();
  const name = nameOf(route);
  show(viewOf(VIEWS[name]));
  showPlace({ bad: "events", user: "users" }[name] ?? name);
  document.title = `${TITLES[name]} · leadrelay sandbox`;
  unopened = true;
  await refused(() => view.open(route));
  unopened = false;
}

function nameOf({ parts: [first = "events", second] }) {
  const name = first === "users" && second ? "user" : first;
  return Object.hasOwn(VIEWS, name) ? name : "events";
}

/** Give the one view of a class; it stays in the page, so that it is found again as it was left. */
function viewOf(View) {
  if (!views.has(View)) {
    views.set(View, new View(app));
    main.append(views.get(View).node);
  }
  return views.get(View);
}

function show(chosen) {
  view = chosen;
  for (const one of views.values()) one.node.hidden = one !== chosen;
}

/** Let a view say itself what the sandbox refused. */
async function refused(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof api.Refused)) throw error;
    view.problem ? view.problem(error.message) : say(error.message);
  }
}

async function moved() {
  const from = left;
  left = location.hash;
  try {
    await navigate();
    if (view.focus) view.focus(from);
    else view.node.querySelector("h1").focus();
  } catch (error) {
    if (!(error instanceof api.Away)) throw error;
    view.problem?.("The sandbox is away. This is shown when it is back.");
    ask();
  }
}

async function act(work, said) {
  try {
    await work();
    if (said) say(said);
  } catch (error) {
    if (!(error instanceof api.Refused || error instanceof api.Away)) throw error;
    say(error.message);
  }
  await ask();
}

left = location.hash;
window.addEventListener("hashchange", moved);
document.getElementById("retry").addEventListener("click", ask);
