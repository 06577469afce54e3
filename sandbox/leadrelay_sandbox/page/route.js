/** Addresses within the page: `#/events/EID/INDEX`, `#/users/UID?si=SI`. Pure, apart from reading the location. */

/** Give the address of parts and query, as an href. */
export function href(parts, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${asked && `?${asked}`}`;
}

/** Read the present address: `{parts, query}`; one that cannot be read is the start. */
export function here() {
  const [path, asked] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { parts: path.split("/").filter(Boolean).map(decoded), query: Object.fromEntries(new URLSearchParams(asked)) };
}

export const eventHref = (event) => href(["events", event.eid, event.index]);
export const badHref = (bad) => href(["bad", bad.index]);
export const userHref = (si, uid) => href(["users", uid], { si });

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
