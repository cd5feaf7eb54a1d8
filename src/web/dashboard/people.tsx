// Who may come in, and which programs; what each of them did.
import { useState } from "preact/hooks";
import { Icon } from "../shared/icons";
import { ask, file, post, query } from "./api";
import { detailOf } from "./detail";
import { exact, moment } from "./format";
import { useLoaded } from "./load";
import { Button, Csv, Dialog, Empty, Field, Head, Refused, Search, useAct, Waiting, When } from "./parts";
import { t, word } from "./say";
import { filter, leave, link, may, me, route } from "./state";
import { roles, type ApiKey, type AuditLine, type Role, type User } from "./types";

export function People() {
  const users = useLoaded<{ users: User[] }>(may("admin") ? "/users" : null);
  const keys = useLoaded<{ keys: ApiKey[] }>(may("admin") ? "/api-keys" : null);
  const [open, setOpen] = useState<"person" | "key" | User | null>(null);
  const [made, setMade] = useState<string | null>(null);
  const own = me.value;
  return (
    <>
      <Head title={t("people.title")} sub={t("people.sub")}>{may("admin") && own?.way !== "open" && <Button kind="main" icon="plus" onClick={() => setOpen("person")}>{t("people.add")}</Button>}</Head>
      {own && <Own />}
      {own?.way === "open" && <p class="note">{t("people.open")}</p>}
      {may("admin") && (
        <>
          {users.refused && <Refused text={users.refused} />}
          {users.value && users.value.users.length > 0 && (
            <div class="table" tabIndex={0} role="region" aria-label={t("people.title")}>
              <table>
                <thead><tr><th scope="col">{t("people.name")}</th><th scope="col">{t("people.role")}</th><th scope="col">{t("column.state")}</th><th scope="col"><span class="hidden-visually">{t("change")}</span></th></tr></thead>
                <tbody>{users.value.users.map((one) => (
                  <tr key={one.id} class={one.disabled_at ? "gone" : ""}>
                    <th scope="row">{one.full_name || one.name}<small>{one.name}{one.by_provider && ` · ${t("people.provider")}`}</small></th>
                    <td>{word("role", one.role)}</td>
                    <td>{one.disabled_at ? t("people.disabled") : one.shut_until && one.shut_until > Date.now() ? t("people.shut", { at: moment(one.shut_until) }) : t("people.fine")}</td>
                    <td class="right"><Button kind="quiet" icon="edit" onClick={() => setOpen(one)}>{t("change")}</Button></td>
                  </tr>
                ))}</tbody>
              </table>
            </div>
          )}
          <div class="section-head"><h2>{t("keys.title")}</h2><Button icon="plus" onClick={() => setOpen("key")}>{t("keys.add")}</Button></div>
          <p class="soft">{t("keys.sub")}</p>
          {keys.value && keys.value.keys.length > 0 && <Keys of={keys.value.keys} again={keys.again} />}
        </>
      )}
      {open === "person" && <Add onClose={() => setOpen(null)} again={users.again} />}
      {open === "key" && <AddKey onClose={() => setOpen(null)} made={(token) => { setMade(token); setOpen(null); keys.again(); }} />}
      {typeof open === "object" && open !== null && <Change user={open} onClose={() => setOpen(null)} again={users.again} />}
      {made && <Dialog title={t("keys.made")} onClose={() => setMade(null)}><p>{t("keys.once")}</p><output class="secret num">{made}</output><footer><Button icon="check" kind="main" onClick={() => void navigator.clipboard?.writeText(made).catch(() => undefined)}>{t("copy")}</Button></footer></Dialog>}
    </>
  );
}

function Own() {
  const [changing, setChanging] = useState(false);
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [busy, act] = useAct();
  const own = me.value;
  if (!own) return null;
  return (
    <section class="panel own">
      <Icon name="person" size="2rem" />
      <p><b>{own.full_name || own.name}</b><small>{word("way", own.way)} · {word("role", own.role)}</small></p>
      {own.own_password && <Button onClick={() => setChanging(true)}>{t("password.change")}</Button>}
      {own.way === "session" && <Button icon="power" onClick={() => void leave()}>{t("sign.out")}</Button>}
      {changing && (
        <Dialog title={t("password.change")} onClose={() => setChanging(false)}>
          <form onSubmit={(event) => { event.preventDefault(); void act(() => post("/me/password", { old, new: fresh }), t("password.changed")).then((done) => done && setChanging(false)); }}>
            <Field label={t("password.old")}><input type="password" autocomplete="current-password" required value={old} onInput={(event) => setOld(event.currentTarget.value)} /></Field>
            <Field label={t("password.new")} help={t("password.rules")}><input type="password" autocomplete="new-password" required minLength={10} value={fresh} onInput={(event) => setFresh(event.currentTarget.value)} /></Field>
            <footer><Button onClick={() => setChanging(false)}>{t("cancel")}</Button><Button kind="main" type="submit" disabled={busy}>{t("save")}</Button></footer>
          </form>
        </Dialog>
      )}
    </section>
  );
}

function RoleField({ value, onChoose }: { value: Role; onChoose(role: Role): void }) {
  return <Field label={t("people.role")} help={word("role.more", value)}><select value={value} onChange={(event) => onChoose(event.currentTarget.value as Role)}>{roles.map((one) => <option key={one} value={one}>{word("role", one)}</option>)}</select></Field>;
}

