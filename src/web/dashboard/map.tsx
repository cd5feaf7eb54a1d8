// Where the stores stand: parallels and meridians only, no map of anybody's. Stores that stand together are one dot.
import { useState } from "preact/hooks";
import { query } from "./api";
import { count } from "./format";
import { useLoaded } from "./load";
import { Button, Empty, Head, Refused, State, Waiting } from "./parts";
import { degreesOf, Placing, spotOf, type Spot } from "./placing";
import { t, word } from "./say";
import { filter, link, may, route } from "./state";
import { conditions, type Condition } from "./types";

type Point = [id: string, name: string, condition: Condition, latitude: number, longitude: number, city: string];
interface Group { x: number; y: number; stores: Point[]; worst: Condition; label: string; city: string | undefined; single: boolean }

const WIDTH = 1000;
const HEIGHT = 520;

/** Mercator, in thousandths of a degree. */
const north = (latitude: number): number => (180 / Math.PI) * Math.log(Math.tan(Math.PI / 4 + (latitude * Math.PI) / 360));

interface View { left: number; top: number; scale: number }

export function fit(points: [latitude: number, longitude: number][]): View {
  const xs = points.map(([, longitude]) => longitude);
  const ys = points.map(([latitude]) => north(latitude));
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [bottom, top] = [Math.min(...ys), Math.max(...ys)];
  const scale = Math.min(WIDTH / Math.max((right - left) * 1.2, 2), HEIGHT / Math.max((top - bottom) * 1.25, 1.5));
  return { left: (left + right) / 2 - WIDTH / scale / 2, top: (top + bottom) / 2 + HEIGHT / scale / 2, scale };
}

const place = (view: View, latitude: number, longitude: number): [number, number] => [(longitude - view.left) * view.scale, (view.top - north(latitude)) * view.scale];

/** How large a group's dot is. */
const sizeOf = (n: number): number => (n === 1 ? 8 : Math.min(30, 11 + Math.sqrt(n) * 1.1));

/** Stores of one city are one dot; dots that would lie upon one another are one, too. */
function grouped(stores: Point[], view: View): Group[] {
  const cities = new Map<string, Point[]>();
  for (const one of stores) {
    const key = one[5] || one[0];
    cities.set(key, [...(cities.get(key) ?? []), one]);
  }
  const centre = (list: Point[]): [number, number] => {
    const at = list.map((one) => place(view, one[3] / 1e6, one[4] / 1e6));
    return [at.reduce((sum, [x]) => sum + x, 0) / at.length, at.reduce((sum, [, y]) => sum + y, 0) / at.length];
  };
  const groups: { x: number; y: number; stores: Point[] }[] = [];
  for (const list of [...cities.values()].sort((a, b) => b.length - a.length)) {
    const [x, y] = centre(list);
    const near = groups.find((one) => Math.hypot(one.x - x, one.y - y) < (sizeOf(one.stores.length) + sizeOf(list.length)) * 0.8);
    if (near) near.stores.push(...list);
    else groups.push({ x, y, stores: [...list] });
  }
  return groups.map((one) => {
    const names = [...new Set(one.stores.map((store) => store[5]).filter(Boolean))];
    return {
      ...one,
      worst: conditions.find((condition) => one.stores.some((store) => store[2] === condition)) ?? "ok",
      label: names.length > 1 ? `${names[0]} +${names.length - 1}` : (names[0] ?? one.stores[0]?.[1] ?? ""),
      city: names.length === 1 ? names[0] : undefined,
      single: one.stores.length === 1,
    };
  });
}

/** How many of a group need somebody. */
const badOf = (one: Group): number => one.stores.filter((store) => conditions.indexOf(store[2]) < 4).length;

