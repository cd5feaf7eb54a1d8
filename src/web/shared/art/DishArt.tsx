// One drawn dish. Purely decorative: the name beside it says what it is.
import type { JSX } from "preact";
import type { Dish } from "../types";
import { type Chance, chanceOf, pick, r1, scatter } from "./chance";
import { Chunks, Cream, Herbs, Leaves, Plate, rims, Slices } from "./parts";
import { Burger, Cake, ColdDrink, HotDrink, Pancakes } from "./standing";
import { type Kind, kindOf } from "./kinds";

const TAU = Math.PI * 2;

const fields: Record<Kind, string[]> = {
  soup: ["#efb23c", "#2c5fa3", "#3f7d6b"],
  plov: ["#1f7a8c", "#22529a"],
  dumplings: ["#22529a", "#b3452b"],
  noodles: ["#b3452b", "#22529a"],
  grill: ["#e3a02f", "#2f6f63"],
  fish: ["#2f6f8f", "#efb23c"],
  salad: ["#d9593a", "#efb23c"],
  burger: ["#2c5fa3", "#d9593a"],
  bread: ["#1f7a8c", "#8f2f3f"],
  hot_drink: ["#d9593a", "#2f6f63"],
  cold_drink: ["#7db7c9", "#efb23c"],
  cake: ["#e89a8c", "#7d3b5a"],
  pancakes: ["#7d3b5a", "#2c5fa3"],
  porridge: ["#9c5a86", "#2c5fa3"],
  side: ["#3f7d6b", "#b3452b"],
  stew: ["#2f6f63", "#22529a"],
};

const broths: [RegExp, string, string[]][] = [
  [/borsch|борщ/, "#a8152f", ["#7c0d24", "#c9343f", "#e7b264"]],
  [/solyanka|солянка|shurpa|шурпа|mastava|tom/, "#c65a1e", ["#8c3a17", "#e9a23b", "#b32b1a"]],
  [/pumpkin|тыкв|carrot|qovoq|lentil|чечев/, "#e58a24", ["#f3b557", "#c96a12"]],
  [/mushroom|гриб|cream|крем/, "#c9a878", ["#8a6238", "#a98454"]],
  [/okroshka|окрошка/, "#e9e6cf", ["#7fae52", "#d9546a", "#f3f0e0"]],
  [/pea|горох|spinach|green|щавел|shchi|щи\b/, "#9aa63c", ["#d98b3a", "#6f8430"]],
];

function Soup({ chance, words }: { chance: Chance; words: string }) {
  const [, broth, pieces] = broths.find(([pattern]) => pattern.test(words)) ?? [/./, "#dba437", ["#e8792e", "#f4e2a6", "#a9752f"]];
  const creamy = /borsch|борщ|okroshka|окрошка|solyanka|солянка|pumpkin|тыкв|cream|крем|mushroom|гриб/.test(words);
  return (
    <g>
      <circle cx="200" cy="152" r="90" fill={broth} />
      <path d="M120 190a90 90 0 0 0 160 0a96 96 0 0 1-160 0z" fill="#000" opacity="0.12" />
      {scatter(chance, 22, 80, 4).map((spot, i) => (
        <circle key={i} cx={r1(spot.x)} cy={r1(spot.y)} r={r1(2 + spot.size * 3)} fill="#fff" opacity="0.16" />
      ))}
      <Chunks chance={chance} count={13} radius={70} colors={pieces} size={15} />
      {creamy && <Cream x={212} y={146} size={1.15} />}
      <Herbs chance={chance} count={9} radius={64} />
    </g>
  );
}