function Add({ onClose, again }: { onClose(): void; again(): void }) {
  const [name, setName] = useState("");
  const [full, setFull] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [password, setPassword] = useState("");
  const [busy, act] = useAct();
  return (
    <Dialog title={t("people.add")} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); void act(() => post("/users", { name, full_name: full, role, password }), t("people.added")).then((done) => { if (done) { again(); onClose(); } }); }}>
        <Field label={t("people.login")}><input required autocomplete="off" value={name} onInput={(event) => setName(event.currentTarget.value)} /></Field>
        <Field label={t("people.full")}><input autocomplete="off" value={full} onInput={(event) => setFull(event.currentTarget.value)} /></Field>
        <RoleField value={role} onChoose={setRole} />
        <Field label={t("password")} help={t("password.rules")}><input type="password" autocomplete="new-password" required minLength={10} value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></Field>
        <footer><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" type="submit" disabled={busy}>{t("people.add")}</Button></footer>
      </form>
    </Dialog>
  );
}

function Change({ user, onClose, again }: { user: User; onClose(): void; again(): void }) {
  const [role, setRole] = useState(user.role);
  const [full, setFull] = useState(user.full_name);
  const [password, setPassword] = useState("");
  const [busy, act] = useAct();
  const send = (body: Record<string, unknown>) => act(() => ask("PATCH", `/users/${user.id}`, body), t("saved")).then((done) => { if (done) { again(); onClose(); } });
  return (
    <Dialog title={user.full_name || user.name} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); void send({ role, full_name: full, ...(password ? { password } : {}) }); }}>
        <Field label={t("people.full")}><input value={full} onInput={(event) => setFull(event.currentTarget.value)} /></Field>
        <RoleField value={role} onChoose={setRole} />
        <Field label={t("password.new")} help={t("password.reset")}><input type="password" autocomplete="new-password" minLength={10} value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></Field>
        <footer>
          <Button kind="warn" disabled={busy} onClick={() => void send({ disabled: user.disabled_at === null })}>{user.disabled_at === null ? t("people.disable") : t("people.enable")}</Button>
          <Button kind="main" type="submit" disabled={busy}>{t("save")}</Button>
        </footer>
      </form>
    </Dialog>
  );
}

function AddKey({ onClose, made }: { onClose(): void; made(token: string): void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [busy, act] = useAct();
  return (
    <Dialog title={t("keys.add")} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); void act(async () => made((await post<{ token: string }>("/api-keys", { name, role })).token)); }}>
        <Field label={t("keys.name")}><input required maxLength={64} value={name} onInput={(event) => setName(event.currentTarget.value)} /></Field>
        <RoleField value={role} onChoose={setRole} />
        <footer><Button onClick={onClose}>{t("cancel")}</Button><Button kind="main" type="submit" disabled={busy}>{t("keys.add")}</Button></footer>
      </form>
    </Dialog>
  );
}

function Keys({ of: list, again }: { of: ApiKey[]; again(): void }) {
  const [busy, act] = useAct();
  return (
    <div class="table"><table>
      <thead><tr><th scope="col">{t("keys.name")}</th><th scope="col">{t("people.role")}</th><th scope="col">{t("keys.by")}</th><th scope="col">{t("keys.used")}</th><th scope="col"><span class="hidden-visually">{t("change")}</span></th></tr></thead>
      <tbody>{list.map((one) => (
        <tr key={one.id} class={one.revoked_at ? "gone" : ""}>
          <th scope="row">{one.name}</th><td>{word("role", one.role)}</td><td>{one.created_by}<small><When at={one.created_at} plain /></small></td><td>{one.used_at ? <When at={one.used_at} /> : <i class="soft">{t("never")}</i>}</td>
          <td class="right">{one.revoked_at ? t("keys.revoked") : <Button kind="quiet" icon="trash" disabled={busy} onClick={() => void act(() => post(`/api-keys/${one.id}/revoke`), t("keys.revoked")).then(again)}>{t("keys.revoke")}</Button>}</td>
        </tr>
      ))}</tbody>
    </table></div>
  );
}

export function Audit() {
  const q = route.value.query;
  const values = { q: q.get("q") ?? "", before: q.get("before") ?? "" };
  const { value, refused } = useLoaded<{ lines: AuditLine[] }>(`/audit${query(values)}`);
  const last = value?.lines.at(-1);
  return (
    <>
      <Head title={t("audit.title")} sub={t("audit.sub")} />
      <div class="filters"><Search label={t("audit.search")} value={values.q} onSearch={(text) => filter({ q: text, before: "" })} /><span class="filters-side"><Csv href={file("/audit.csv", { q: values.q })} /></span></div>
      {refused ? <Refused text={refused} /> : !value ? <Waiting /> : value.lines.length === 0 ? <Empty title={t("audit.none")} icon="book" /> : (
        <div class="table" tabIndex={0} role="region" aria-label={t("audit.title")}>
          <table>
            <thead><tr><th scope="col">{t("column.when")}</th><th scope="col">{t("column.who")}</th><th scope="col">{t("column.what")}</th><th scope="col">{t("audit.subject")}</th><th scope="col">{t("audit.from")}</th></tr></thead>
            <tbody>{value.lines.map((one) => <tr key={one.id}><td class="num">{moment(one.at)}<small>{exact(one.at)}</small></td><th scope="row">{one.who}</th><td>{word("act", one.act)}</td><td>{one.subject}{one.detail && <small>{detailOf(one.act, one.detail)}</small>}</td><td class="num soft">{one.address || "—"}</td></tr>)}</tbody>
          </table>
        </div>
      )}
      <p class="pager">{values.before && <a class="btn btn-plain" href={link(["audit"], { q: values.q })}>{t("newest")}</a>}{last && (value?.lines.length ?? 0) >= 100 && <a class="btn btn-plain" href={link(["audit"], { q: values.q, before: last.id })}>{t("older")}</a>}</p>
    </>
  );
}
