// The service over HTTP. Every address is relative to the page, so that it works below a sub-path.
//
// Three things can go wrong with a request, and each has a class: the server says no (Refused), it
// wants a token first (Locked), or nobody answers (Away). Routes that an older server lacks answer
// null here, once and for all.

import { texts } from "./texts.js";
import { session } from "./session.js";

const ANSWER_MS = 20_000; // for an answer that carries no picture
const STALL_MS = 60_000; // for an upload of which nothing moves any more
const OUTPUT_NAME = /^[0-9a-f-]{36}\.(?:jpg|png)$/;

/** The server says no. `retryAfter` is in seconds, 0 where it names no time. */
export class Refused extends Error {
  constructor(sentence, { status, code = "", retryAfter = 0 }) {
    super(sentence);
    Object.assign(this, { status, code, retryAfter });
  }
}

/** The server wants a token first; the message is its own sentence. */
export class Locked extends Refused {}

/** Nobody answers, or only a proxy in front of a server that is away. */
export class Away extends Error {}

/** The file on this device is gone or may not be read any more. */
export class Unreadable extends Error {}

function authorization() {
  return session.token ? { Authorization: `Bearer ${session.token}` } : {};
}

/** What an answer that isn't a success means, as one of the classes above. */
function problem(status, retryAfterText, body) {
  let said = {};
  try {
    said = JSON.parse(body) ?? {};
  } catch {
    // Not ours: a proxy's page, or nothing at all.
  }
  const about = { status, code: said.code, retryAfter: Number.parseInt(retryAfterText, 10) || 0 };
  if (said.error && status === 401) return new Locked(said.error, about);
  if (said.error) return new Refused(said.error, about);
  if ([0, 502, 503, 504].includes(status)) return new Away();
  if (status === 413) return new Refused(texts.proxyTooLarge, about);
  return new Refused(texts.oddAnswer(status), about);
}

async function request(path, { method = "GET", headers = {}, ms = ANSWER_MS } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { ...authorization(), ...headers },
      signal: ms ? AbortSignal.timeout(ms) : undefined,
    });
  } catch {
    throw new Away();
  }
  if (response.ok) return response;
  const body = await response.text().catch(() => "");
  throw problem(response.status, response.headers.get("Retry-After"), body);
}

async function json(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch {
    throw new Away(); // the connection broke in the middle of an answer
  }
}

const lacking = new Set();

/** The JSON of a route that not every server has; null where it is lacking. */
async function optional(route, path) {
  if (lacking.has(route)) return null;
  try {
    return await json(path);
  } catch (error) {
    if (error instanceof Refused && error.code === "not_found") {
      lacking.add(route);
      return null;
    }
    throw error;
  }
}

export const limits = () => json("web/limits.json");
export const models = () => optional("models", "v1/models");
export const details = (id) => optional("details", `v1/jobs/${id}/details`);
export const alive = () => request("healthz");
export const remove = (id) => request(`v1/jobs/${id}`, { method: "DELETE" });

/** The job as a poll tells it. Without `Prefer: wait`, which would hold back a job's progress. */
export const job = (id) => json(`v1/jobs/${id}`);

/** The address of a result on this server, whatever host its `result_url` names. */
export function outputPath(resultUrl) {
  const name = String(resultUrl).split("/").pop();
  if (!OUTPUT_NAME.test(name)) throw new Refused(texts.oddAnswer("result_url"), { status: 200 });
  return `outputs/${name}`;
}

export const beforePath = (id) => `v1/jobs/${id}/before`;

/** What an <img> can show: the path itself, or, where a token is asked for, a blob of it. */
export async function picture(path) {
  return session.token ? URL.createObjectURL(await blob(path)) : path;
}

/** The bytes behind a path. */
export async function blob(path) {
  const response = await request(path, { ms: 0 });
  try {
    return await response.blob();
  } catch {
    throw new Away();
  }
}

/** Send a photo; the new job's id. `sent(fraction)` hears how much of the file has left.
 *
 * `key` is the upload's Idempotency-Key: a server that knows it makes one job of all tries.
 */
export function create(file, settings, { key, sent, signal }) {
  const form = new FormData();
  form.append("strength", String(settings.strength));
  form.append("upscale", String(settings.upscale));
  if (settings.model) form.append("model_id", settings.model);
  form.append("image", file, file.name);

  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    let stalled;
    const watch = () => {
      clearTimeout(stalled);
      stalled = setTimeout(() => xhr.abort(), STALL_MS);
    };
    const settle = (error, id) => {
      clearTimeout(stalled);
      signal.removeEventListener("abort", abort);
      if (error) reject(error);
      else resolve(id);
    };
    const abort = () => xhr.abort();
    signal.addEventListener("abort", abort);
    xhr.upload.onprogress = (event) => {
      watch();
      if (event.lengthComputable) sent(event.loaded / event.total);
    };
    xhr.onload = () => settle(...answered(xhr));
    xhr.onabort = () => settle(signal.aborted ? signal.reason : new Away());
    xhr.onerror = () => readable(file).then((ok) => settle(ok ? new Away() : new Unreadable()));
    xhr.open("POST", "v1/restore");
    xhr.setRequestHeader("Idempotency-Key", key);
    for (const [name, value] of Object.entries(authorization())) xhr.setRequestHeader(name, value);
    watch();
    xhr.send(form);
  });
}

/** An upload's answer, as [error, id]. */
function answered(xhr) {
  if (xhr.status !== 201) {
    return [problem(xhr.status, xhr.getResponseHeader("Retry-After"), xhr.responseText)];
  }
  try {
    return [null, JSON.parse(xhr.responseText).job_id];
  } catch {
    return [new Refused(texts.oddAnswer(xhr.status), { status: xhr.status })];
  }
}

/** Whether the browser can still read the file: an upload that fails doesn't say why. */
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
