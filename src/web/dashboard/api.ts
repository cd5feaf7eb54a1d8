// HTTP to headquarters. The session is a cookie; a token from the address is shown as a header.
import { signal } from "@preact/signals";
import { takeToken } from "../shared/token";

export const token = takeToken("hq");
export const base = "./api/v1";

/** When headquarters answered last, by this screen's clock; nothing before the first answer. */
export const answeredAt = signal<number | null>(null);
/** Whether the last request was answered. */
export const reachable = signal(true);
/** Headquarters wants somebody to sign in. */
export const shut = signal(false);
/** Headquarters' clock minus this screen's, milliseconds. */
export const ahead = signal(0);

export class Refusal extends Error {
  constructor(readonly status: number, readonly slug: string, title: string, readonly retryAfter: number | null, readonly faults: string[]) {
    super(title);
  }
}

/** No answer came. */
export class Unreachable extends Error {}

export function headers(): Record<string, string> {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(base + path, {
      method,
      cache: "no-store",
      signal: AbortSignal.timeout(20_000),
      headers: { ...headers(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    reachable.value = false;
    throw new Unreachable(String(error));
  }
  const value = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  if (answer.ok) {
    reachable.value = true;
    shut.value = false;
    answeredAt.value = Date.now();
    if (typeof value["at"] === "number" && method === "GET") ahead.value = value["at"] - Date.now();
    return value as T;
  }
  // A proxy's or a dying program's answer says nothing.
  if (answer.status >= 502 || typeof value["slug"] !== "string") {
    reachable.value = false;
    throw new Unreachable(`status ${answer.status}`);
  }
  reachable.value = true;
  if (answer.status === 401 && value["slug"] !== "wrong") shut.value = true;
  const wait = Number(answer.headers.get("Retry-After"));
  throw new Refusal(answer.status, value["slug"], String(value["title"] ?? ""), wait > 0 ? wait : null, Array.isArray(value["faults"]) ? value["faults"].map(String) : []);
}

export const get = <T>(path: string) => ask<T>("GET", path);
export const post = <T>(path: string, body: unknown = {}) => ask<T>("POST", path, body);

/** `?a=1&b=2` of what is not empty. */
export function query(values: Record<string, string | number | undefined | null>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== "") parts.set(name, String(value));
  const text = parts.toString();
  return text ? `?${text}` : "";
}

/** The address of a file to keep. A link can't send headers, so a token stands in it. */
export function file(path: string, values: Record<string, string | number | undefined | null> = {}): string {
  return base + path + query({ ...values, token: token ?? undefined });
}
