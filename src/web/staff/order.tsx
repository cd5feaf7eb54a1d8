// One order: what it is, its money, and what a person can do about it.
import { useEffect, useState } from "preact/hooks";
import { Refusal } from "../shared/client";
import { Club } from "./club";
import { Button, Sheet, clock, money } from "./parts";
import { Marks, missing } from "./marks";
import { Pay } from "./pay";
import { RefundForm } from "./refund";
import { say, t, maybe, type Key } from "./say";
import { act, again, client, complain, opened, orders, soon, takeOrder, tell } from "./state";
import { handOver } from "./tabs/orders";
import type { StaffOrder, TimelineEntry } from "./types";

export function OrderSheet({ id }: { id: string }) {
  const listed = orders.value.find((one) => one.id === id);
  const [read, setRead] = useState<StaffOrder | null>(null);
  const [view, setView] = useState<"order" | "refund" | "history">("order");
  useEffect(() => {
    let going = true;
    void client.get<StaffOrder>(`/orders/${id}`).then((one) => going && setRead(one)).catch((error: unknown) => {
      if (!(error instanceof Refusal)) return;
      opened.value = null;
      complain(error);
    });
    return () => {
      going = false;
    };
  }, [id, listed]);
  const order = read ?? listed;
  const close = () => {
    if (view === "order") opened.value = null;
    else setView("order");
  };
  if (!order) return null;
  const title = view === "refund" ? t("refund.title", { number: order.number }) : view === "history" ? t("history.title", { number: order.number }) : t("order.title", { number: order.number });
  return (
    <Sheet title={title} onClose={close} wide>
      {view === "refund" && <RefundForm order={order} onDone={(next) => { setRead(next); takeOrder(next); setView("order"); }} />}
      {view === "history" && <History id={id} />}
      {view === "order" && <Body order={order} onOrder={setRead} onView={setView} />}
    </Sheet>
  );
}

function Body({ order, onOrder, onView }: { order: StaffOrder; onOrder: (next: StaffOrder) => void; onView: (view: "refund" | "history") => void }) {
  const paid = !["placed", "cancelled", "expired"].includes(order.state);
  const left = order.payments.reduce((sum, one) => sum + (one.state === "captured" ? one.amount_minor : 0), 0)
    - order.refunds.filter((one) => one.state !== "refused").reduce((sum, one) => sum + one.amount_minor, 0);
  const recall = async () => {
    const next = await act<StaffOrder>("recall", `/orders/${order.id}/recall`, {});
    if (!next) return;
    takeOrder(next);
    onOrder(next);
    tell(t("recalled", { number: order.number }));
  };
  return (
    <div class="order">
      <section class="order-what">
        <p class="order-facts">
          <span class="chip">{t(`state.${order.state}` as Key)}</span>
          <span class="chip">{t(order.service === "to_go" ? "to_go" : "here")}</span>
          <span class="chip num">{clock(order.placed_at)}</span>
          {order.channel && <span class="chip">{say(order.channel.name)} <b class="num">{order.channel.number}</b></span>}
        </p>
        <ul class="order-lines">
          {order.lines.map((line) => {
            const dishes = order.dishes.filter((one) => String(one.line_id) === String(line.line_id));
            return (
              <li key={line.line_id}>
                <b class="num">{line.quantity}</b>
                <span>
                  {say(line.name)}
                  {line.options?.map((one) => <small key={say(one.choice)}>{say(one.name)}: {say(one.choice)}</small>)}
                  {paid && <small class="order-dishes">{dishes.map((one) => maybe("dish", one.state) ?? one.state).join(", ")}</small>}
                </span>
                <span class="num">{money(line.sum_minor - (line.discount_minor ?? 0))}</span>
              </li>
            );
          })}
        </ul>
        <p class="order-total"><span>{t("total")}</span><b class="num">{money(order.total_minor)}</b></p>
        {order.refunds.map((one) => (
          <div class="order-refund" key={one.id}>
            <span>{t(`refund.state.${one.state}` as Key, { sum: money(one.amount_minor) })}: {one.reason}</span>
            {(one.state === "awaiting_person" || one.state === "refused") && <Button icon="check" onClick={() => void confirmRefund(one.id, onOrder)}>{t("refund.given")}</Button>}
          </div>
        ))}
      </section>
      <section class="order-acts">
        {order.state === "placed" && <Marks order={order} onOrder={onOrder} />}
        {order.state === "placed" && !order.channel && <Club order={order} onOrder={onOrder} />}
        {order.state === "placed" && missing(order) === 0 && <Pay order={order} onOrder={onOrder} />}
        {order.state === "ready" && <Button kind="main" icon="check" onClick={() => { handOver(order); opened.value = null; }}>{t("hand.over")}</Button>}
        {(order.state === "ready" || order.state === "closed") && <Button icon="bell" onClick={() => void recall()}>{t(order.state === "ready" ? "recall" : "recall.closed")}</Button>}
        {paid && left > 0 && <Button icon="undo" onClick={() => onView("refund")}>{t("refund")}</Button>}
        {order.state === "placed" && (
          <Button icon="close" kind="plain" onClick={() => soon(t("cancelled", { number: order.number }), () => {
            void act<StaffOrder>("cancel", `/orders/${order.id}/cancel`, {}).then((next) => {
              if (next) takeOrder(next);
              again.orders();
            });
            opened.value = null;
          })}>{t("cancel")}</Button>
        )}
        <Button icon="clock" kind="plain" onClick={() => onView("history")}>{t("history")}</Button>
      </section>
    </div>
  );
}

async function confirmRefund(id: string, onOrder: (next: StaffOrder) => void): Promise<void> {
  const next = await act<StaffOrder>("confirm refund", `/refunds/${id}/confirm`, {});
  if (!next) return;
  takeOrder(next);
  onOrder(next);
  again.attention();
}

/** Who did what, and when. */
function History({ id }: { id: string }) {
  const [events, setEvents] = useState<TimelineEntry[] | null>(null);
  useEffect(() => {
    void client.get<{ events: TimelineEntry[] }>(`/orders/${id}/timeline`).then((answer) => setEvents(answer.events)).catch(complain);
  }, [id]);
  return (
    <ol class="history">
      {(events ?? []).filter((one) => maybe("event", one.body.kind)).map((one) => (
        <li key={one.seq}>
          <span class="num">{clock(one.at)}</span>
          <span>{maybe("event", one.body.kind)}{detail(one)}</span>
          <b>{who(one.actor)}</b>
        </li>
      ))}
    </ol>
  );
}

function detail(one: TimelineEntry): string {
  const { body } = one;
  const refund = body["refund"] as { amount_minor?: number; reason?: string } | undefined;
  if (refund?.amount_minor) return `: ${money(refund.amount_minor)}${refund.reason ? `, ${refund.reason}` : ""}`;
  if (typeof body["amount_minor"] === "number") return `: ${money(body["amount_minor"])}`;
  if (typeof body["reason"] === "string") return `: ${body["reason"]}`;
  return "";
}

export function who(actor: string): string {
  if (actor === "system") return t("who.system");
  const colon = actor.indexOf(":");
  if (colon < 0) return maybe("role", actor) ?? actor;
  const role = actor.slice(0, colon);
  return `${actor.slice(colon + 1)} (${maybe("role", role) ?? role})`;
}
