// What went wrong in the page itself: a string that a language lacks, an exception. It is written to the console and
// told to the box once (`POST /client-errors`), which makes an alert of it; a box that has no such door is no reason to stop.
import { uuid } from "./client";
import { onMissing } from "./i18n";

const told = new Set<string>();

export function tellFault(page: string, headers: Record<string, string>, kind: "words" | "script" | "build", detail: string): void {
  const mark = `${kind} ${detail}`;
  if (told.has(mark) || told.size > 50) return;
  told.add(mark);
  console.error(`${page}: ${mark}`);
  void fetch("/api/v1/client-errors", {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json", "Idempotency-Key": uuid() },
    body: JSON.stringify({ page, kind, detail: detail.slice(0, 500) }),
    keepalive: true,
  }).catch(() => undefined);
}

export function watchFaults(page: string, headers: () => Record<string, string>): void {
  onMissing((key, to) => tellFault(page, headers(), "words", `${to}: ${key}`));
  addEventListener("error", (event) => tellFault(page, headers(), "script", event.message));
  addEventListener("unhandledrejection", (event) => tellFault(page, headers(), "script", String(event.reason)));
}
