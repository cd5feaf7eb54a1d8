// HTTP to the box. A lost answer is retried with the same Idempotency-Key, so a double tap, a pulled cable or a
// restart of the daemon never places or pays twice.
import { signal } from "@preact/signals";
import type { Problem, Text } from "./types";
import { recallFromSession, rememberForSession } from "./token";

/** Whether the box answered the last request. */
export const reachable = signal(true);

/** The box's clock minus this screen's, in milliseconds; taken from the `Date` header (whole seconds). */
export const clockOffset = signal(0);

export function boxNow(): number {
  return Date.now() + clockOffset.value;
}

export class Refusal extends Error {
  readonly slug: string;
  readonly status: number;
  readonly guestMessage: Text | null;
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.title || problem.slug);
    this.slug = problem.slug;
    this.status = problem.status;
    this.guestMessage = problem.message ?? null;
    this.problem = problem;
  }
}

/** No definite answer came: the act may or may not have happened. Trying again repeats the same intent. */
export class Unreachable extends Error {}

const REQUEST_LIMIT_MS = 15_000;
const RETRY_LIMIT_MS = 60_000;

export class Client {
  constructor(readonly base: string, readonly token: string | null, private readonly scope: string) {}

  headers(): Record<string, string> {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }

  async get<T>(path: string): Promise<T> {
    return (await (await this.send("GET", path)).json()) as T;
  }

  async text(path: string): Promise<string> {
    return (await this.send("GET", path)).text();
  }

  /** A question that changes nothing: asked once, without a key. */
  async ask<T>(path: string, body: unknown): Promise<T> {
    return (await (await this.send("POST", path, JSON.stringify(body))).json()) as T;
  }

  /** An act that is never tried again by itself. */
  async once<T>(path: string, body: unknown): Promise<T> {
    return (await (await this.send("POST", path, JSON.stringify(body), uuid())).json()) as T;
  }

  private readonly running = new Map<string, Promise<unknown>>();

  /** One act of a person. The same act with the same body shares one key until the box has answered for good. */
  post<T>(intent: string, path: string, body: unknown): Promise<T> {
    const text = JSON.stringify(body);
    const id = `${intent} ${path} ${text}`;
    const going = this.running.get(id);
    if (going) return going as Promise<T>;
    const started = this.settle<T>(id, path, text).finally(() => this.running.delete(id));
    this.running.set(id, started);
    return started;
  }

  /** Resolves when no act is under way any more, however each of them ended. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.running.values());
  }

  private async settle<T>(id: string, path: string, text: string): Promise<T> {
    const slot = `galley.${this.scope}.intent ${id}`;
    let key = recallFromSession(slot);
    if (!key) {
      key = uuid();
      rememberForSession(slot, key);
    }
    const until = performance.now() + RETRY_LIMIT_MS;
    for (let wait = 400; ; wait = Math.min(wait * 2, 4000)) {
      try {
        const answer = await this.send("POST", path, text, key);
        const value = (await answer.json()) as T;
        rememberForSession(slot, null);
        return value;
      } catch (error) {
        if (error instanceof Refusal) {
          rememberForSession(slot, null);
          throw error;
        }
        if (performance.now() + wait > until) throw error;
        await delay(wait);
      }
    }
  }

  private async send(method: string, path: string, body?: string, key?: string): Promise<Response> {
    const headers: Record<string, string> = this.headers();
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key !== undefined) headers["Idempotency-Key"] = key;
    let answer: Response;
    try {
      answer = await fetch(this.base + path, {
        method,
        headers,
        cache: "no-store",
        signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      reachable.value = false;
      throw new Unreachable(String(error));
    }
    noteClock(answer);
    if (answer.ok) {
      reachable.value = true;
      return answer;
    }
    const problem = await readProblem(answer);
    if (!problem || problem.slug === "internal") {
      // A gateway's or a dying daemon's answer says nothing about what became of the act.
      if (answer.status >= 500) {
        reachable.value = false;
        throw new Unreachable(`status ${answer.status}`);
      }
    }
    reachable.value = true;
    throw new Refusal(problem ?? { slug: "invalid", title: answer.statusText, status: answer.status });
  }
}

async function readProblem(answer: Response): Promise<Problem | null> {
  try {
    const body = (await answer.json()) as Problem;
    return typeof body.slug === "string" ? body : null;
  } catch {
    return null;
  }
}

function noteClock(answer: Response): void {
  const date = Date.parse(answer.headers.get("Date") ?? "");
  if (Number.isNaN(date)) return;
  const offset = date - Date.now();
  // The header has whole seconds; smaller differences are its rounding.
  if (Math.abs(offset - clockOffset.peek()) > 1500) clockOffset.value = Math.abs(offset) > 1500 ? offset : 0;
}

export function delay(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** UUID v4. `crypto.randomUUID` does not exist on plain http:// on a LAN, where a kiosk may run. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
