// Asks the server that the page came from, and no other.

const BASE = new URL("api/v1/", document.baseURI);
const LONGEST_MS = 15_000;

// The server answered that it does not do this.
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// There was no answer, or none of the server's.
export class Unreachable extends Error {}

export class Api {
  #token;
  #ahead = 0;

  constructor(token) {
    this.#token = token;
  }

  get(path, query, signal) {
    return this.#ask("GET", path, { query, signal });
  }

  post(path, body) {
    return this.#ask("POST", path, { body });
  }

  remove(path) {
    return this.#ask("DELETE", path, {});
  }

  // The time by the server's clock, in seconds: this machine's may be wrong.
  now() {
    return Date.now() / 1000 + this.#ahead;
  }

  async #ask(method, path, { query, body, signal }) {
    const late = AbortSignal.timeout(LONGEST_MS);
    const response = await reached(signal, () =>
      fetch(address(path, query), {
        method,
        headers: this.#headers(body),
        body: body && JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, late]) : late,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      }),
    );
    this.#setClock(response);
    const said = response.status === 204 ? null : await reached(signal, () => response.json());
    if (response.ok) return said;
    throw new Refusal(response.status, said?.error?.code ?? "", said?.error?.message ?? "");
  }

  #headers(body) {
    const token = { authorization: `Bearer ${this.#token}` };
    return body ? { ...token, "content-type": "application/json" } : token;
  }

  #setClock(response) {
    const date = Date.parse(response.headers.get("date") ?? "");
    const ahead = (date - Date.now()) / 1000;
    // The header counts whole seconds, so a small difference says nothing.
    if (Number.isFinite(ahead)) this.#ahead = Math.abs(ahead) > 3 ? ahead : 0;
  }
}

// A part of a path that may be any text.
export function part(text) {
  return encodeURIComponent(text);
}

async function reached(signal, ask) {
  try {
    return await ask();
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
