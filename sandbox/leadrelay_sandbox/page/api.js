/** The sandbox's control API. Every call gives the parsed answer, or throws `Away` or `Refused`. */

/** Longest wait for an answer, ms. */
const PATIENCE_MS = 5000;

/** Nobody answers. */
export class Away extends Error {}

/** The sandbox answers, and says no; the message tells why. */
export class Refused extends Error {}

export const stats = () => call("GET", "stats");
export const counters = () => call("GET", "counters");
export const parameters = () => call("GET", "parameters");
export const newestEvents = (most) => call("GET", "events", { last: most });
export const eventsFrom = (index, most) => call("GET", "events", { since: index, limit: most });
export const eventsOf = (eid) => call("GET", "events", { eid });
export const newestBad = (most) => call("GET", "bad", { last: most });
export const badFrom = (index, most) => call("GET", "bad", { since: index, limit: most });
export const users = (find, offset, limit) => call("GET", "users", { find, offset, limit });
export const user = (si, uid) => call("GET", `users/${encodeURIComponent(uid)}`, { si });
export const faults = () => call("GET", "faults");
export const setFaults = (rules) => call("PUT", "faults", {}, { rules });
export const switches = () => call("GET", "switches");
export const setSwitch = (name, value) => call("PUT", "switches", {}, { switches: { [name]: value } });
export const clear = () => call("DELETE", "events");

/** Send an event as an application would. */
export async function track(params) {
  try {
    await fetch("/", { method: "POST", body: new URLSearchParams(params), signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new Away("the event got no answer", { cause: error });
  }
}

async function call(method, path, query = {}, body = undefined) {
  const asked = new URLSearchParams(query).toString();
  const response = await answered(path + (asked && `?${asked}`), {
    method,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
    cache: "no-store",
  });
  if (!response.ok) throw new Refused(response.json?.error ?? `the sandbox answers ${response.status}`);
  if (response.json === undefined) throw new Refused(`the sandbox cannot be asked for ${path}`);
  return response.json;
}

async function answered(path, options) {
  try {
    const response = await fetch(path, options);
    const text = await response.text();
    return { ok: response.ok, status: response.status, json: parsed(text) };
  } catch (error) {
    throw new Away(`no answer from ${location.host}`, { cause: error });
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
