import { useEffect, useState } from "preact/hooks";
import { boxNow } from "../../shared/client";
import { lang, say, t, tCode } from "../../shared/i18n";
import { Icon } from "../../shared/icons";
import { money } from "../../shared/money";
import type { CookJob, Order } from "../../shared/types";
import { reset } from "../checkout";
import { ticketLeft } from "../idle";
import { DishPicture, Frame, Title, TopBar } from "../parts";
import { useQr } from "../qr";
import { dishes } from "../state";

const finished: readonly string[] = ["plated", "done"];

export function TicketScreen({ order }: { order: Order }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const beat = setInterval(() => tick((n) => n + 1), 5000);
    return () => clearInterval(beat);
  }, []);
  const unpaid = order.state === "cancelled" || order.state === "expired";
  const refund = order.state === "refunding" || order.state === "refunded";
  return (
    <Frame
      class="flow"
      top={<TopBar />}
      bottom={
        <footer class="cartbar ticket-end">
          <span class="num">{ticketLeft.value !== null && t("ticket.leaves", { n: ticketLeft.value })}</span>
          <button type="button" class="btn btn-main" onClick={reset}>{t("ticket.new")}</button>
        </footer>
      }
    >
      <main class={`flow-body ticket ticket-${order.state}`}>
        <section class="ticket-head">
          <Title class="ticket-label">{unpaid ? t(order.state === "expired" ? "ticket.expired" : "ticket.cancelled") : t("ticket.number")}</Title>
          <p class="ticket-number display num">{order.number}</p>
          <p class="ticket-promise" role="status" aria-live="polite">{promise(order)}</p>
          {order.note && <p class="ticket-note">{say(order.note)}</p>}
        </section>
        {unpaid ? <p class="lead">{t("ticket.unpaid.more")}</p> : refund ? <RefundPart order={order} /> : <><Steps order={order} /><Jobs order={order} /></>}
        {!unpaid && !refund && <Follow order={order} />}
        {!unpaid && !refund && <PointsLine order={order} />}
        {!unpaid && <ReceiptLine order={order} />}
      </main>
    </Frame>
  );
}

function promise(order: Order): string {
  switch (order.state) {
    case "ready": return t("ticket.ready");
    case "closed": return t("ticket.closed");
    case "refunding": return t("ticket.refunding");
    case "refunded": return t("ticket.refunded");
    case "cancelled":
    case "expired": return "";
    default: {
      if (order.dishes.every((job) => job.state === "failed")) return "";
      const minutes = Math.ceil((order.promised_at - boxNow()) / 60_000);
      return minutes > 0 ? t("ticket.promise", { n: minutes }) : t("ticket.soon");
    }
  }
}

function Steps({ order }: { order: Order }) {
  const sale = order.receipts.some((one) => one.kind === "sale" && one.state === "registered");
  const cooking = order.state === "cooking" || order.dishes.some((job) => job.state !== "waiting" && job.state !== "queued");
  const ready = order.state === "ready" || order.state === "closed";
  const steps = [
    { key: "ticket.step.paid", done: true },
    { key: "ticket.step.receipt", done: sale },
    { key: "ticket.step.cooking", done: ready },
    { key: "ticket.step.ready", done: ready },
  ] as const;
  const current = ready ? -1 : cooking && sale ? 2 : steps.findIndex((step) => !step.done);
  return (
    <ol class="progress">
      {steps.map((step, i) => {
        const state = step.done ? "done" : i === current ? "now" : "later";
        return (
          <li key={step.key} class={`progress-${state}`} aria-current={state === "now" ? "step" : undefined}>
            <span class="progress-dot" aria-hidden="true">{step.done ? <Icon name="check" size="1.9rem" /> : state === "now" ? <span class="spinner" /> : i + 1}</span>
            <span>{t(step.key)}</span>
            <span class="hidden-visually">: {t(`step.${state}`)}</span>
          </li>
        );
      })}
    </ol>
  );
}

