import { Fragment } from "preact";
import { lang, t } from "../shared/i18n";
import { Icon } from "../shared/icons";
import { grouped } from "../shared/money";
import type { DemoState } from "./state";

/** The proof: what was charged, receipted, cooked and booked, side by side, and whether it agrees. */
export function Counts({ now }: { now: DemoState }) {
  const { charges, receipts, dishes, accounting, accounting_due, dishes_ordered } = now.counts;
  const cells = [
    { key: "charges", value: charges },
    { key: "receipts", value: receipts, must: charges },
    // 1C gets one report a closed shift: what was sold since is due at the end of the day.
    { key: "accounting", value: accounting, must: accounting_due },
    { key: "dishes", value: dishes, must: dishes_ordered },
  ] as const;
  const short = cells.filter((cell) => "must" in cell && cell.must !== undefined && cell.value < cell.must).map((cell) => t(`demo.count.${cell.key}`));
  const over = cells.filter((cell) => "must" in cell && cell.must !== undefined && cell.value > cell.must).map((cell) => t(`demo.count.${cell.key}`));
  if (now.hq.backlog > 0) short.push(t("demo.node.hq"));
  const verdict = over.length > 0 ? "excess" : charges === 0 ? "fresh" : short.length > 0 ? "inflight" : "balanced";
  return (
    <section class="counts" aria-labelledby="counts">
      <div class="counts-head">
        <h2 id="counts">{t("demo.counts")}</h2>
        <p class={`verdict verdict-${verdict}`} role="status" data-verdict={verdict}>
          <Icon name={verdict === "balanced" ? "check" : verdict === "excess" ? "alert" : "clock"} size="1.5rem" />
          {verdict === "balanced" ? t("demo.balanced") : verdict === "fresh" ? t("demo.fresh") : verdict === "excess" ? t("demo.excess", { what: over.join(", ") }) : t("demo.inflight", { what: short.join(", ") })}
        </p>
      </div>
      <dl class="equation">
        {cells.map((cell, i) => (
          <Fragment key={cell.key}>
            {i > 0 && <span class="equals" aria-hidden="true">{cell.key === "receipts" ? "=" : "·"}</span>}
            <div data-count={cell.key} class={"must" in cell && cell.must !== undefined && cell.value !== cell.must ? "off" : ""}>
              <dd class="display num" key={cell.value}>{grouped(cell.value, lang.value)}</dd><dt>{t(`demo.count.${cell.key}`)}{cell.key === "accounting" && now.counts.accounting_due === 0 && now.counts.charges > 0 && <small>{t("demo.accounting.later")}</small>}</dt>
            </div>
          </Fragment>
        ))}
        <span class="equals" aria-hidden="true">→</span>
        <div data-count="hq" class={now.hq.backlog > 0 ? "hq off" : "hq"}>
          <dd class="display num">{grouped(now.hq.events, lang.value)}</dd><dt>{t("demo.count.hq")}<small>{now.hq.backlog > 0 ? t("demo.hq.backlog", { n: now.hq.backlog }) : t("demo.hq.sent")}</small></dt>
        </div>
      </dl>
    </section>
  );
}
