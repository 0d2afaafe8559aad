// The route: the part of the address after `#`, and the token that may be in it.

const TOKEN_KEY = "distnet-token";

// Moves a token from the address to the storage of the tab; null if there is none.
export function takeToken() {
  const given = /^#token=([^&]+)/.exec(location.hash);
  if (!given) return null;
  history.replaceState(null, "", "#/");
  keepToken(decoded(given[1]));
  return keptToken();
}

// The token is stored until the tab is closed.
export function keptToken() {
  return sessionStorage.getItem(TOKEN_KEY);
}

export function keepToken(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}

export function dropToken() {
  sessionStorage.removeItem(TOKEN_KEY);
}

// `#/jobs/digits-1?state=open` as its parts and its query.
export function readRoute(hash = location.hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { parts, query: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

export function link(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const path = parts.map(encodeURIComponent).join("/");
  return `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

// Replaces the query in the address, without a new entry in the history.
export function replaceRoute(parts, query) {
  history.replaceState(null, "", link(parts, query));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
