// Server-sent events over fetch: unlike EventSource it can send the token as a header, resume with Last-Event-ID
// after any kind of failure, and notice a connection that has gone silent.
import { signal, type Signal } from "@preact/signals";
import { delay } from "./client";

export interface LiveEvent {
  kind: string;
  data: Record<string, unknown>;
}

export interface Live {
  connected: Signal<boolean>;
  stop(): void;
}

/** Servers send a comment at least every 15 s; silence of three times that means the line is dead. */
const SILENCE_LIMIT_MS = 45_000;

export function openLive(url: string, headers: Record<string, string>, onEvent: (event: LiveEvent) => void): Live {
  const connected = signal(false);
  const stopper = new AbortController();
  let lastId: string | null = null;

  async function once(): Promise<void> {
    const attempt = new AbortController();
    const abort = () => attempt.abort();
    stopper.signal.addEventListener("abort", abort);
    let silence = setTimeout(abort, SILENCE_LIMIT_MS);
    try {
      const answer = await fetch(url, {
        headers: { ...headers, Accept: "text/event-stream", ...(lastId === null ? {} : { "Last-Event-ID": lastId }) },
        cache: "no-store",
        signal: attempt.signal,
      });
      if (!answer.ok || !answer.body) throw new Error(`status ${answer.status}`);
      connected.value = true;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new Parser((id, kind, data) => {
        if (id !== null) lastId = id;
        onEvent({ kind, data });
      });
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(abort, SILENCE_LIMIT_MS);
        parser.push(value);
      }
    } finally {
      clearTimeout(silence);
      stopper.signal.removeEventListener("abort", abort);
      connected.value = false;
    }
  }

  void (async () => {
    for (let wait = 500; !stopper.signal.aborted; ) {
      const started = performance.now();
      try {
        await once();
      } catch {
        // The cause does not matter here: the line is down and is dialled again.
      }
      wait = performance.now() - started > 5000 ? 500 : Math.min(wait * 2, 5000);
      if (!stopper.signal.aborted) await delay(wait);
    }
  })();

  return { connected, stop: () => stopper.abort() };
}

class Parser {
  private rest = "";
  private id: string | null = null;
  private kind = "message";
  private data: string[] = [];
  constructor(private readonly emit: (id: string | null, kind: string, data: Record<string, unknown>) => void) {}

  push(chunk: string): void {
    const lines = (this.rest + chunk).split(/\r\n|\n/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.line(line);
  }

  private line(line: string): void {
    if (line === "") {
      if (this.data.length > 0 || this.kind !== "message") this.emit(this.id, this.kind, parse(this.data.join("\n")));
      this.id = null;
      this.kind = "message";
      this.data = [];
      return;
    }
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.id = value;
    else if (field === "event") this.kind = value;
    else if (field === "data") this.data.push(value);
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