export function Map_() {
  const state = route.value.query.get("state") ?? "";
  const { value, refused, again } = useLoaded<{ total: number; stores: Point[] }>(`/map${query({ state })}`);
  // The store that is being placed; none yet when it is empty.
  const [store, setStore] = useState<string | null>(may("manager") ? route.value.query.get("place") : null);
  const [spot, setSpot] = useState<Spot>({ latitude: "", longitude: "" });
  const [zoom, setZoom] = useState(1);
  const placing = store !== null;
  const begin = (to: string | null) => {
    setStore(to);
    setSpot({ latitude: "", longitude: "" });
    setZoom(1);
    if (to === null) filter({ place: undefined });
  };
  const head = (
    <Head title={t("map.title")} sub={value ? t("map.sub", { n: value.stores.length, all: value.total }) : ""}>
      {may("manager") && !placing && <Button icon="plus" onClick={() => begin("")}>{t("place.title")}</Button>}
    </Head>
  );
  if (refused) return <>{head}<Refused text={refused} /></>;
  if (!value) return <>{head}<Waiting lines={6} /></>;
  if (value.stores.length === 0 && !placing) return <>{head}<Empty title={t("map.none")} icon="globe">{t("map.none.more")}</Empty></>;
  const chosen = placing ? degreesOf(spot) : null;
  const whole = fit(value.stores.length > 0 ? value.stores.map((one) => [one[3] / 1e6, one[4] / 1e6]) : [[41, 28], [60, 90]]);
  const view = zoom === 1 ? whole : zoomed(whole, zoom, chosen);
  const shown = chosen && place(view, ...chosen);
  const groups = grouped(value.stores, view);
  const step = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20].find((one) => one * view.scale > 90) ?? 30;
  const lines = (from: number, to: number) => Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) + 1 }, (_, n) => Math.ceil(from / step) * step + n * step).filter((one) => one <= to);
  const meridians = lines(view.left, view.left + WIDTH / view.scale);
  const south = latitudeOf(view.top - HEIGHT / view.scale);
  const parallels = lines(south, latitudeOf(view.top));
  return (
    <>
      {head}
      {store !== null && <Placing store={store} setStore={setStore} spot={spot} setSpot={setSpot} leave={() => begin(null)} again={again} />}
      {placing && <p class="acts zoom"><Button disabled={zoom >= 64} onClick={() => setZoom(zoom * 2)}>{t("map.closer")}</Button><Button disabled={zoom <= 1 / 16} onClick={() => setZoom(zoom / 2)}>{t("map.farther")}</Button></p>}
      <svg class={`map${placing ? " map-placing" : ""}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label={t("map.title")} onClick={(event) => {
        const matrix = event.currentTarget.getScreenCTM();
        if (!placing || !matrix) return;
        // A click chooses a place here, and leads nowhere.
        event.preventDefault();
        const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
        setSpot(spotOf(latitudeOf(view.top - y / view.scale), view.left + x / view.scale));
      }}>
        <g class="graticule" aria-hidden="true">
          {meridians.map((one) => { const [x] = place(view, 0, one); return <g key={`m${one}`}><path d={`M${x} 0V${HEIGHT}`} /><text x={x + 4} y={HEIGHT - 6}>{degrees(one)}° E</text></g>; })}
          {parallels.map((one) => { const [, y] = place(view, one, 0); return <g key={`p${one}`}><path d={`M0 ${y}H${WIDTH}`} /><text x={6} y={y - 4}>{degrees(one)}° N</text></g>; })}
        </g>
        {groups.map((one) => {
          const size = sizeOf(one.stores.length);
          const bad = badOf(one);
          const to = one.single ? link(["stores", one.stores[0]?.[0] ?? ""]) : link([], one.city ? { city: one.city } : {});
          const told = `${one.label}: ${one.single ? word("state", one.worst) : t("map.group", { n: one.stores.length, bad })}`;
          return (
            <a key={one.stores[0]?.[0]} href={to} aria-label={told} class={`spot${one.single ? ` spot-${one.worst}` : ""}`}>
              <title>{told}</title>
              <circle cx={one.x} cy={one.y} r={Math.max(size, 13)} class="spot-area" />
              <circle cx={one.x} cy={one.y} r={size} class="spot-body" />
            </a>
          );
        })}
        {groups.map((one) => {
          const size = sizeOf(one.stores.length);
          const bad = badOf(one);
          return (
            <g key={one.stores[0]?.[0]} aria-hidden="true" class="spot-words">
                {!one.single && <text x={one.x} y={one.y + 4.500} class="spot-count num">{count(one.stores.length)}</text>}
                {bad > 0 && !one.single && <><circle cx={one.x + size * 0.8} cy={one.y - size * 0.8} r={9} class="spot-badge" /><text x={one.x + size * 0.8} y={one.y - size * 0.8 + 4} class="spot-badge-count num">{bad}</text></>}
                <text x={one.x} y={one.y + size + 16} class="spot-name">{one.label}</text>
              </g>
          );
        })}
        {shown && <g class="spot-chosen" data-placing aria-hidden="true"><path d={`M${shown[0]} ${shown[1] - 26}v52M${shown[0] - 26} ${shown[1]}h52`} /><circle cx={shown[0]} cy={shown[1]} r={10} /></g>}
      </svg>
      <p class="legend">{conditions.filter((one) => value.stores.some((store) => store[2] === one)).map((one) => <State key={one} of={one} small />)}</p>
    </>
  );
}

/** The same, so many times closer: around what is chosen, or around its middle. */
function zoomed(view: View, by: number, chosen: [latitude: number, longitude: number] | null): View {
  const scale = view.scale * by;
  const x = chosen ? chosen[1] : view.left + WIDTH / view.scale / 2;
  const y = chosen ? north(chosen[0]) : view.top - HEIGHT / view.scale / 2;
  return { left: x - WIDTH / scale / 2, top: y + HEIGHT / scale / 2, scale };
}

const latitudeOf = (y: number): number => (Math.atan(Math.exp((y * Math.PI) / 180)) * 360) / Math.PI - 90;
const degrees = (n: number): string => String(Math.round(n * 100) / 100);
