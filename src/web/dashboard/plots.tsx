// Plots of what happened in each quarter, hour or day: of all stores, or of one.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { query } from "./api";
import { clock } from "../shared/dates";
import { momentIn, offsetIn } from "../shared/zone";
import { count, money, moment, ownZone, saysZone, span } from "./format";
import { useLoaded } from "./load";
import { Choice, Head, Refused, Waiting } from "./parts";
import { lang, t, word, type Key } from "./say";
import { filter, route } from "./state";
import type { Series } from "./types";

const ranges = [24, 168, 840] as const;
type Shown = "sales" | "orders" | "cook" | "backlog" | "oldest" | "uplink";

/** `one`: over all stores it is no sum, but that of the store which has most. */
interface Plan { title: Key; color: string; values(s: Series): (number | null)[]; text(value: number, currency: string): string; bars: boolean; one?: boolean }

const plans: Record<Shown, Plan> = {
  sales: { title: "plot.sales", color: "#1d3470", values: (s) => s.sales_minor, text: (n, currency) => money(n, currency), bars: true },
  orders: { title: "plot.orders", color: "#1d3470", values: (s) => s.orders, text: (n) => count(n), bars: true },
  cook: { title: "plot.cook", color: "#236b45", values: (s) => s.cook_ms, text: (n) => span(n), bars: false },
  backlog: { title: "plot.backlog", color: "#9a6a00", values: (s) => s.backlog, text: (n) => count(n), bars: false, one: true },
  oldest: { title: "plot.oldest", color: "#9a6a00", values: (s) => s.oldest_ms, text: (n) => span(n), bars: false, one: true },
  uplink: { title: "plot.uplink", color: "#4c5674", values: (s) => s.received, text: (n) => count(n), bars: true },
};

export function Plots() {
  const hours = Number(route.value.query.get("hours") ?? 24);
  return (
    <>
      <Head title={t("plots.title")} sub={`${t("plots.sub")} ${t("plots.zone", { zone: ownZone() })}`}><Range hours={hours} /></Head>
      <PlotGrid hours={hours} shown={["sales", "orders", "cook", "oldest", "backlog", "uplink"]} />
    </>
  );
}

export function Range({ hours }: { hours: number }) {
  return <Choice label={t("plots.range")} value={String(hours)} onChoose={(one) => filter({ hours: one === "24" ? "" : one })} options={ranges.map((n): [string, string] => [String(n), word("range", String(n))])} />;
}

export function PlotGrid({ hours, store, currency = "RUB", zone, shown }: { hours: number; store?: string; currency?: string; /** By whose clock; the viewer's when nothing is said. */ zone?: string; shown: Shown[] }) {
  const { value, refused } = useLoaded<Series>(`/series${query({ hours, store, offset_min: offsetIn(Date.now(), zone) })}`);
  if (refused) return <Refused text={refused} />;
  if (!value) return <Waiting lines={3} />;
  return <div class="plots">{shown.map((one) => <Plot key={one} series={value} plan={plans[one]} currency={currency} zone={zone || undefined} all={!store} />)}</div>;
}

function Plot({ series, plan, currency, zone, all }: { series: Series; plan: Plan; currency: string; zone: string | undefined; all: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const values = plan.values(series);
  const known = values.filter((one): one is number => one !== null);
  const sum = known.reduce((before, one) => before + one, 0);
  const most = known.reduce((top, one) => Math.max(top, one), 0);
  const told = plan.bars ? t("plot.sum", { sum: plan.text(sum, currency) }) : t(all && plan.one ? "plot.most.one" : "plot.most", { most: plan.text(most, currency) });
  const data: uPlot.AlignedData = [series.at.map((at) => at / 1000), values];
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const font = "12px Onest, system-ui, sans-serif";
    const axis = { stroke: "#4c5674", font, grid: { stroke: "#eadfc6", width: 1 }, ticks: { show: false } };
    const one = new uPlot({
      width: box.clientWidth,
      height: 180,
      padding: [10, 8, 0, 0],
      legend: { show: false },
      tzDate: (at) => wallClock(at * 1000, zone),
      cursor: { y: false, points: { show: !plan.bars } },
      scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.15, 1)] } },
      axes: [
        { ...axis, size: 28, grid: { show: false }, space: 70, values: (_u, at) => at.map((s) => (series.step_ms >= 86_400_000 || (hoursOf(at) > 60) ? shortDay(s * 1000, zone) : clock(s * 1000, zone))) },
        { ...axis, size: 70, space: 40, values: (_u, at) => at.map((n) => plan.text(Math.round(n), currency)) },
      ],
      series: [{}, { stroke: plan.color, width: 2, fill: `${plan.color}${plan.bars ? "cc" : "22"}`, points: { show: false }, spanGaps: false, ...(plan.bars && uPlot.paths.bars ? { paths: uPlot.paths.bars({ size: [0.75, 26], radius: 0.15 }) } : {}) }],
      hooks: { setCursor: [(u) => {
        const at = u.cursor.idx;
        const tip = box.querySelector<HTMLElement>(".tip");
        if (!tip) return;
        const value = at === null || at === undefined ? null : u.data[1]?.[at];
        tip.hidden = value === null || value === undefined;
        if (at !== null && at !== undefined && value !== null && value !== undefined) {
          tip.textContent = `${moment((u.data[0]?.[at] ?? 0) * 1000, zone)}${saysZone(zone, (u.data[0]?.[at] ?? 0) * 1000)} · ${plan.text(value, currency)}`;
          tip.style.left = `${Math.min(Math.max((u.cursor.left ?? 0) + 70, 90), box.clientWidth - 90)}px`;
        }
      }] },
    }, data, box);
    plot.current = one;
    const sized = new ResizeObserver(() => one.setSize({ width: box.clientWidth, height: 180 }));
    sized.observe(box);
    return () => {
      sized.disconnect();
      one.destroy();
      plot.current = null;
    };
  }, [lang.value, series.step_ms, currency, zone]);
  useEffect(() => plot.current?.setData(data), [series]);
  return (
    <figure class="plot">
      <figcaption><b>{t(plan.title)}</b><span class="num">{told}</span></figcaption>
      <div ref={place} class="plot-place" role="img" aria-label={`${t(plan.title)}: ${told}`}><span class="tip num" hidden /></div>
    </figure>
  );
}

const hoursOf = (at: number[]) => ((at.at(-1) ?? 0) - (at[0] ?? 0)) / 3600;
const two = (n: number) => String(n).padStart(2, "0");
const shortDay = (at: number, zone?: string) => { const { day, month } = momentIn(at, zone); return `${two(day)}.${two(month)}`; };
/** A date whose own figures are those of the clock in `zone`: the axis puts its marks by it. */
const wallClock = (at: number, zone?: string) => { const { year, month, day, hour, minute } = momentIn(at, zone); return new Date(year, month - 1, day, hour, minute); };
