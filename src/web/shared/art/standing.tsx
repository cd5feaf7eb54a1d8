// Dishes seen from the side: what stands on the table rather than lies on a plate.
import { type Chance, pick, r1 } from "./chance";
import { Cream, Steam } from "./parts";

function Saucer({ rim, y }: { rim: string; y: number }) {
  return (
    <g>
      <ellipse cx="204" cy={y + 12} rx="138" ry="24" fill="#000" opacity="0.2" />
      <ellipse cx="200" cy={y} rx="132" ry="24" fill={rim} />
      <ellipse cx="200" cy={y - 4} rx="127" ry="20" fill="#fffdf6" />
      <ellipse cx="200" cy={y - 3} rx="96" ry="13" fill="#e9dcc3" />
    </g>
  );
}

export function HotDrink({ chance, rim, words }: { chance: Chance; rim: string; words: string }) {
  const milky = /latte|латте|cappuc|капуч|cocoa|какао|milk|молок/.test(words);
  const coffee = /coffee|кофе|espresso|эспрессо|amer|амер|qahva/.test(words);
  const drink = milky ? "#c99a63" : coffee ? "#4a2815" : pick(chance, ["#a9541a", "#b8641e"]);
  return (
    <g>
      <Saucer rim={rim} y={238} />
      <path d="M278 138c46-8 58 66-4 68" stroke={rim} stroke-width="17" fill="none" stroke-linecap="round" />
      <path d="M278 138c46-8 58 66-4 68" stroke="#fffdf6" stroke-width="8" fill="none" stroke-linecap="round" />
      <path d="M116 106h168l-8 92c-3 24-18 34-40 34h-72c-22 0-37-10-40-34z" fill="#fffdf6" />
      <path d="M250 106h34l-8 92c-3 24-18 34-40 34h-14c22-6 30-20 31-44z" fill="#e2d5bc" />
      <ellipse cx="200" cy="106" rx="88" ry="23" fill={rim} />
      <ellipse cx="200" cy="106" rx="80" ry="18" fill="#efe4cc" />
      <ellipse cx="200" cy="109" rx="74" ry="14" fill={drink} />
      {milky && <path d="M200 99c12-5 26 4 0 16-26-12-12-21 0-16z" fill="#fff3dc" />}
      <path d="M138 132l5 60" stroke="#fff" stroke-width="9" stroke-linecap="round" />
      <g fill={rim}>{[[164, 168], [200, 182], [236, 166], [182, 204], [222, 206]].map(([x, y]) => <circle key={`${x}`} cx={x} cy={y} r="4" opacity="0.85" />)}</g>
      <Steam x={200} y={72} />
    </g>
  );
}

const liquids: [RegExp, string, string][] = [
  [/mors|морс|cherry|вишн|cranb|клюкв|berry|ягод|pomegran|гранат/, "#b3152f", "#e0566a"],
  [/orange|апельс|carrot|abrikos|apricot|sea.?buck|облепих/, "#ef8a1e", "#f9b65a"],
  [/ayran|айран|kefir|кефир|milk|молок/, "#f4f0e4", "#ffffff"],
  [/kvass|квас|cola|кола|tea|чай/, "#6d3413", "#9a5a2a"],
  [/water|вода|suv/, "#a9d8e6", "#d8f0f6"],
  [/mint|мят|tarhun|тархун|mojito|мохито|apple|яблок/, "#58a346", "#96cd7c"],
  [/kompot|компот|compote/, "#c9503a", "#e78a6e"],
];

export function ColdDrink({ chance, words }: { chance: Chance; words: string }) {
  const [, deep, light] = liquids.find(([pattern]) => pattern.test(words)) ?? [/./, "#f3c12e", "#fae182"];
  return (
    <g>
      <ellipse cx="208" cy="272" rx="92" ry="15" fill="#000" opacity="0.2" />
      <path d="M236 74l34-62h26" stroke="#c2301a" stroke-width="10" fill="none" stroke-linecap="round" stroke-linejoin="round" />
      <path d="M128 54h144l-16 198c-1 12-8 18-20 18h-72c-12 0-19-6-20-18z" fill="#fff" opacity="0.5" />
      <path d="M133 96h134l-12 154c-1 10-8 14-18 14h-74c-10 0-17-4-18-14z" fill={deep} />
      <path d="M133 96h134l-3 38c-40 14-90-14-128 0z" fill={light} />
      {[[160, 124, 12], [206, 112, -18], [186, 164, 24], [226, 152, 8]].map(([x, y, turn]) => (
        <g key={`${x}`} transform={`translate(${x} ${y}) rotate(${r1((turn ?? 0) + chance() * 14)})`}>
          <rect x="-19" y="-19" width="38" height="38" rx="8" fill="#fff" opacity="0.42" />
          <rect x="-13" y="-13" width="14" height="5" rx="2.5" fill="#fff" opacity="0.8" />
        </g>
      ))}
      <g transform="translate(134 74) rotate(-14)">
        <circle r="35" fill="#f0b429" /><circle r="29" fill="#fff3c4" /><circle r="26" fill="#f8cf4a" />
        {[0, 60, 120, 180, 240, 300].map((a) => <path key={a} d="M0 0V-25" stroke="#fff3c4" stroke-width="3" transform={`rotate(${a})`} />)}
      </g>
      <g transform="translate(196 66)" fill="#3f8d3f"><path d="M0 0C-24-6-32-26-26-36 -8-34 4-20 0 0z" /><path d="M0 0C14-22 32-26 42-20 38-4 20 6 0 0z" fill="#5cab4d" /></g>
      <path d="M147 84l10 150" stroke="#fff" stroke-width="8" stroke-linecap="round" opacity="0.75" />
    </g>
  );
}

