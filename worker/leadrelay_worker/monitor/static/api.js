/** Asking the monitor. Every call gives the parsed answer, or throws `Away` or `Refused`. */

/** Longest wait for an answer, ms. */
const PATIENCE_MS = 15000;

/** Nobody answers, or the broker behind the monitor does not. */
export class Away extends Error {}

/** The monitor answers, and says no; the message tells why. */
export class Refused extends Error {}

const prefix = document.getElementById("url_prefix").value.replace(/^\/+|\/+$/g, "");

/** The address of a path such as `delivery/state`. */
export const address = (path) => (prefix ? `/${prefix}/${path}` : `/${path}`);

export const get = (path) => call(path, { cache: "no-store" });

export const post = (path, body = {}) =>
  call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-XSRFToken": document.querySelector("[name=_xsrf]").value },
    body: JSON.stringify(body),
  });

async function call(path, options) {
  const { status, json } = await answered(address(path), options);
  if (status === 503) throw new Away(json?.error ?? "the broker does not answer");
  if (status >= 400) throw new Refused(json?.error ?? `the monitor answers ${status}`);
  if (json === undefined) throw new Refused("the monitor wants a login: load the page again");
  return json;
}

async function answered(path, options) {
  try {
    const response = await fetch(path, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
    return { status: response.status, json: parsed(await response.text()) };
  } catch (error) {
    throw new Away("the monitor does not answer", { cause: error });
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
