// A store is given its place: by a click on the map, or by two numbers.
import { useEffect, useState } from "preact/hooks";
import { ask } from "./api";
import { useLoaded } from "./load";
import { Button, Field, useAct } from "./parts";
import { say, t } from "./say";
import { tell } from "./state";
import type { Details, FleetPage } from "./types";

/** Degrees, as they are typed. */
export interface Spot { latitude: string; longitude: string }

export const degreesOf = (spot: Spot): [latitude: number, longitude: number] | null => {
  const [latitude, longitude] = [spot.latitude, spot.longitude].map((one) => (one.trim() === "" ? NaN : Number(one.replace(",", "."))));
  return latitude !== undefined && longitude !== undefined && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? [latitude, longitude] : null;
};

export const spotOf = (latitude: number, longitude: number): Spot => ({ latitude: latitude.toFixed(5), longitude: longitude.toFixed(5) });

export function Placing({ store, setStore, spot, setSpot, leave, again }: { store: string; setStore(id: string): void; spot: Spot; setSpot(spot: Spot): void; leave(): void; again(): void }) {
  const fleet = useLoaded<FleetPage>("/fleet?sort=name&limit=500", false);
  const known = useLoaded<Details>(store ? `/stores/${encodeURIComponent(store)}` : null, false);
  const [city, setCity] = useState("");
  const [busy, act] = useAct();
  const there = known.value?.store_id === store ? known.value : null;
  useEffect(() => {
    if (!there) return;
    setCity(there.place?.city ?? "");
    if (there.place) setSpot(spotOf(there.place.latitude / 1e6, there.place.longitude / 1e6));
  }, [there?.store_id]);
  const at = degreesOf(spot);
  return (
    <form class="panel placing" aria-label={t("place.title")} onSubmit={(event) => {
      event.preventDefault();
      if (!at || !there) return;
      const place = { latitude: Math.round(at[0] * 1e6), longitude: Math.round(at[1] * 1e6), city: city.trim() };
      void act(() => ask("PUT", `/stores/${encodeURIComponent(there.store_id)}/place`, place)).then((done) => {
        if (!done) return;
        tell(t("place.saved", { name: say(there.name) }));
        again();
        leave();
      });
    }}>
      <p>{t("place.how")}</p>
      <Field label={t("place.store")}>
        <input required list="stores-known" value={store} placeholder="S001" onInput={(event) => setStore(event.currentTarget.value.trim())} />
        <small role="status">{there ? say(there.name) : store && known.refused ? known.refused : ""}</small>
      </Field>
      <datalist id="stores-known">{fleet.value?.stores.map((one) => <option key={one.store_id} value={one.store_id}>{say(one.name)}</option>)}</datalist>
      <Field label={t("place.latitude")}><input required inputMode="decimal" value={spot.latitude} placeholder="55.75400" onInput={(event) => setSpot({ ...spot, latitude: event.currentTarget.value })} /></Field>
      <Field label={t("place.longitude")}><input required inputMode="decimal" value={spot.longitude} placeholder="37.62000" onInput={(event) => setSpot({ ...spot, longitude: event.currentTarget.value })} /></Field>
      <Field label={t("place.city")}><input maxLength={64} value={city} onInput={(event) => setCity(event.currentTarget.value)} /></Field>
      <footer><Button onClick={leave}>{t("cancel")}</Button><Button kind="main" type="submit" disabled={busy || !at || !there}>{t("place.save")}</Button></footer>
    </form>
  );
}
