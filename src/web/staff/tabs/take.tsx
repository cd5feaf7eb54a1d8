// An order at the counter, or one that came by an online channel and is typed in.
import { computed, signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { Refusal } from "../../shared/client";
import { tongues } from "../../shared/words";
import { Icon } from "../icons";
import { Button, Empty, Sheet, Stepper, money } from "../parts";
import { lang, say, t } from "../say";
import { again, client, complain, menu, opened, store, tab, takeOrder, tell } from "../state";
import type { Dish, Draft, Option, Picked, StaffOrder } from "../types";
import type { Lang, Service } from "../../shared/types";
import { dropped, merged, priceOf, standard } from "../draft";

const draft = signal<Draft[]>([]);
const service = signal<Service>("here");
const guest = signal<Lang | null>(null);
const channel = signal<{ id: string; number: string } | null>(null);
const category = signal<string | null>(null);
const removed = signal<Draft | null>(null);
const total = computed(() => draft.value.reduce((sum, one) => sum + priceOf(one.dish, one.picked) * one.quantity, 0));

function add(dish: Dish, picked: Picked[]): void {
  draft.value = merged(draft.value, dish, picked);
  removed.value = null;
}

function change(line: Draft, quantity: number): void {
  if (quantity === 0) removed.value = line;
  draft.value = quantity === 0 ? dropped(draft.value, line.key) : draft.value.map((one) => (one.key === line.key ? { ...one, quantity } : one));
}

function clear(): void {
  draft.value = [];
  channel.value = null;
  service.value = "here";
  guest.value = null;
  removed.value = null;
}

export function Take() {
  const [choosing, setChoosing] = useState<Dish | null>(null);
  const [online, setOnline] = useState(false);
  const [busy, setBusy] = useState(false);
  const shown = menu.value;
  const closed = store.value && !store.value.accepting.ok ? store.value.accepting : null;
  const tap = (dish: Dish) => (dish.options?.length ? setChoosing(dish) : add(dish, []));
  const send = async () => {
    setBusy(true);
    const body = {
      language: guest.value ?? lang.value,
      service: service.value,
      lines: draft.value.map((one) => ({ dish_id: one.dish.id, quantity: one.quantity, ...(one.picked.length ? { options: one.picked } : {}) })),
      ...(channel.value ? { channel: channel.value.id, channel_number: channel.value.number } : {}),
    };
    try {
      const order = await client.post<StaffOrder>("place", "/orders", body);
      takeOrder(order);
      const typed = channel.value;
      clear();
      again.orders();
      tab.value = "orders";
      if (typed) tell(t("channel.taken", { number: order.number }));
      else opened.value = order.id;
    } catch (error) {
      complain(error);
      if (error instanceof Refusal) again.shop();
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="take">
      <section class="shelf" aria-label={t("tab.new")}>
        <div class="bar">
          <h1>{t("take.title")}</h1>
          <Button icon="bag" kind="plain" pressed={channel.value !== null} onClick={() => setOnline(true)}>{channel.value ? `${say(store.value?.channels?.find((one) => one.id === channel.value?.id)?.name) || channel.value.id} ${channel.value.number}` : t("channel")}</Button>
        </div>
        {closed && <p class="closed" role="alert"><Icon name="alert" />{say(closed.reason)}</p>}
        <div class="cats" role="group" aria-label={t("take.sections")}>
          <Button kind="plain" pressed={category.value === null} onClick={() => (category.value = null)}>{t("take.every")}</Button>
          {shown?.categories.map((one) => <Button key={one.id} kind="plain" pressed={category.value === one.id} onClick={() => (category.value = one.id)}>{say(one.name)}</Button>)}
        </div>
        <ul class="dishes">
          {shown?.dishes.filter((one) => category.value === null || one.category === category.value).map((dish) => (
            <li key={dish.id}>
              <button type="button" class="dish" data-dish={dish.id} disabled={!dish.available} onClick={() => tap(dish)}>
                <b>{say(dish.name)}</b>
                {dish.available
                  ? <span class="num">{money(dish.price_minor)}{dish.options?.length ? <small>{t("take.options")}</small> : null}</span>
                  : <span class="out">{say(dish.reason) || t("take.out")}</span>}
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section class="tray" aria-label={t("take.order")}>
        <div class="tray-top">
          <div class="choose" role="group" aria-label={t("take.where")}>
            <Button kind="plain" icon="plate" pressed={service.value === "here"} onClick={() => (service.value = "here")}>{t("here")}</Button>
            <Button kind="plain" icon="bag" pressed={service.value === "to_go"} onClick={() => (service.value = "to_go")}>{t("to_go")}</Button>
          </div>
          <div class="tray-guest">
            <span>{t("take.language")}</span>
            <div class="langs" role="group" aria-label={t("take.language")}>
              {tongues.map((one) => <button type="button" key={one} aria-pressed={(guest.value ?? lang.value) === one} onClick={() => (guest.value = one)}>{one.toUpperCase()}</button>)}
            </div>
          </div>
        </div>
        <ul class="tray-lines">
          {draft.value.map((line) => (
            <li key={line.key}>
              <span>{say(line.dish.name)}{line.picked.length > 0 && <small>{line.picked.map((one) => choiceName(line.dish, one)).join(", ")}</small>}</span>
              <span class="num">{money(priceOf(line.dish, line.picked) * line.quantity)}</span>
              <Stepper name={say(line.dish.name)} value={line.quantity} onChange={(n) => change(line, n)} />
            </li>
          ))}
        </ul>
        {removed.value && <p class="undo-line"><span>{t("take.removed", { name: say(removed.value.dish.name) })}</span><Button icon="undo" onClick={() => { if (removed.value) draft.value = [...draft.value, { ...removed.value, quantity: Math.max(1, removed.value.quantity) }]; removed.value = null; }}>{t("undo")}</Button></p>}
        {draft.value.length === 0 && !removed.value && <Empty>{t("take.empty")}</Empty>}
        <footer>
          <p class="order-total"><span>{t("total")}</span><b class="num" data-total>{money(total.value)}</b></p>
          <Button kind="main" icon={channel.value ? "check" : "cash"} disabled={draft.value.length === 0 || busy || closed !== null} onClick={() => void send()}>{t(channel.value ? "channel.send" : "take.pay")}</Button>
        </footer>
      </section>
      {choosing && <Choose dish={choosing} onClose={() => setChoosing(null)} onTake={(picked) => { add(choosing, picked); setChoosing(null); }} />}
      {online && <Channel onClose={() => setOnline(false)} />}
    </div>
  );
}

function choiceName(dish: Dish, picked: Picked): string {
  const option = dish.options?.find((one) => one.id === picked.option);
  return say(option?.choices.find((one) => one.id === picked.choice)?.name);
}

function Choose({ dish, onClose, onTake }: { dish: Dish; onClose: () => void; onTake: (picked: Picked[]) => void }) {
  const [picked, setPicked] = useState<Picked[]>(standard(dish));
  const of = (option: Option) => picked.filter((one) => one.option === option.id);
  const fine = (dish.options ?? []).every((one) => of(one).length >= one.min && of(one).length <= one.max);
  const tap = (option: Option, choice: string) => {
    const has = picked.some((one) => one.option === option.id && one.choice === choice);
    const others = picked.filter((one) => one.option !== option.id);
    if (has) setPicked(picked.filter((one) => one.option !== option.id || one.choice !== choice));
    else if (option.max === 1) setPicked([...others, { option: option.id, choice }]);
    else if (of(option).length < option.max) setPicked([...picked, { option: option.id, choice }]);
  };
  return (
    <Sheet title={say(dish.name)} onClose={onClose} foot={<Button kind="main" icon="plus" disabled={!fine} onClick={() => onTake(picked)}>{t("take.add")} {money(priceOf(dish, picked))}</Button>}>
      {dish.options?.map((option) => (
        <fieldset class="option" key={option.id}>
          <legend>{say(option.name)} <small>{option.max > 1 ? t("take.upto", { n: option.max }) : option.min > 0 ? t("take.one") : t("take.maybe")}</small></legend>
          <div class="choose">
            {option.choices.map((one) => (
              <Button key={one.id} kind="plain" disabled={one.available === false} pressed={picked.some((p) => p.option === option.id && p.choice === one.id)} onClick={() => tap(option, one.id)}>
                {say(one.name)}{one.price_minor !== 0 && <small class="num">{one.price_minor > 0 ? "+" : ""}{money(one.price_minor)}</small>}
              </Button>
            ))}
          </div>
        </fieldset>
      ))}
    </Sheet>
  );
}

function Channel({ onClose }: { onClose: () => void }) {
  const channels = store.value?.channels ?? [];
  const [id, setId] = useState(channel.value?.id ?? channels[0]?.id ?? "");
  const [number, setNumber] = useState(channel.value?.number ?? "");
  const fine = id !== "" && number.trim() !== "";
  return (
    <Sheet
      title={t("channel.title")}
      onClose={onClose}
      foot={<>
        {channel.value && <Button kind="plain" icon="close" onClick={() => { channel.value = null; onClose(); }}>{t("channel.none")}</Button>}
        <Button kind="main" icon="check" disabled={!fine} onClick={() => { channel.value = { id, number: number.trim() }; service.value = "to_go"; onClose(); }}>{t("channel.set")}</Button>
      </>}
    >
      <p>{t("channel.more")}</p>
      {channels.length === 0 && <Empty>{t("channel.nowhere")}</Empty>}
      <div class="choose" role="group" aria-label={t("channel")}>
        {channels.map((one) => <Button key={one.id} kind="plain" pressed={id === one.id} onClick={() => setId(one.id)}>{say(one.name)}</Button>)}
      </div>
      <label class="find"><span>{t("channel.number")}</span><input class="field" type="text" maxLength={64} value={number} onInput={(event) => setNumber(event.currentTarget.value)} /></label>
    </Sheet>
  );
}

