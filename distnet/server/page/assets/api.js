// Requests to the server that the page came from, and to no other.

const BASE = new URL("api/v1/", document.baseURI);
const TIMEOUT_MS = 15_000;
const SLOW_MS = 180_000;

// The server refused a request.
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// There was no response, or not one of the server.
export class Unreachable extends Error {}

export class Api {
  #token;
  #ahead = 0;

  constructor(token) {
    this.#token = token;
  }

  get(path, query, signal) {
    return this.#request("GET", path, { query, signal });
  }

  // What the server has to compute first.
  slow(path) {
    return this.#request("GET", path, { patience: SLOW_MS });
  }

  post(path, body) {
    return this.#request("POST", path, { body });
  }

  remove(path) {
    return this.#request("DELETE", path, {});
  }

  // The server's time in seconds: this machine's clock may be wrong.
  now() {
    return Date.now() / 1000 + this.#ahead;
  }

  async #request(method, path, { query, body, signal, patience = TIMEOUT_MS }) {
    const timeout = AbortSignal.timeout(patience);
    const response = await reached(signal, () =>
      fetch(address(path, query), {
        method,
        headers: this.#headers(body),
        body: body && JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      }),
    );
    this.#setClock(response);
    const content = response.status === 204 ? null : await reached(signal, () => response.json());
    if (response.ok) return content;
    throw new Refusal(response.status, content?.error?.code ?? "", content?.error?.message ?? "");
  }

  #headers(body) {
    const token = { authorization: `Bearer ${this.#token}` };
    return body ? { ...token, "content-type": "application/json" } : token;
  }

  #setClock(response) {
    const date = Date.parse(response.headers.get("date") ?? "");
    const ahead = (date - Date.now()) / 1000;
    // The header has whole seconds, so a small difference means nothing.
    if (Number.isFinite(ahead)) this.#ahead = Math.abs(ahead) > 3 ? ahead : 0;
  }
}

// Any text as a part of a path.
export function part(text) {
  return encodeURIComponent(text);
}

async function reached(signal, request) {
  try {
    return await request();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Unreachable(String(error.message ?? error), { cause: error });
  }
}

function address(path, query) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value != null && value !== "") url.searchParams.set(name, value);
  }
  return url;
}
