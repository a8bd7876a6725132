// Everything that the page asks of the gateway, with whose key and for which user.

const KEY = "memory-gateway.key";
const USER = "memory-gateway.user";

/** An answer that is an error: its status, and what the gateway says of it. */
export class ApiError extends Error {
  constructor(status, message, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const session = {
  get key() { return sessionStorage.getItem(KEY) ?? ""; },
  set key(value) { value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY); },
  get user() { return sessionStorage.getItem(USER) ?? "default"; },
  set user(value) { sessionStorage.setItem(USER, value || "default"); },
};

/** Ask, as this session's user. `json` is a body to send. Throws ApiError for what is no success. */
export async function ask(method, path, { json, body, headers = {}, signal } = {}) {
  const all = { "x-user-id": encoded(session.user), ...headers };
  if (session.key) all.authorization = `Bearer ${session.key}`;
  if (json !== undefined) {
    all["content-type"] = "application/json";
    body = JSON.stringify(json);
  }
  let response;
  try {
    response = await fetch(path, { method, headers: all, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The gateway does not answer.");
  }
  if (!response.ok) throw await failure(response);
  return response;
}

/** What a call answers, read from JSON. */
export async function get(path, options) {
  return (await ask("GET", path, options)).json();
}

export async function send(method, path, json) {
  const response = await ask(method, path, { json });
  return response.status === 204 ? null : response.json();
}

/** The path with what is given of these in its query. */
export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** The events of a stream, one after the other: `{event, data}`, data as it was written. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = "message";
  let data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length) yield { event, data: data.join("\n") };
          event = "message";
          data = [];
        } else if (line.startsWith("data:")) {
          data.push(line.slice(5).replace(/^ /, ""));
        } else if (line.startsWith("event:")) {
          event = line.slice(6).trim();
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function failure(response) {
  let message = `The gateway answered with ${response.status}.`;
  let code;
  try {
    const { error } = await response.json();
    message = error.message ?? message;
    code = error.code;
  } catch {
    // not in its own shape: a proxy in between
  }
  return new ApiError(response.status, message, code);
}

// A header holds bytes of Latin-1; the gateway reads them as UTF-8, as other clients send them.
function encoded(text) {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