export function Cake({ chance, rim, words }: { chance: Chance; rim: string; words: string }) {
  const honey = /medov|медов|honey|asal/.test(words);
  const chocolate = /choc|шокол|brownie|брауни|praga|прага/.test(words);
  const [sponge, cream, top] = chocolate ? ["#5b2c17", "#8f5a3a", "#3a1a0c"] : honey ? ["#b8702a", "#fbe8c3", "#c98535"] : pick(chance, [["#edc47d", "#fff7e6", "#fffaf0"], ["#e9b96b", "#f9d3d0", "#f4b3ae"]]) ?? [];
  const layers = honey ? 6 : 4;
  const high = 108 / layers;
  return (
    <g>
      <Saucer rim={rim} y={234} />
      <path d="M92 112L232 82l76 30-92 32z" fill={top} />
      {Array.from({ length: layers }, (_, i) => (
        <g key={i} transform={`translate(0 ${r1(i * high)})`}>
          <path d={`M92 112L216 144V${r1(144 + high)}L92 ${r1(112 + high)}z`} fill={sponge} />
          <path d={`M216 144L308 112V${r1(112 + high)}L216 ${r1(144 + high)}z`} fill={sponge} />
          <path d={`M216 144L308 112V${r1(112 + high)}L216 ${r1(144 + high)}z`} fill="#000" opacity="0.14" />
          <path d="M92 115L216 147L308 115" stroke={cream} stroke-width={honey ? 6 : 9} fill="none" stroke-linejoin="round" />
        </g>
      ))}
      <path d="M92 112L232 82l76 30-92 32z" fill={top} />
      {honey
        ? <g fill="#8a4f1c">{Array.from({ length: 20 }, (_, i) => <circle key={i} cx={r1(140 + chance() * 120)} cy={r1(98 + chance() * 28)} r="3" opacity="0.6" />)}</g>
        : <g><Cream x={206} y={104} size={0.9} /><circle cx="208" cy="86" r="17" fill="#b3152f" /><circle cx="202" cy="80" r="5" fill="#fff" opacity="0.6" /><path d="M208 70q6-16 20-18" stroke="#2f7d3b" stroke-width="4" fill="none" stroke-linecap="round" /></g>}
    </g>
  );
}

export function Pancakes({ chance, rim }: { chance: Chance; rim: string }) {
  return (
    <g>
      <Saucer rim={rim} y={238} />
      {[0, 1, 2, 3, 4].map((i) => (
        <g key={i} transform={`translate(${r1((chance() - 0.5) * 14)} ${220 - i * 24})`}>
          <path d="M106 0c0-8 42-18 94-18s94 10 94 18v10c0 12-42 20-94 20s-94-8-94-20z" fill="#b9722a" />
          <ellipse cx="200" cy="-1" rx="94" ry="18" fill="#e9b057" />
          <ellipse cx="200" cy="-2" rx="80" ry="13" fill="#d2913a" />
        </g>
      ))}
      <path d="M136 118c8-18 112-22 128 0 8 14-8 18-14 38-4 12-18 10-18-4-2-10-10-10-14 0-4 34-24 34-26 4-2-12-10-12-16-2-8 18-22 8-22-4 0-16-24-18-18-32z" fill="#a8152f" />
      <Cream x={200} y={108} size={0.95} />
      {[[168, 98], [232, 100], [204, 86]].map(([x, y]) => <g key={`${x}`}><circle cx={x} cy={y} r="12" fill="#2f3f86" /><circle cx={(x ?? 0) - 3} cy={(y ?? 0) - 4} r="4" fill="#8b9be0" /></g>)}
    </g>
  );
}

export function Burger({ rim }: { rim: string }) {
  return (
    <g>
      <Saucer rim={rim} y={244} />
      <path d="M104 208h192c4 22-16 32-36 32H140c-20 0-40-10-36-32z" fill="#d0893a" />
      <rect x="98" y="178" width="204" height="34" rx="15" fill="#5f2d15" />
      <path d="M96 178h208l-34 24-28-20-32 24-30-24z" fill="#f3b62f" />
      <path d="M92 164c14-14 26 12 42 0s26 12 42 0 26 12 42 0 26 12 42 0 30 4 44 2c6 8 0 18-10 18H104c-12 0-20-12-12-20z" fill="#5ea23d" />
      <rect x="104" y="146" width="192" height="18" rx="9" fill="#d3321d" />
      <path d="M100 146c-4-62 46-94 100-94s104 32 100 94c0 4-4 6-10 6H110c-6 0-10-2-10-6z" fill="#df9b47" />
      <path d="M122 118c6-30 32-46 62-48" stroke="#f8cf92" stroke-width="10" fill="none" stroke-linecap="round" />
      <g fill="#fdf2d4">{[[170, 92], [210, 78], [244, 100], [200, 112], [150, 122], [262, 126], [226, 128]].map(([x, y]) => <ellipse key={`${x}`} cx={x} cy={y} rx="7" ry="4" transform={`rotate(${((x ?? 0) * 7) % 60 - 30} ${x} ${y})`} />)}</g>
    </g>
  );
}
