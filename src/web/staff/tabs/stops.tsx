// What is off sale, and until when; and whether anything is sold at all.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { boxNow } from "../../shared/client";
import { dayAfter } from "../../shared/zone";
import { Icon } from "../icons";
import { Button, Empty, Reasons, Sheet, clock } from "../parts";
import { say, t, type Key } from "../say";
import { act, again, client, isTechnician, menu, soon, stops, store } from "../state";
import type { Ingredient, Stop } from "../types";

type What = { dish_id: string } | { ingredient_id: string };

export function Stops() {
  const [of, setOf] = useState<"dishes" | "ingredients">("dishes");
  const [stopping, setStopping] = useState<{ what: What; name: string } | null>(null);
  const [pausing, setPausing] = useState(false);
  const [ingredients, setIngredients] = useState<Ingredient[]>([]);
  useEffect(() => {
    void client.get<{ ingredients: Ingredient[] }>("/stock").then((answer) => setIngredients(answer.ingredients)).catch(() => undefined);
  }, [stops.value]);
  const accepting = store.value?.accepting;
  const paused = accepting && !accepting.ok && (accepting.slug === "paused" || accepting.slug === "cleaning");
  const stopOf = (what: What): Stop | undefined => stops.value.find((one) => ("dish_id" in what ? one.dish_id === what.dish_id : one.ingredient_id === what.ingredient_id));
  const lift = (what: What, name: string) => soon(t("stop.lifted", { name }), () => void act("lift", "/menu/stops/lift", { ...what, why: t("why.back") }).then(again.shop));
  const rows = of === "dishes"
    ? (menu.value?.dishes ?? []).map((one) => ({ what: { dish_id: one.id } as What, name: say(one.name), note: one.available || stopOf({ dish_id: one.id }) ? "" : say(one.reason) }))
    : ingredients.map((one) => ({ what: { ingredient_id: one.id } as What, name: say(one.name), note: one.low ? t("stock.low") : "" }));
  return (
    <>
      <div class="bar">
        <h1>{t("stops.title")}</h1>
        {isTechnician.value && (paused
          ? <Button kind="main" icon="check" onClick={() => void act("resume sales", "/sales/resume", { why: t("why.back") }).then(again.shop)}>{t("sales.resume")}</Button>
          : <Button kind="warn" icon="stop" onClick={() => setPausing(true)}>{t("sales.pause")}</Button>)}
      </div>
      {accepting && !accepting.ok && <p class="closed" role="alert"><Icon name="alert" />{say(accepting.reason)}</p>}
      <div class="choose" role="group" aria-label={t("stops.title")}>
        <Button kind="plain" pressed={of === "dishes"} onClick={() => setOf("dishes")}>{t("stops.dishes")}</Button>
        <Button kind="plain" pressed={of === "ingredients"} onClick={() => setOf("ingredients")}>{t("stops.ingredients")}</Button>
      </div>
      <ul class="stops">
        {rows.map(({ what, name, note }) => {
          const stop = stopOf(what);
          return (
            <li key={name} class={stop ? "stopped" : ""} data-stop={"dish_id" in what ? what.dish_id : what.ingredient_id}>
              <div>
                <b>{name}</b>
                {stop && <small>{stop.until_at ? t("stop.until", { at: clock(stop.until_at) }) : t("stop.open")} · {stop.why}</small>}
                {!stop && note && <small>{note}</small>}
              </div>
              {stop
                ? <Button icon="check" onClick={() => lift(what, name)}>{t("stop.lift")}</Button>
                : <Button kind="plain" icon="stop" onClick={() => setStopping({ what, name })}>{t("stop.set")}</Button>}
            </li>
          );
        })}
      </ul>
      {rows.length === 0 && <Empty>{t("stops.none")}</Empty>}
      {stopping && <Until title={t("stop.title", { name: stopping.name })} reasons={["why.out", "why.quality", "why.device"]} onClose={() => setStopping(null)} onGo={(until_at, why) => {
        setStopping(null);
        void act("stop", "/menu/stops", { ...stopping.what, why, ...(until_at ? { until_at } : {}) }).then(again.shop);
      }} />}
      {pausing && <Pause onClose={() => setPausing(false)} />}
    </>
  );
}

function Pause({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<"paused" | "cleaning">("paused");
  return (
    <Until
      title={t("sales.pause")}
      reasons={kind === "paused" ? ["why.busy", "why.device", "why.people"] : ["why.clean"]}
      onClose={onClose}
      head={<div class="choose"><Button kind="plain" pressed={kind === "paused"} onClick={() => setKind("paused")}>{t("sales.paused")}</Button><Button kind="plain" pressed={kind === "cleaning"} onClick={() => setKind("cleaning")}>{t("sales.cleaning")}</Button></div>}
      onGo={(until_at, why) => {
        onClose();
        void act("pause sales", "/sales/pause", { kind, why, ...(until_at ? { until_at } : {}) }).then(again.shop);
      }}
    />
  );
}

/** By the box's clock; the day ends where the store is. */
const spans: { key: Key; until: (now: number) => number | null }[] = [
  { key: "until.30", until: (now) => now + 30 * 60_000 },
  { key: "until.60", until: (now) => now + 60 * 60_000 },
  { key: "until.180", until: (now) => now + 180 * 60_000 },
  { key: "until.day", until: (now) => dayAfter(now, store.value?.zone) },
  { key: "until.open", until: () => null },
];

function Until(props: { title: string; reasons: Key[]; head?: ComponentChildren; onClose: () => void; onGo: (until: number | null, why: string) => void }) {
  const [span, setSpan] = useState(4);
  const [why, setWhy] = useState("");
  return (
    <Sheet title={props.title} onClose={props.onClose} foot={<Button kind="warn" icon="stop" disabled={why.trim() === ""} onClick={() => props.onGo(spans[span]?.until(boxNow()) ?? null, why.trim())}>{t("stop.go")}</Button>}>
      {props.head}
      <fieldset class="reasons"><legend>{t("until")}</legend><div>{spans.map((one, n) => <Button key={one.key} kind="plain" pressed={span === n} onClick={() => setSpan(n)}>{t(one.key)}</Button>)}</div></fieldset>
      <Reasons label={t("reason")} reasons={props.reasons.map((one) => t(one))} value={why} onChange={setWhy} />
    </Sheet>
  );
}
