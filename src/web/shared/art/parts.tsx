// Pieces from which dishes are drawn, all seen from above on a 400 × 300 field whose middle is (200, 150).
import type { ComponentChildren } from "preact";
import { type Chance, type Spot, pick, r1, scatter } from "./chance";

export const rims = ["#1d3470", "#1d3470", "#8f2414", "#23543b", "#2a2a33"];

const at = (spot: Spot) => `translate(${r1(spot.x)} ${r1(spot.y)}) rotate(${Math.round(spot.turn)}) scale(${r1(spot.size)})`;

/** An enamel plate or bowl with its shadow; `well` is the colour inside. */
export function Plate(props: { rim: string; well?: string; deep?: boolean; children?: ComponentChildren }) {
  const { rim, well = "#f6ecd9", deep = false } = props;
  return (
    <g>
      <ellipse cx="206" cy="164" rx="128" ry="124" fill="#000" opacity="0.2" />
      <circle cx="200" cy="150" r="124" fill={rim} />
      <circle cx="200" cy="150" r="118" fill="#fffdf6" />
      <circle cx="200" cy="150" r={deep ? 98 : 92} fill="#e6d8bd" />
      <circle cx="200" cy={deep ? 152 : 151.5} r={deep ? 95 : 90} fill={well} />
      {props.children}
      <path d="M104 96a112 112 0 0 1 62-53" stroke="#fff" stroke-width="6" stroke-linecap="round" fill="none" opacity="0.9" />
    </g>
  );
}

export function Herbs(props: { chance: Chance; count: number; radius: number; color?: string }) {
  return (
    <g stroke={props.color ?? "#2f7d3b"} stroke-width="3" stroke-linecap="round" fill="none">
      {scatter(props.chance, props.count, props.radius).map((spot, i) => (
        <path key={i} transform={at(spot)} d="M-8 6Q0 0 8-6M-2 2l-3-7M2-2l6 1M-5 4l-5-3" />
      ))}
    </g>
  );
}

export function Chunks(props: { chance: Chance; count: number; radius: number; colors: string[]; size?: number; soft?: boolean }) {
  const size = props.size ?? 12;
  return (
    <g>
      {scatter(props.chance, props.count, props.radius).map((spot, i) => {
        const color = pick(props.chance, props.colors);
        const long = size * (1 + props.chance() * 0.6);
        return (
          <g key={i} transform={at(spot)}>
            <rect x={r1(-long / 2)} y={r1(-size / 2 + 2)} width={r1(long)} height={size} rx={props.soft ? size / 2 : 4} fill="#000" opacity="0.18" />
            <rect x={r1(-long / 2)} y={-size / 2} width={r1(long)} height={size} rx={props.soft ? size / 2 : 4} fill={color} />
            <rect x={r1(-long / 2 + 2)} y={-size / 2 + 2} width={r1(long * 0.5)} height="2.5" rx="1.2" fill="#fff" opacity="0.35" />
          </g>
        );
      })}
    </g>
  );
}

export function Slices(props: { chance: Chance; count: number; radius: number; skin: string; flesh: string; size?: number; seeds?: string }) {
  const size = props.size ?? 15;
  return (
    <g>
      {scatter(props.chance, props.count, props.radius).map((spot, i) => (
        <g key={i} transform={at(spot)}>
          <circle cx="1" cy="3" r={size} fill="#000" opacity="0.15" />
          <circle r={size} fill={props.skin} />
          <circle r={size - 2.5} fill={props.flesh} />
          {props.seeds && [0, 60, 120, 180, 240, 300].map((a) => <ellipse key={a} cx={size * 0.5} rx="2.6" ry="1.4" fill={props.seeds} transform={`rotate(${a})`} />)}
        </g>
      ))}
    </g>
  );
}

export function Leaves(props: { chance: Chance; count: number; radius: number; colors: string[] }) {
  return (
    <g>
      {scatter(props.chance, props.count, props.radius, 5).map((spot, i) => (
        <g key={i} transform={at(spot)}>
          <path d="M-30 3C-22-16 2-22 30 0 8 22-18 18-30 3z" fill="#000" opacity="0.14" transform="translate(2 4)" />
          <path d="M-30 0C-26-8-22-12-14-13-8-19 4-17 10-13 20-12 26-6 30 0 24 8 14 14 6 14-2 18-12 15-16 12-24 10-28 6-30 0z" fill={pick(props.chance, props.colors)} />
          <path d="M-26 0Q0-3 24 0M-10-1l8-7M-4-1l6 8M6-1l7-5" stroke="#fff" stroke-opacity="0.4" stroke-width="2" fill="none" stroke-linecap="round" />
        </g>
      ))}
    </g>
  );
}

/** A spoonful of sour cream with a swirl. */
export function Cream(props: { x: number; y: number; size?: number; color?: string }) {
  return (
    <g transform={`translate(${props.x} ${props.y}) scale(${props.size ?? 1})`}>
      <path d="M-30 2C-30-16-8-26 10-20 30-16 34 4 22 14 8 26-28 22-30 2z" fill="#000" opacity="0.15" transform="translate(2 5)" />
      <path d="M-30 2C-30-16-8-26 10-20 30-16 34 4 22 14 8 26-28 22-30 2z" fill={props.color ?? "#fffaf0"} />
      <path d="M-14 4C-14-8 8-12 12-2 14 6 0 10-3 4-4 0 2-2 4 1" stroke="#d9cdb6" stroke-width="3" fill="none" stroke-linecap="round" />
    </g>
  );
}

export function Steam(props: { x: number; y: number }) {
  return (
    <g class="steam" stroke="#fff" stroke-width="7" stroke-linecap="round" fill="none" opacity="0.75" transform={`translate(${props.x} ${props.y})`}>
      <path d="M-26 0c-10-14 10-22 0-38" />
      <path d="M0-4c-10-14 10-24 0-42" />
      <path d="M26 0c-10-14 10-22 0-38" />
    </g>
  );
}
