// Orders that somebody waits for, in three lanes, each with the one act that is next.
import { useEffect, useState } from "preact/hooks";
import { Button, Empty, ago, money } from "../parts";
import { Icon } from "../icons";
import { say, t, type Key } from "../say";
import { act, client, complain, going, opened, orders, soon, takeOrder } from "../state";
import type { StaffOrder } from "../types";

type Lane = { id: "placed" | "cooking" | "ready"; title: Key; none: Key; holds: (one: StaffOrder) => boolean };

const lanes: Lane[] = [
  { id: "placed", title: "lane.placed", none: "lane.placed.none", holds: (one) => one.state === "placed" },
  { id: "cooking", title: "lane.cooking", none: "lane.cooking.none", holds: (one) => ["paid", "receipted", "cooking", "refunding"].includes(one.state) },
  { id: "ready", title: "lane.ready", none: "lane.ready.none", holds: (one) => one.state === "ready" },
];

export function Orders() {
  const [past, setPast] = useState(false);
  return (
    <>
      <div class="bar">
        <h1>{t(past ? "orders.past" : "orders.title")}</h1>
        <Button icon={past ? "back" : "search"} kind="plain" onClick={() => setPast(!past)}>{t(past ? "orders.back" : "orders.find")}</Button>
      </div>
      {past ? <Past /> : (
        <div class="lanes">
          {lanes.map((lane) => {
            const held = orders.value.filter((one) => one.id !== going.value && lane.holds(one));
            return (
              <section key={lane.id} class={`lane lane-${lane.id}`} aria-labelledby={`lane-${lane.id}`}>
                <h2 id={`lane-${lane.id}`}>{t(lane.title)} <b class="num">{held.length}</b></h2>
                <ul>{held.map((one) => <Card key={one.id} order={one} />)}</ul>
                {held.length === 0 && <Empty>{t(lane.none)}</Empty>}
              </section>
            );
          })}
        </div>
      )}
    </>
  );
}

export function handOver(order: StaffOrder): void {
  soon(t("handed", { number: order.number }), () => {
    void act<StaffOrder>("hand over", `/orders/${order.id}/hand-over`, {}).then((next) => {
      if (next) takeOrder(next);
      if (going.peek() === order.id) going.value = null;
    });
  }, () => (going.value = null));
  going.value = order.id;
}

function Card({ order }: { order: StaffOrder }) {
  const waiting = order.payments.find((one) => one.state === "waiting" || one.state === "registering" || one.state === "unclear");
  const done = order.dishes.filter((one) => one.state === "plated" || one.state === "done").length;
  return (
    <li class="card" data-number={order.number}>
      <button type="button" class="card-open" onClick={() => (opened.value = order.id)}>
        <span class="card-head">
          <b class="display num number">{order.number}</b>
          <span class="card-when">
            <Icon name={order.service === "to_go" ? "bag" : "plate"} />
            <span class="hidden-visually">{t(order.service === "to_go" ? "to_go" : "here")}</span>
            {ago(order.placed_at)}
          </span>
        </span>
        {order.channel && <span class="chip">{say(order.channel.name)} <b class="num">{order.channel.number}</b></span>}
        <span class="card-lines">
          {order.lines.slice(0, 3).map((line) => (
            <span key={line.line_id}><b class="num">{line.quantity}</b> {say(line.name)}{line.options?.length ? <small>{line.options.map((one) => say(one.choice)).join(", ")}</small> : null}</span>
          ))}
          {order.lines.length > 3 && <span>{t("and.more", { n: order.lines.length - 3 })}</span>}
        </span>
        {order.state === "placed"
          ? <span class="card-note">{waiting ? t(`waits.${waiting.tender}` as Key) : t("waits.nothing")}</span>
          : order.state !== "ready" && <span class="card-note">{order.state === "paid" ? t("waits.receipt") : t("dishes.done", { n: done, all: order.dishes.length })}</span>}
      </button>
      {order.state === "placed" && <Button kind="main" icon="cash" onClick={() => (opened.value = order.id)}>{t("take.money")} {money(order.total_minor)}</Button>}
      {order.state === "ready" && <Button kind="main" icon="check" onClick={() => handOver(order)}>{t("hand.over")}</Button>}
    </li>
  );
}

/** Orders of the day, to give money back or to call one again. */
function Past() {
  const [found, setFound] = useState<StaffOrder[] | null>(null);
  const [number, setNumber] = useState("");
  useEffect(() => {
    void client.get<{ orders: StaffOrder[] }>("/orders?limit=200").then((answer) => setFound(answer.orders)).catch(complain);
  }, [orders.value]);
  const shown = (found ?? []).filter((one) => number === "" || one.number.startsWith(number) || one.channel?.number.includes(number)).slice(0, 60);
  return (
    <>
      <label class="find"><span>{t("orders.number")}</span><input class="field num" type="text" inputMode="numeric" value={number} onInput={(event) => setNumber(event.currentTarget.value.trim())} /></label>
      <ul class="past">
        {shown.map((one) => (
          <li key={one.id}>
            <button type="button" onClick={() => { takeOrder(one); opened.value = one.id; }}>
              <b class="display num">{one.number}</b>
              <span>{one.lines.map((line) => `${line.quantity} × ${say(line.name)}`).join(", ")}</span>
              <span class="chip">{t(`state.${one.state}` as Key)}</span>
              <span class="num sum">{money(one.total_minor)}</span>
            </button>
          </li>
        ))}
      </ul>
      {found && shown.length === 0 && <Empty>{t("orders.none")}</Empty>}
    </>
  );
}
