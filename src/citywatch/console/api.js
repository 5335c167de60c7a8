// The public API and nothing else. The token lives in this tab only.

import { t } from "./words.js";

const KEPT = "citywatch.token";
const SILENCE_MS = 45_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

let token = sessionStorage.getItem(KEPT) || "";
let onLost = () => {};

export class Problem extends Error {
  constructor(status, document) {
    super(document?.detail || t("problem_unreadable", { status }));
    this.status = status;
    this.document = document || {};
  }
}

export function hasToken() {
  return token !== "";
}

export function setToken(value) {
  token = value.trim();
  if (token) sessionStorage.setItem(KEPT, token);
  else sessionStorage.removeItem(KEPT);
}

/** Called when the token is no longer taken. */
export function whenSignedOut(callback) {
  onLost = callback;
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      ...options,
      headers: { Authorization: `Bearer ${token}`, ...options.headers },
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: t("problem_unreachable") });
  }
  if (answer.ok) return answer;
  let document = null;
  try { document = await answer.json(); } catch { /* not ours; the status has to do */ }
  if (answer.status === 401) onLost();
  throw new Problem(answer.status, document);
}

export async function get(path, query = {}) {
  const wanted = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const tail = wanted.length ? `?${new URLSearchParams(wanted)}` : "";
  return (await ask(`/api/v1/${path}${tail}`)).json();
}

/** A word for one command: said again with the same word, it is done once. */
export function word() {
  return crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
}

/** A command: the new state, or null when it is written down but not decided yet. `key`: keep it to try again. */
export async function command(path, body, { method = "POST", key = word() } = {}) {
  const answer = await ask(`/api/v1/${path}`, {
    method,
    headers: { "Idempotency-Key": key, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return answer.status === 202 ? null : answer.json();
}

/** Send bytes as they are; the answer, also of a command that is not decided yet. */
export async function upload(path, blob, key) {
  const headers = { "Content-Type": blob.type || "application/octet-stream", "Idempotency-Key": key };
  return (await ask(`/api/v1/${path}`, { method: "POST", headers, body: blob })).json();
}

/** An evidence picture as an address for <img>; release it with URL.revokeObjectURL. */
export async function picture(hash) {
  return local(`objects/${encodeURIComponent(hash)}`);
}

/** The same by its whole path: pictures of tickets are for crews, too. */
export async function local(path) {
  const answer = await ask(`/api/v1/${path}`);
  return URL.createObjectURL(await answer.blob());
}

/** All pages of a list, at most `most` rows. */
export async function all(path, query, most = 2000) {
  const found = [];
  let cursor = null;
  do {
    const page = await get(path, { ...query, cursor, limit: 500 });
    found.push(...page.items);
    cursor = page.next;
  } while (cursor && found.length < most);
  return found;
}

/** Server-sent events over fetch: an EventSource cannot carry a token in a header. Reconnects and resumes by itself. */
export class Live {
  constructor({ onEvent, onState }) {
    this.onEvent = onEvent;
    this.onState = onState;
    this.last = null;
    this.stopped = false;
    this.abort = null;
  }

  async run() {
    let pause = FIRST_PAUSE_MS;
    while (!this.stopped) {
      this.onState("connecting");
      try {
        await this.read(() => { pause = FIRST_PAUSE_MS; });
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return;
      }
      if (this.stopped) return;
      this.onState("lost");
      await new Promise((done) => setTimeout(done, pause * (0.75 + Math.random() / 2)));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  stop() {
    this.stopped = true;
    this.abort?.abort();
  }

  async read(onOpen) {
    this.abort = new AbortController();
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => this.abort.abort(), SILENCE_MS);
    };
    try {
      heard();
      const headers = this.last === null ? {} : { "Last-Event-ID": String(this.last) };
      const answer = await ask("/api/v1/live/alerts", { headers, signal: this.abort.signal });
      onOpen();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        heard();
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        for (const part of parts) await this.take(part);
      }
    } finally {
      clearTimeout(watchdog);
      this.abort.abort();
    }
  }

  async take(text) {
    const fields = {};
    for (const line of text.split("\n")) {
      const at = line.indexOf(": ");
      if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
    }
    if (!fields.event) return;
    await this.onEvent(fields.event, JSON.parse(fields.data));
    if (fields.id) this.last = Number(fields.id);
    this.onState("live");
  }
}
