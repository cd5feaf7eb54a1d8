// A dish as guests see it: its photograph from the box, else its drawing, else a tile with its first letter.
// Decorative: the name beside it says what it is.
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import type { Dish } from "../types";
import { say } from "../i18n";
import { chanceOf, pick } from "./chance";
import { DishArt } from "./DishArt";
import { kindOf } from "./kinds";

type Drawn = Pick<Dish, "id" | "category" | "name" | "picture">;

/** Pictures that could not be had; asked for again when the page is loaded again. */
const missing = signal<ReadonlySet<string>>(new Set());

export function pictureUrl(hash: string, size: number): string {
  return `/pictures/${hash}-${size}.webp`;
}

/** `sizes`: how wide it is on the screen, as the `sizes` of an image; `plain` leaves the drawing without its ground. */
export function DishPicture(props: { dish: Drawn; sizes: string; plain?: boolean }): JSX.Element {
  const { dish } = props;
  const hash = dish.picture?.hash;
  const widths = dish.picture?.sizes ?? [];
  const middle = widths[Math.floor(widths.length / 2)];
  if (hash && middle !== undefined && !missing.value.has(hash)) {
    return (
      <img
        class="dish-photo"
        src={pictureUrl(hash, middle)}
        srcset={widths.map((width) => `${pictureUrl(hash, width)} ${width}w`).join(", ")}
        sizes={props.sizes}
        alt=""
        decoding="async"
        draggable={false}
        onError={() => (missing.value = new Set(missing.peek()).add(hash))}
      />
    );
  }
  return kindOf(dish) ? <DishArt dish={dish} plain={props.plain ?? false} /> : <Initial dish={dish} plain={props.plain ?? false} />;
}

const grounds = ["#c2301a", "#1d3470", "#2f6f63", "#8f2f3f", "#7d3b5a", "#9c5a1a"];

function Initial({ dish, plain }: { dish: Drawn; plain: boolean }) {
  const ground = pick(chanceOf(dish.id), grounds);
  return (
    <svg class="dish-art" viewBox={plain ? "64 14 272 272" : "0 0 400 300"} preserveAspectRatio={plain ? "xMidYMid meet" : "xMidYMid slice"} aria-hidden="true" focusable="false">
      {plain ? <circle cx="200" cy="150" r="128" fill={ground} /> : <rect width="400" height="300" fill={ground} />}
      <circle cx="200" cy="150" r="104" fill="none" stroke="#fff" stroke-width="6" opacity="0.5" />
      <text x="200" y="196" text-anchor="middle" fill="#fffdf6" style={{ font: "900 132px var(--display)" }}>{[...say(dish.name).trim()][0]?.toUpperCase() ?? "·"}</text>
    </svg>
  );
}
