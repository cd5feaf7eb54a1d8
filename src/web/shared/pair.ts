// A screen without a token shows a code; a person types it elsewhere, and the screen has its token.
import { signal, type Signal } from "@preact/signals";
import { delay } from "./client";
import { remember } from "./token";

const ASK_MS = 2500;

interface Asked {
  code: string;
  poll_token: string;
  expires_at: number;
}

interface Answer {
  state: "waiting" | "paired";
  token?: string;
}

/** The code to show; empty until the box has given one. `done` gets the token once the screen is paired. */
export function askToBePaired(role: string, done: (token: string) => void): Signal<string> {
  const code = signal("");
  void (async () => {
    for (let wait = 1000; ; ) {
      let asked: Asked;
      try {
        const answer = await fetch("/api/v1/pairing", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ role }) });
        if (!answer.ok) throw new Error(String(answer.status));
        asked = (await answer.json()) as Asked;
      } catch {
        await delay(wait);
        wait = Math.min(wait * 2, 20_000);
        continue;
      }
      wait = 1000;
      code.value = asked.code;
      const token = await poll(asked.poll_token);
      code.value = "";
      if (token) {
        remember(`galley.${role}.token`, token);
        done(token);
        return;
      }
    }
  })();
  return code;
}

/** The token, or nothing once the code is over. */
async function poll(pollToken: string): Promise<string | null> {
  for (;;) {
    await delay(ASK_MS);
    try {
      const answer = await fetch("/api/v1/pairing", { headers: { Authorization: `Bearer ${pollToken}` }, cache: "no-store" });
      if (answer.status === 401) return null;
      if (!answer.ok) continue;
      const body = (await answer.json()) as Answer;
      if (body.state === "paired" && body.token) return body.token;
    } catch {
      // The box is away; the code still holds.
    }
  }
}