function Plov({ chance }: { chance: Chance }) {
  return (
    <g>
      <ellipse cx="200" cy="152" rx="80" ry="78" fill="#d99a2f" />
      {scatter(chance, 120, 76, 2).map((spot, i) => (
        <rect key={i} x="-8" y="-2.6" width="16" height="5.2" rx="2.6" fill={pick(chance, ["#f3c766", "#f7d98e", "#e9b24a"])} transform={`translate(${r1(spot.x)} ${r1(spot.y)}) rotate(${Math.round(spot.turn)})`} />
      ))}
      {scatter(chance, 22, 72, 4).map((spot, i) => (
        <rect key={i} x="-13" y="-3" width="26" height="6" rx="3" fill={pick(chance, ["#e8701d", "#d9580f"])} transform={`translate(${r1(spot.x)} ${r1(spot.y)}) rotate(${Math.round(spot.turn)})`} />
      ))}
      <Chunks chance={chance} count={7} radius={44} colors={["#74371a", "#8a4623", "#5f2b14"]} size={23} />
      <g transform="translate(206 146)">
        <circle cx="2" cy="4" r="25" fill="#000" opacity="0.2" />
        <circle r="24" fill="#f8efdf" />
        {[0, 1, 2, 3, 4, 5, 6].map((i) => <path key={i} d="M0 0C8-8 8-18 0-23" stroke="#cdb99a" stroke-width="2.4" fill="none" transform={`rotate(${i * 51})`} />)}
        <circle r="5" fill="#d9c6a8" />
      </g>
      <Herbs chance={chance} count={5} radius={66} />
    </g>
  );
}

function Dumplings({ chance, words }: { chance: Chance; words: string }) {
  const big = /manti|манты|khinkali|хинкали/.test(words);
  const ring = big ? 5 : 8;
  const size = big ? 30 : 21;
  const spots = Array.from({ length: ring }, (_, i) => ({ x: 200 + Math.cos((i / ring) * TAU + 0.4) * 55, y: 151 + Math.sin((i / ring) * TAU + 0.4) * 55 }));
  return (
    <g>
      {[...spots, ...(big ? [{ x: 200, y: 151 }] : [])].map((spot, i) => (
        <g key={i} transform={`translate(${r1(spot.x)} ${r1(spot.y)}) rotate(${Math.round(chance() * 360)})`}>
          <circle cx="2" cy="5" r={size} fill="#000" opacity="0.16" />
          <circle r={size} fill={pick(chance, ["#f7e7c4", "#f3deb4", "#f9eccf"])} />
          {Array.from({ length: 9 }, (_, k) => <path key={k} d={`M0 0Q${size * 0.35} ${-size * 0.4} ${size * 0.1} ${-size * 0.92}`} stroke="#c79f63" stroke-width="2.4" stroke-linecap="round" fill="none" transform={`rotate(${k * 40})`} />)}
          <circle r={size * 0.2} fill="#dfb878" />
        </g>
      ))}
      {!big && <Cream x={200} y={151} size={1} />}
      <Herbs chance={chance} count={9} radius={78} />
    </g>
  );
}

function Noodles({ chance }: { chance: Chance }) {
  return (
    <g>
      <circle cx="200" cy="152" r="88" fill="#b5531f" />
      {Array.from({ length: 26 }, (_, i) => {
        const radius = 16 + (i % 13) * 5;
        const x = 200 + (chance() - 0.5) * 34;
        const y = 151 + (chance() - 0.5) * 34;
        return <ellipse key={i} cx={r1(x)} cy={r1(y)} rx={radius} ry={r1(radius * (0.7 + chance() * 0.3))} fill="none" stroke={pick(chance, ["#f3cf7d", "#f8dc98", "#e5b557"])} stroke-width="5.5" stroke-dasharray={`${Math.round(radius * 3.4)} ${Math.round(radius * 1.2)}`} transform={`rotate(${Math.round(chance() * 360)} ${r1(x)} ${r1(y)})`} stroke-linecap="round" />;
      })}
      <Chunks chance={chance} count={7} radius={46} colors={["#7a3518", "#8f4522"]} size={18} />
      <Chunks chance={chance} count={9} radius={66} colors={["#d3321d", "#3f8d3f", "#efb02c"]} size={9} soft />
      <Herbs chance={chance} count={7} radius={62} />
    </g>
  );
}

