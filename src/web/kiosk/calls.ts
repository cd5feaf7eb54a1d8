// Calling a person to this screen. The box makes an alert of it, which staff answer.
import { signal } from "@preact/signals";
import { Refusal } from "../shared/client";
import { t } from "../shared/i18n";
import { announce, client } from "./state";

export type CallReason = "help" | "payment" | "allergy" | "spill";

/** How the last call of this guest went. */
export const call = signal<{ why: CallReason; state: "sending" | "sent" | "coming" | "failed"; id?: string } | null>(null);

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
    const { id } = await client.once<{ id: string }>("/calls", { why });
    call.value = { why, state: "sent", id };
    announce(t("call.sent"));
  } catch (error) {
    // Asked again when no answer came; a refusal would only be repeated.
    if (once !== undefined && !(error instanceof Refusal)) made.delete(once);
    call.value = { why, state: "failed" };
    announce(t("call.failed"));
  }
}

/** Somebody comes once a person has answered the call: then the box lists it no more. */
export async function followCall(): Promise<void> {
  const mine = call.peek();
  if (mine?.state !== "sent") return;
  const { calls } = await client.get<{ calls: { id: string }[] }>("/calls");
  if (call.peek() !== mine || calls.some((one) => one.id === mine.id)) return;
  call.value = { ...mine, state: "coming" };
  announce(t("call.coming"));
}

export function forgetCall(): void {
  call.value = null;
}
