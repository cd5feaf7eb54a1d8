// Documents for the stores: a draft is written and checked here, its differences are looked at, and it is brought to the
// canaries, then to all.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post, query, Refusal } from "./api";
import { useLoaded } from "./load";
import { Button, Dialog, Field, useAct, Waiting, When } from "./parts";
import { t, word } from "./say";
import { link, may, tell } from "./state";
import type { Change, Doc, Revision, Rollout } from "./types";

const kinds = ["menu", "promotions", "settings", "stops"];
/** What a document of a kind looks like when nothing is in it. */
const blank: Record<string, string> = { menu: "", promotions: '{\n  "promotions": []\n}', settings: "{}", stops: '{\n  "stops": []\n}' };
const at = (kind: string, name: string): string => `/documents/${encodeURIComponent(kind)}/${encodeURIComponent(name)}`;

type Open = { to: "write"; of: Doc | null } | { to: "bring"; of: Doc };

export function Documents() {
  const documents = useLoaded<{ documents: Doc[] }>("/documents");
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const saved = (kind: string, name: string, latest: Revision) => {
    documents.again();
    setOpen({ to: "bring", of: { kind, name, latest, stores: 0 } });
  };
  return (
    <section class="panel" aria-labelledby="documents">
      <div class="section-head"><h2 id="documents">{t("documents.title")}</h2>{may("manager") && <Button icon="plus" onClick={() => setOpen({ to: "write", of: null })}>{t("draft.new")}</Button>}</div>
      {!documents.value ? <Waiting lines={2} /> : documents.value.documents.length === 0 ? <p class="soft">{t("documents.empty")}</p> : (
        <ul class="documents">
          {documents.value.documents.map((one) => (
            <li key={`${one.kind} ${one.name}`} data-document={`${one.kind} ${one.name}`}>
              <span><b>{word("kind", one.kind)}</b> {one.name}<small>{t("revision.n", { n: one.latest.revision })}, {one.latest.by}, <When at={one.latest.at} plain />{one.latest.note && <q>{one.latest.note}</q>}</small></span>
              <span class="num">{t("documents.stores", { n: one.stores })}</span>
              {may("manager") && <span class="acts"><Button onClick={() => setOpen({ to: "write", of: one })}>{t("draft.edit")}</Button><Button kind="main" onClick={() => setOpen({ to: "bring", of: one })}>{t("rollouts.bring")}</Button></span>}
            </li>
          ))}
        </ul>
      )}
      {open?.to === "write" && <Draft of={open.of} onClose={close} saved={saved} />}
      {open?.to === "bring" && <Bring document={open.of} onClose={close} />}
    </section>
  );
}