function Grill({ chance, words }: { chance: Chance; words: string }) {
  const skewers = /shash|шашл|kebab|кебаб|kabob/.test(words);
  return (
    <g>
      <Leaves chance={chance} count={5} radius={62} colors={["#5d9a3c", "#79b04a"]} />
      {skewers
        ? [-34, 0, 34].map((dy) => (
            <g key={dy} transform={`rotate(-24 200 150) translate(200 ${150 + dy})`}>
              <path d="M-112 0H104" stroke="#8d8678" stroke-width="5" stroke-linecap="round" />
              {[-58, -20, 18, 56].map((dx, i) => (
                <g key={dx} transform={`translate(${dx} 0)`}>
                  <rect x="-17" y="-12" width="34" height="29" rx="9" fill="#000" opacity="0.2" />
                  <rect x="-17" y="-15" width="34" height="29" rx="9" fill={i % 3 === 1 && dy === 0 ? "#c9361f" : pick(chance, ["#8a4a22", "#743b19", "#9a5728"])} />
                  <path d="M-9-12l6 23M3-12l6 23" stroke="#3d1c0b" stroke-width="4" stroke-linecap="round" opacity="0.6" />
                </g>
              ))}
            </g>
          ))
        : [0, 1].map((i) => (
            <g key={i} transform={`translate(${186 + i * 26} ${130 + i * 40}) rotate(${-18 + i * 10})`}>
              <path d="M-62 6C-62-26-18-40 22-34 60-28 70 4 50 22 26 42-60 40-62 6z" fill="#000" opacity="0.2" transform="translate(3 6)" />
              <path d="M-62 6C-62-26-18-40 22-34 60-28 70 4 50 22 26 42-60 40-62 6z" fill={i ? "#8a4a22" : "#9b5729"} />
              {[-36, -12, 12, 36].map((dx) => <path key={dx} d={`M${dx - 8} -24L${dx + 10} 24`} stroke="#401d0b" stroke-width="6" stroke-linecap="round" opacity="0.62" />)}
            </g>
          ))}
      <Slices chance={chance} count={3} radius={76} skin="#c9301c" flesh="#ea5a40" seeds="#f8c39a" size={17} />
      <Herbs chance={chance} count={5} radius={70} />
    </g>
  );
}

function Fish({ chance }: { chance: Chance }) {
  return (
    <g>
      <Leaves chance={chance} count={6} radius={62} colors={["#5d9a3c", "#7fb552", "#3f8246"]} />
      <g transform="rotate(-16 200 150)">
        <path d="M122 150c16-40 96-50 150-10 12 10 12 16 0 26-52 38-136 26-150-16z" fill="#000" opacity="0.2" transform="translate(3 8)" />
        <path d="M122 150c16-40 96-50 150-10 12 10 12 16 0 26-52 38-136 26-150-16z" fill="#ee8660" />
        {[146, 170, 194, 218, 242].map((x) => <path key={x} d={`M${x} 124q16 26 0 56`} stroke="#fbc7ab" stroke-width="5" fill="none" stroke-linecap="round" />)}
      </g>
      <Slices chance={chance} count={3} radius={76} skin="#f0c02c" flesh="#fae68a" seeds="#fff6c9" size={20} />
      <Herbs chance={chance} count={7} radius={60} />
    </g>
  );
}

function Salad({ chance }: { chance: Chance }) {
  return (
    <g>
      <Leaves chance={chance} count={20} radius={70} colors={["#4d9140", "#74b04b", "#96c45c", "#2f7440"]} />
      <Slices chance={chance} count={5} radius={64} skin="#3f8d3f" flesh="#dcefb4" seeds="#b3d27d" size={17} />
      <Slices chance={chance} count={5} radius={64} skin="#c9301c" flesh="#ec5b42" seeds="#fbd0a8" size={17} />
      <Chunks chance={chance} count={7} radius={60} colors={["#fffdf3", "#f7f1de"]} size={16} />
      <Slices chance={chance} count={4} radius={68} skin="#8f2c63" flesh="#f7e7f0" size={10} />
    </g>
  );
}

