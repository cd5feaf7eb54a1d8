// People who work here: take one on, another PIN, bar. For managers; nobody sees a PIN again once the sheet is shut.
import { useEffect, useState } from "preact/hooks";
import { Button, Empty, Keypad, Sheet, ago } from "../parts";
import { t, type Key } from "../say";
import { act, client, complain, person, soon, tell } from "../state";
import type { Member } from "../types";

const roles = ["cashier", "technician", "manager"] as const;
const tongues = { ru: "Русский", uz: "O‘zbekcha", en: "English" } as const;
/** Digits of a PIN that is made up: as many as the pad shows comfortably. */
const DIGITS = 6;

const path = (name: string, what: string) => `/users/${encodeURIComponent(name)}/${what}`;

export function People() {
  const [list, setList] = useState<Member[] | null>(null);
  const [adding, setAdding] = useState(false);
  const [pinOf, setPinOf] = useState<string | null>(null);
  const read = () => void (person.peek() && client.get<{ users: Member[] }>("/users").then((answer) => setList(answer.users)).catch(complain));
  useEffect(() => {
    read();
    const timer = setInterval(read, 10_000);
    return () => clearInterval(timer);
  }, []);
  const bar = (name: string) => soon(t("people.barred", { name }), () => void act("disable", path(name, "disable"), {}).then(read));
  const letIn = (name: string) => void act("enable", path(name, "enable"), {}).then(read);
  const shown = [...(list ?? [])].sort((a, b) => Number(Boolean(a.disabled_at)) - Number(Boolean(b.disabled_at)) || a.name.localeCompare(b.name));
  return (
    <>
      <div class="bar">
        <h1>{t("people.title")}</h1>
        <Button kind="main" icon="plus" onClick={() => setAdding(true)}>{t("people.add")}</Button>
      </div>
      <ul class="stops">
        {shown.map((one) => (
          <li key={one.name} class={one.disabled_at ? "stopped" : ""} data-person={one.name}>
            <div><b>{one.name}</b><small>{about(one)}</small></div>
            {one.disabled_at
              ? <Button icon="check" onClick={() => letIn(one.name)}>{t("people.enable")}</Button>
              : (
                <div class="mends">
                  <Button kind="plain" icon="lock" onClick={() => setPinOf(one.name)}>{t("people.pin")}</Button>
                  {one.name !== person.value?.name && <Button kind="plain" icon="stop" onClick={() => bar(one.name)}>{t("people.disable")}</Button>}
                </div>
              )}
          </li>
        ))}
      </ul>
      {list && list.length === 0 && <Empty>{t("people.none")}</Empty>}
      {adding && <Add onClose={() => { setAdding(false); read(); }} />}
      {pinOf !== null && <NewPin name={pinOf} onClose={() => { setPinOf(null); read(); }} />}
    </>
  );
}

function about(one: Member): string {
  const role = t(`role.${one.role}` as Key);
  if (one.disabled_at) return `${role} · ${t("people.since", { ago: ago(one.disabled_at) })}`;
  return one.at.length > 0 ? `${role} · ${tongues[one.language]} · ${t("people.at", { list: one.at.join(", ") })}` : `${role} · ${tongues[one.language]}`;
}

/** A PIN by chance, without runs and repeated digits, as the box wants it. */
function chance(): string {
  for (;;) {
    const pin = [...crypto.getRandomValues(new Uint8Array(DIGITS))].map((one) => one % 10).join("");
    if (new Set(pin).size >= 4) return pin;
  }
}

function PinPad(props: { pin: string; onChange: (pin: string) => void }) {
  return (
    <>
      <p class="pair-code num" aria-live="polite">{props.pin.padEnd(4, "·")}</p>
      <Button kind="plain" icon="undo" onClick={() => props.onChange(chance())}>{t("people.pin.chance")}</Button>
      <Keypad onDigit={(digit) => props.onChange((props.pin + digit).slice(0, 8))} onErase={() => props.onChange(props.pin.slice(0, -1))} />
    </>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Member["role"]>("cashier");
  const [language, setLanguage] = useState<Member["language"]>("ru");
  const [pin, setPin] = useState(chance);
  const send = async () => {
    const done = await act<Member>("hire", "/users", { name: name.trim(), role, language, pin });
    if (!done) return;
    tell(t("people.added", { name: done.name }));
    onClose();
  };
  return (
    <Sheet wide title={t("people.add")} onClose={onClose} foot={<Button kind="main" icon="check" disabled={name.trim() === "" || pin.length < 4} onClick={() => void send()}>{t("people.add.go")}</Button>}>
      <div class="hire"><div>
      <label class="find"><span>{t("people.name")}</span><input class="field" type="text" maxLength={48} data-field="name" value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
      <div class="choose" role="group" aria-label={t("people.role")}>
        {roles.map((one) => <Button key={one} kind="plain" pressed={role === one} onClick={() => setRole(one)}>{t(`role.${one}` as Key)}</Button>)}
      </div>
      <div class="choose" role="group" aria-label={t("language")}>
        {(["ru", "uz", "en"] as const).map((one) => <Button key={one} kind="plain" pressed={language === one} onClick={() => setLanguage(one)}>{tongues[one]}</Button>)}
      </div>
      <p>{t("people.pin.more")}</p>
      </div><div><PinPad pin={pin} onChange={setPin} /></div></div>
    </Sheet>
  );
}

function NewPin({ name, onClose }: { name: string; onClose: () => void }) {
  const [pin, setPin] = useState(chance);
  const send = async () => {
    const done = await act<Member>("set pin", path(name, "pin"), { pin });
    if (!done) return;
    tell(t("people.pin.set", { name }));
    onClose();
  };
  return (
    <Sheet title={t("people.pin.title", { name })} onClose={onClose} foot={<Button kind="main" icon="check" disabled={pin.length < 4} onClick={() => void send()}>{t("people.pin.go")}</Button>}>
      <p>{t("people.pin.again")}</p>
      <p>{t("people.pin.more")}</p>
      <PinPad pin={pin} onChange={setPin} />
    </Sheet>
  );
}