/** What is written in the box, as the API takes it. */
const sent = (text: string): { json: string } | { toml: string } => (/^\s*[{[]/.test(text) ? { json: text } : { toml: text });

function Draft({ of, onClose, saved }: { of: Doc | null; onClose(): void; saved(kind: string, name: string, latest: Revision): void }) {
  const [kind, setKind] = useState(of?.kind ?? "menu");
  const [name, setName] = useState(of?.name ?? "");
  const [note, setNote] = useState("");
  const [text, setText] = useState<string | null>(of ? null : "");
  const [faults, setFaults] = useState<string[]>([]);
  const [checked, setChecked] = useState<{ latest: number | null; changes: Change[] } | null>(null);
  const [busy, setBusy] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const answer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!of) return;
    get<{ content: unknown }>(`${at(of.kind, of.name)}/${of.latest.revision}`).then((one) => setText(JSON.stringify(one.content, null, 2)), (error: unknown) => {
      tell(error instanceof Refusal ? error.message : t("unreachable"), true);
      onClose();
    });
  }, []);
  // What came of it may stand below what is seen.
  useEffect(() => answer.current?.scrollIntoView({ block: "nearest" }), [faults, checked]);
  const write = (typed: string) => {
    setText(typed);
    setChecked(null);
    setFaults([]);
  };
  const choose = (one: string) => {
    setKind(one);
    // What somebody has begun to write stays.
    if (Object.values(blank).includes(text ?? "")) write(blank[one] ?? "");
    else write(text ?? "");
  };
  const run = async (act: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setFaults([]);
    try {
      await act();
    } catch (error) {
      setChecked(null);
      setFaults(error instanceof Refusal ? (error.faults.length > 0 ? error.faults : [error.message]) : [t("unreachable")]);
    } finally {
      setBusy(false);
    }
  };
  const look = () => run(async () => setChecked(await post(`${at(kind, name)}/check`, { ...sent(text ?? ""), note })));
  const save = () => run(async () => {
    const revision = await post<Revision>(at(kind, name), { ...sent(text ?? ""), note });
    tell(t("draft.saved", { n: revision.revision }));
    saved(kind, name, revision);
  });
  /** Goes to a line that is told, with the line chosen. */
  const show = (line: number) => {
    const lines = (text ?? "").split("\n");
    const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    box.current?.focus();
    box.current?.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
    const high = (box.current?.scrollHeight ?? 0) / Math.max(1, lines.length);
    if (box.current) box.current.scrollTop = Math.max(0, (line - 4) * high);
  };
  return (
    <Dialog title={of ? `${word("kind", of.kind)} ${of.name}` : t("draft.new")} onClose={onClose} wide>
      <form onSubmit={(event) => {
        event.preventDefault();
        void (checked ? save() : look());
      }}>
        {!of && (
          <div class="pair">
            <Field label={t("draft.kind")}><select value={kind} onChange={(event) => choose(event.currentTarget.value)}>{kinds.map((one) => <option key={one} value={one}>{word("kind", one)}</option>)}</select></Field>
            <Field label={t("draft.name")} help={t("draft.name.more")}><input required maxLength={64} value={name} onInput={(event) => { setName(event.currentTarget.value); setChecked(null); }} placeholder="russia" /></Field>
          </div>
        )}
        {text === null ? <Waiting lines={6} /> : (
          <Field label={t("draft.text")} help={t("draft.text.more")}>
            <textarea ref={box} class="code" rows={12} required spellcheck={false} autocomplete="off" autocapitalize="off" wrap="off" aria-invalid={faults.length > 0} aria-describedby="draft-answer" value={text} onInput={(event) => write(event.currentTarget.value)} />
          </Field>
        )}
        <Field label={t("draft.file")}>
          <input type="file" accept=".json,.toml,application/json,text/plain" onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void file.text().then(write, () => tell(t("draft.unread"), true));
          }} />
        </Field>
        <Field label={t("draft.note")}><input maxLength={300} value={note} onInput={(event) => setNote(event.currentTarget.value)} /></Field>
        <div id="draft-answer" ref={answer} role="status">
          {faults.length > 0 && (
            <div class="faults"><b>{t("draft.faults", { n: faults.length })}</b><ul>{faults.slice(0, 100).map((one) => {
              const line = Number(/\bline (\d+)/.exec(one)?.[1] ?? 0);
              return <li key={one}><span>{one}</span>{line > 0 && <Button kind="quiet" onClick={() => show(line)}>{t("draft.line", { n: line })}</Button>}</li>;
            })}</ul></div>
          )}
          {checked && (checked.latest === null ? <p class="note">{t("draft.first")}</p> : <Changes of={checked.changes} />)}
        </div>
        <footer>
          <Button onClick={onClose}>{t("cancel")}</Button>
          {checked && (checked.latest === null || checked.changes.length > 0)
            ? <Button kind="main" type="submit" disabled={busy}>{t("draft.save", { n: (checked.latest ?? 0) + 1 })}</Button>
            : <Button kind="main" disabled={busy || text === null} type="submit">{t("draft.check")}</Button>}
        </footer>
      </form>
    </Dialog>
  );
}

function Bring({ document: d, onClose }: { document: Doc; onClose(): void }) {
  const [revision, setRevision] = useState(String(d.latest.revision));
  const [canary, setCanary] = useState("");
  const [busy, act] = useAct();
  const earlier = Number(revision) - 1;
  const changes = useLoaded<{ changes: Change[] }>(earlier >= 1 ? `${at(d.kind, d.name)}/diff${query({ from: earlier, to: revision })}` : null, false);
  const canaries = canary.split(/[\s,]+/).filter(Boolean);
  return (
    <Dialog title={t("rollouts.bring")} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        let begun: Rollout | undefined;
        void act(async () => {
          const known = canaries.length > 0 ? await Promise.all(canaries.map((one) => get(`/stores/${encodeURIComponent(one)}`))) : [];
          begun = await post<Rollout>("/rollouts", { kind: d.kind, name: d.name, revision: Number(revision), stores: "all", ...(known.length > 0 ? { canary: canaries } : {}) });
        }, t("rollouts.begun")).then((done) => {
          if (!done) return;
          onClose();
          // From there it goes on to all.
          if (begun) location.hash = link(["rollouts", begun.id]);
        });
      }}>
        <p><b>{word("kind", d.kind)}</b> {d.name}</p>
        <Field label={t("revision")}><input type="number" min={1} max={d.latest.revision} value={revision} onInput={(event) => setRevision(event.currentTarget.value)} /></Field>
        {changes.value && <Changes of={changes.value.changes} />}
        <Field label={t("rollouts.canaries")} help={t("rollouts.canaries.more")}><input value={canary} onInput={(event) => setCanary(event.currentTarget.value)} placeholder="S001, S002" /></Field>
        <footer><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" type="submit" disabled={busy}>{canaries.length > 0 ? t("rollouts.to.canaries", { n: canaries.length }) : t("rollouts.to.all")}</Button></footer>
      </form>
    </Dialog>
  );
}

const shown = (value: unknown): string => (value === undefined ? "—" : typeof value === "string" ? value : JSON.stringify(value));

function Changes({ of: list }: { of: Change[] }) {
  if (list.length === 0) return <p class="soft">{t("changes.none")}</p>;
  return (
    <details class="changes" open={list.length <= 12}>
      <summary>{t("changes.n", { n: list.length })}</summary>
      <ul>{list.slice(0, 200).map((one) => <li key={one.path}><code>{one.path}</code> <del>{shown(one.was)}</del> <ins>{shown(one.is)}</ins></li>)}</ul>
    </details>
  );
}
