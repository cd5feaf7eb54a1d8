// Screens of the store: pair one by the code on it, give it a name, shut it out.
import { useEffect, useState } from "preact/hooks";
import { Button, Empty, Keypad, Sheet, ago } from "../parts";
import { maybe, t } from "../say";
import { act, client, complain, person, soon, tell } from "../state";
import type { Screens as List } from "../types";
import { who } from "../order";

export function Screens() {
  const [list, setList] = useState<List | null>(null);
  const [pairing, setPairing] = useState(false);
  const read = () => void (person.peek() && client.get<List>("/screens").then(setList).catch(complain));
  useEffect(() => {
    read();
    const timer = setInterval(read, 5000);
    return () => clearInterval(timer);
  }, []);
  const revoke = (name: string) => soon(t("screen.revoked", { name }), () => void act("revoke", `/screens/${encodeURIComponent(name)}/revoke`, {}).then(read));
  return (
    <>
      <div class="bar">
        <h1>{t("screens.title")}</h1>
        <Button kind="main" icon="plus" onClick={() => setPairing(true)}>{t("screen.pair")}</Button>
      </div>
      {(list?.waiting ?? []).map((one, n) => <p key={n} class="closed calm">{t("screen.waits", { role: maybe("role", one.role) ?? one.role, ago: ago(one.since_at) })}</p>)}
      <ul class="stops">
        {(list?.screens ?? []).map((one) => (
          <li key={one.name} data-screen={one.name}>
            <div><b>{one.name}</b><small>{maybe("role", one.role) ?? one.role} · {t("screen.since", { ago: ago(one.paired_at), who: who(one.paired_by) })}</small></div>
            <Button kind="plain" icon="close" onClick={() => revoke(one.name)}>{t("screen.revoke")}</Button>
          </li>
        ))}
      </ul>
      {list && list.screens.length === 0 && <Empty>{t("screens.none")}</Empty>}
      {pairing && <Pair onClose={() => { setPairing(false); read(); }} />}
    </>
  );
}

function Pair({ onClose }: { onClose: () => void }) {
  const [code, setCode] = useState("");
  const [name, setName] = useState("");
  const send = async () => {
    const done = await act<{ name: string; role: string }>("pair", "/screens", { code, name: name.trim() });
    if (!done) return;
    tell(t("screen.paired", { name: done.name, role: maybe("role", done.role) ?? done.role }));
    onClose();
  };
  return (
    <Sheet title={t("screen.pair")} onClose={onClose} foot={<Button kind="main" icon="check" disabled={code.length !== 6 || name.trim() === ""} onClick={() => void send()}>{t("screen.pair.go")}</Button>}>
      <p>{t("screen.pair.more")}</p>
      <p class="pair-code num" aria-live="polite">{code.padEnd(6, "·").replace(/(...)(...)/, "$1 $2")}</p>
      <Keypad onDigit={(digit) => setCode((before) => (before + digit).slice(0, 6))} onErase={() => setCode(code.slice(0, -1))} />
      <label class="find"><span>{t("screen.name")}</span><input class="field" type="text" maxLength={32} value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
    </Sheet>
  );
}
