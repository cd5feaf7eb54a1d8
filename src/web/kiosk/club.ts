// The guest as a member of the loyalty programme. The number goes to the box once and is masked from then on; nothing
// of it is kept over a reload, and the next guest finds no trace of it.
import { signal } from "@preact/signals";
import { Refusal } from "../shared/client";
import type { Member } from "../shared/types";
import { client, member as known, store } from "./state";

/** By what the guest came: a phone number or a card. */
export type Way = { phone: string } | { card: string };

export interface Guest extends Member {
  /** What of the number may be shown: its last digits. */
  masked: string;
  /** For the message that the order is ready, if the guest wants it; the screen's memory only. */
  phone: string;
}

export const guest = signal<Guest | null>(null);
/** The guest wants to pay a part by points. */
export const usePoints = signal(false);

export function masked(way: Way): string {
  return `•••• ${("phone" in way ? way.phone : way.card).slice(-4)}`;
}

function taken(member: Member, way: Way): void {
  guest.value = { ...member, masked: masked(way), phone: "phone" in way ? way.phone : "" };
  known.value = member.member;
}

/** Whether the box knows the guest; null when it does not. */
export async function find(way: Way): Promise<boolean> {
  try {
    taken(await client.ask<Member>("/loyalty/lookup", way), way);
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.slug === "unknown_member") return false;
    throw error;
  }
}

/** Sent once: a number has no place in the storage where repeated requests wait. Joining twice is joining once. */
export async function join(way: Way): Promise<void> {
  const terms = store.peek()?.loyalty?.terms_version ?? "";
  taken(await client.once<Member>("/loyalty/members", { ...way, terms }), way);
}

export function forgetGuest(): void {
  guest.value = null;
  known.value = null;
  usePoints.value = false;
}
