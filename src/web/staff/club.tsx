// A guest's points at the counter: whose order it is, by phone or card, and a part paid by points.
import { useState } from "preact/hooks";
import { Refusal } from "../shared/client";
import type { Member, Payment } from "../shared/types";
import { Button, money } from "./parts";
import { t } from "./say";
import { act, client, complain, store, takeOrder } from "./state";
import type { StaffOrder } from "./types";

/** A plus, or as many digits as a phone has; all else is a card. */
export function wayOf(text: string): { phone: string } | { card: string } {
  const digits = text.replace(/\D/g, "").length;
  return text.startsWith("+") || (/^[\d\s()-]+$/.test(text) && digits >= 9 && digits <= 12) ? { phone: text } : { card: text };
}

export function Club({ order, onOrder }: { order: StaffOrder; onOrder: (next: StaffOrder) => void }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [member, setMember] = useState<Member | null>(null);
  const [unknown, setUnknown] = useState(false);
  const programme = store.value?.loyalty;
  if (!programme) return null;
  const doing = async (work: () => Promise<void>) => {
    setBusy(true);
    await work().catch(complain);
    setBusy(false);
  };
  const took = (next: StaffOrder | null) => {
    if (!next) return;
    takeOrder(next);
    onOrder(next);
  };
  const attach = async (found: Member) => {
    setMember(found);
    setUnknown(false);
    setText("");
    took(await act<StaffOrder>("attach", `/orders/${order.id}/loyalty`, { member: found.member }));
  };
  const look = () => doing(async () => {
    try {
      await attach(await client.ask<Member>("/loyalty/lookup", wayOf(text.trim())));
    } catch (error) {
      if (error instanceof Refusal && error.slug === "unknown_member") setUnknown(true);
      else throw error;
    }
  });
  const join = () => doing(async () => attach(await client.once<Member>("/loyalty/members", { ...wayOf(text.trim()), terms: programme.terms_version })));
  const spend = () => doing(async () => {
    const paid = await act<Payment>("points", `/orders/${order.id}/payments`, { tender: "loyalty_points" });
    if (paid) took(await client.get<StaffOrder>(`/orders/${order.id}`));
  });
  const paying = order.payments.find((one) => one.tender === "loyalty_points" && one.state !== "declined" && one.state !== "closed");
  if (order.points) {
    return (
      <div class="club" aria-busy={busy}>
        <p role="status"><b>{t("club.member")}</b> {member && <span class="num">{t("club.balance", { n: member.balance })}</span>} <span class="num">{t("club.earns", { n: order.points.earns })}</span></p>
        {paying
          ? <p class="num">{t("club.spent", { sum: money(paying.amount_minor) })}</p>
          : <Button kind="calm" icon="check" disabled={busy || member?.spendable === 0} onClick={() => void spend()}>{t("club.use")}</Button>}
      </div>
    );
  }
  return (
    <form class="club" aria-busy={busy} onSubmit={(event) => { event.preventDefault(); if (text.trim() && !busy) void look(); }}>
      <label class="find"><span>{t("club.find")}</span><input class="field num" type="text" autocomplete="off" maxLength={40} value={text} onInput={(event) => { setText(event.currentTarget.value); setUnknown(false); }} /></label>
      {unknown && <p role="alert">{t("club.unknown")}</p>}
      <Button kind="calm" icon="check" disabled={busy || text.trim().length < 4} onClick={() => void (unknown ? join() : look())}>{t(unknown ? "club.join" : "club.attach")}</Button>
    </form>
  );
}