function Jobs({ order }: { order: Order }) {
  if (order.dishes.length === 0) return null;
  return (
    <section class="jobs" aria-label={t("ticket.dishes")}>
      <ul>{alike(order.dishes).map(([job, count]) => <Job key={job.job_id} job={job} count={count} ready={order.state === "ready" || order.state === "closed"} />)}</ul>
    </section>
  );
}

/** Plates of one dish in one state are one row. */
function alike(jobs: readonly CookJob[]): [CookJob, number][] {
  const rows: [CookJob, number][] = [];
  for (const job of jobs) {
    const row = rows.find(([other]) => other.dish_id === job.dish_id && other.state === job.state && other.progress_pm === job.progress_pm);
    if (row) row[1] += 1;
    else rows.push([job, 1]);
  }
  return rows;
}

function Job({ job, count, ready }: { job: CookJob; count: number; ready: boolean }) {
  const done = ready || finished.includes(job.state);
  const percent = done ? 100 : Math.min(99, Math.floor((job.progress_pm ?? 0) / 10));
  const dish = dishes.value.get(job.dish_id);
  const name = say(job.name);
  return (
    <li class="job">
      <div class="job-art">{dish && <DishPicture dish={dish} sizes="160px" />}</div>
      <div class="job-text">
        <span class="job-name">{name}{count > 1 && <span class="num"> × {count}</span>}</span>
        <span class="job-state">{done && <Icon name="check" size="1.4rem" />}{tCode("job", ready ? "done" : job.state)}</span>
        <div class="bar" role="progressbar" aria-label={name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent}><i style={{ width: `${percent}%` }} class={done ? "bar-done" : ""} /></div>
      </div>
      <span class="job-percent num">{percent}%</span>
    </li>
  );
}

/** The order on the guest's own phone; without such a page, where else the number is shown. */
function Follow({ order }: { order: Order }) {
  const image = useQr(order.follow?.svg_path ?? null);
  if (!order.follow || !image) return <p class="ticket-board">{t("ticket.board")}</p>;
  return (
    <div class="follow">
      <img class="follow-qr" src={image} width="200" height="200" alt={t("ticket.follow.alt", { number: order.number })} />
      <p><strong>{t("ticket.follow")}</strong><span>{t("ticket.follow.more")}</span><span>{t("ticket.board")}</span></p>
    </div>
  );
}

function PointsLine({ order }: { order: Order }) {
  const points = order.points;
  if (!points || (points.earns === 0 && points.spent === 0)) return null;
  return (
    <p class="ticket-points" role="status">
      <Icon name="sparkle" size="2rem" />
      <span>{points.earns > 0 && t("ticket.earned", { n: points.earns })} {points.spent > 0 && t("ticket.spent", { n: points.spent })}</span>
    </p>
  );
}

function ReceiptLine({ order }: { order: Order }) {
  const receipt = order.receipts.find((one) => one.kind === "sale");
  const registered = receipt?.state === "registered";
  return (
    <p class="ticket-receipt" role="status">
      <Icon name="receipt" size="1.9rem" />
      <span class="num">{registered ? t("ticket.receipt", { n: receipt.document_number ?? "", sum: money(receipt.total_minor, order.currency, lang.value) }) : t("ticket.receipt.wait")}</span>
    </p>
  );
}

function RefundPart({ order }: { order: Order }) {
  const sum = order.refunds.reduce((all, one) => all + one.amount_minor, 0) || order.total_minor;
  return (
    <div class="refund">
      <span class="roundel roundel-safe"><Icon name="shield" size="4rem" /></span>
      <p class="lead">{t("ticket.refund.more", { sum: money(sum, order.currency, lang.value) })}</p>
      {order.refunds.some((one) => one.state === "awaiting_person") && <p class="lead">{t("ticket.refund.person")}</p>}
    </div>
  );
}
