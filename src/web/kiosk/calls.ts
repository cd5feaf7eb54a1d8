// Calling a person to this screen. The box makes an alert of it, which staff answer.
import { signal } from "@preact/signals";
import { Refusal } from "../shared/client";
import { t } from "../shared/i18n";
import { announce, client } from "./state";

export type CallReason = "help" | "payment" | "allergy" | "spill";

/** How the last call of this guest went. */
export const call = signal<{ why: CallReason; state: "sending" | "sent" | "failed" } | null>(null);

const made = new Set<string>();

/** `once` names what the call is about: the same thing calls nobody twice. */
export async function callStaff(why: CallReason, once?: string): Promise<void> {
  if (once !== undefined) {
    if (made.has(once)) return;
    made.add(once);
  }
  if (call.peek()?.state === "sending") return;
  call.value = { why, state: "sending" };
  try {
    await client.once("/calls", { why });
    call.value = { why, state: "sent" };
    announce(t("call.sent"));
  } catch (error) {
    // Asked again when no answer came; a refusal would only be repeated.
    if (once !== undefined && !(error instanceof Refusal)) made.delete(once);
    call.value = { why, state: "failed" };
    announce(t("call.failed"));
  }
}

export function forgetCall(): void {
  call.value = null;
}