function Bread({ chance, words }: { chance: Chance; words: string }) {
  const topped = /pizza|пицца|khachapuri|хачапури/.test(words);
  return (
    <g>
      <circle cx="206" cy="160" r="108" fill="#000" opacity="0.2" />
      <circle cx="200" cy="150" r="108" fill="#b9722a" />
      <circle cx="200" cy="149" r="102" fill="#d9953f" />
      <circle cx="200" cy="150" r="74" fill={topped ? "#f4cf66" : "#edbd6c"} />
      {topped ? (
        <g>
          <Slices chance={chance} count={8} radius={60} skin="#a8281a" flesh="#d24b33" size={14} />
          <Leaves chance={chance} count={4} radius={40} colors={["#3f8246"]} />
        </g>
      ) : (
        <g fill="#a8662a">
          {[18, 36, 54].map((radius, ring) => Array.from({ length: 6 + ring * 6 }, (_, i) => <ellipse key={`${radius}-${i}`} cx={r1(200 + Math.cos((i / (6 + ring * 6)) * TAU) * radius)} cy={r1(150 + Math.sin((i / (6 + ring * 6)) * TAU) * radius)} rx="3.6" ry="3.6" />))}
          {Array.from({ length: 12 }, (_, i) => <path key={i} d="M200 66q8 8 0 18q-8-10 0-18z" transform={`rotate(${i * 30} 200 150)`} />)}
        </g>
      )}
      {scatter(chance, 34, 98, 3).map((spot, i) => <ellipse key={i} rx="3.4" ry="2" fill="#fdf2d4" transform={`translate(${r1(spot.x)} ${r1(spot.y)}) rotate(${Math.round(spot.turn)})`} />)}
    </g>
  );
}

function Porridge({ chance }: { chance: Chance }) {
  return (
    <g>
      <circle cx="200" cy="152" r="88" fill="#efdcb0" />
      <path d="M140 150c10-40 90-50 110-8 12 34-50 60-80 36-22-20 20-50 44-30" stroke="#fff6e0" stroke-width="13" fill="none" stroke-linecap="round" />
      <Slices chance={chance} count={9} radius={62} skin="#2f3f86" flesh="#4658a8" size={11} />
      <Slices chance={chance} count={6} radius={62} skin="#b3152f" flesh="#dd3a4e" seeds="#f9c9a8" size={15} />
      <Leaves chance={chance} count={2} radius={22} colors={["#4d9140", "#74b04b"]} />
    </g>
  );
}

function Side({ chance, words }: { chance: Chance; words: string }) {
  const grain = /buckwheat|греч|rice|рис/.test(words);
  if (grain) {
    return (
      <g>
        <circle cx="200" cy="152" r="78" fill="#7a4a26" />
        {scatter(chance, 130, 74, 2).map((spot, i) => <circle key={i} cx={r1(spot.x)} cy={r1(spot.y)} r={r1(4.6 * spot.size)} fill={pick(chance, ["#9a6335", "#85522a", "#b27a46"])} />)}
        <Herbs chance={chance} count={5} radius={50} />
      </g>
    );
  }
  return (
    <g>
      {scatter(chance, 24, 74, 4).map((spot, i) => (
        <g key={i} transform={`translate(${r1(spot.x)} ${r1(spot.y)}) rotate(${Math.round(spot.turn)})`}>
          <rect x="-32" y="-4" width="64" height="15" rx="6" fill="#000" opacity="0.16" />
          <rect x="-32" y="-8" width="64" height="15" rx="6" fill={pick(chance, ["#f2bd45", "#f6cf6a", "#e5a52c"])} />
          <rect x="-26" y="-5" width="46" height="3" rx="1.5" fill="#fff" opacity="0.4" />
        </g>
      ))}
      <Herbs chance={chance} count={8} radius={70} />
    </g>
  );
}

