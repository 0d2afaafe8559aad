// Where one is: the part of the address after `#`, and the token that may have come with it.

const KEPT = "distnet-token";

// Takes the token out of the address, if one came with it, and keeps it.
export function takeToken() {
  const given = /^#token=([^&]+)/.exec(location.hash);
  if (!given) return null;
  history.replaceState(null, "", "#/");
  keepToken(decoded(given[1]));
  return keptToken();
}

// The token stays with this tab, until it is closed.
export function keptToken() {
  return sessionStorage.getItem(KEPT);
}

export function keepToken(token) {
  sessionStorage.setItem(KEPT, token);
}

export function dropToken() {
  sessionStorage.removeItem(KEPT);
}

// `#/jobs/digits-1?state=open` as its parts and its query.
export function readPlace(hash = location.hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { parts, query: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

export function link(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const path = parts.map(encodeURIComponent).join("/");
  return `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

// Writes other settings of the same view into the address, without a step in the history.
export function notePlace(parts, query) {
  history.replaceState(null, "", link(parts, query));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