function Stew({ chance, words }: { chance: Chance; words: string }) {
  const curry = /curry|карри|strog|строг|сlив/.test(words);
  return (
    <g>
      <path d="M112 150a88 88 0 0 1 118-83C250 110 246 190 218 236A88 88 0 0 1 112 150z" fill="#f4e3b4" />
      {scatter(chance, 44, 84, 3).filter((spot) => spot.x < 206).map((spot, i) => <rect key={i} x="-8" y="-2.5" width="16" height="5" rx="2.5" fill="#fffaf0" transform={`translate(${r1(spot.x)} ${r1(spot.y)}) rotate(${Math.round(spot.turn)})`} />)}
      <path d="M226 66c-30 40 6 70-16 104-10 24-4 50 2 68a88 88 0 0 0 14-172z" fill={curry ? "#d9932f" : "#9a3d1a"} />
      <g transform="translate(38 0)"><Chunks chance={chance} count={8} radius={50} colors={curry ? ["#f1cf93", "#e5b467"] : ["#6b3016", "#7f3d1d"]} size={23} /></g>
      <g transform="translate(38 0)"><Chunks chance={chance} count={7} radius={54} colors={["#e8701d", "#3f8d3f", "#d3321d"]} size={11} soft /></g>
      <Herbs chance={chance} count={6} radius={60} />
    </g>
  );
}

export function DishArt(props: { dish: Pick<Dish, "id" | "category" | "name">; plain?: boolean }): JSX.Element {
  const kind = kindOf(props.dish) ?? "stew";
  const chance = chanceOf(props.dish.id);
  const words = `${props.dish.id} ${props.dish.name.en} ${props.dish.name.ru}`.toLowerCase();
  const field = pick(chance, fields[kind]);
  const rim = pick(chance, rims);
  return (
    <svg class="dish-art" viewBox={props.plain ? "64 14 272 272" : "0 0 400 300"} preserveAspectRatio={props.plain ? "xMidYMid meet" : "xMidYMid slice"} aria-hidden="true" focusable="false">
      {!props.plain && <rect width="400" height="300" fill={field} />}
      {!props.plain && scatter(chance, 70, 250, 3).map((spot, i) => <ellipse key={i} cx={r1(spot.x)} cy={r1(spot.y)} rx={r1(1.2 + spot.size * 2)} ry={r1(1 + spot.size * 1.4)} fill="#fff" opacity="0.5" />)}
      {draw(kind, chance, words, rim)}
    </svg>
  );
}

function draw(kind: Kind, chance: Chance, words: string, rim: string): JSX.Element {
  const plated = (inside: JSX.Element, deep = false) => <Plate rim={rim} deep={deep}>{inside}</Plate>;
  switch (kind) {
    case "soup": return plated(<Soup chance={chance} words={words} />, true);
    case "plov": return plated(<Plov chance={chance} />);
    case "dumplings": return plated(<Dumplings chance={chance} words={words} />);
    case "noodles": return plated(<Noodles chance={chance} />, true);
    case "grill": return plated(<Grill chance={chance} words={words} />);
    case "fish": return plated(<Fish chance={chance} />);
    case "salad": return plated(<Salad chance={chance} />, true);
    case "porridge": return plated(<Porridge chance={chance} />, true);
    case "side": return plated(<Side chance={chance} words={words} />);
    case "stew": return plated(<Stew chance={chance} words={words} />, true);
    case "bread": return <Bread chance={chance} words={words} />;
    case "burger": return <Burger rim={rim} />;
    case "hot_drink": return <HotDrink chance={chance} rim={rim} words={words} />;
    case "cold_drink": return <ColdDrink chance={chance} words={words} />;
    case "cake": return <Cake chance={chance} rim={rim} words={words} />;
    case "pancakes": return <Pancakes chance={chance} rim={rim} />;
  }
}
