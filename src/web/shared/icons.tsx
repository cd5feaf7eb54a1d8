// Line icons; each stands beside words or inside a labelled button, so none speaks by itself.
import type { JSX } from "preact";

const paths = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  back: "M14.5 5.5L8 12l6.5 6.5",
  next: "M9.5 5.5L16 12l-6.5 6.5",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.5 11v5M13.5 11v5",
  clock: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2.5",
  weight: "M6 8h12l1.5 12h-15zM9.5 8a2.5 2.5 0 1 1 5 0",
  flame: "M12 3c1 4 5 5.5 5 10.5a5 5 0 0 1-10 0c0-2 1-3 2-4.5.5 1.5 1 2 2 2.5C12 9 11 6 12 3z",
  leaf: "M5 19C4 10 10 5 20 4c0 10-5 16-13 14M5 19c2-5 5-7.5 9-9.5",
  bag: "M5.5 8h13l1 12.5h-15zM9 8V6.5a3 3 0 0 1 6 0V8",
  plate: "M12 4.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.5v2.5H14zM17.5 17.5H20V20h-2.5zM19.5 14v1M14 19.5h1",
  card: "M3.5 6h17v12h-17zM3.5 10h17M7 14.5h3",
  cash: "M3.5 7h17v10h-17zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM6.5 12h.01M17.5 12h.01",
  offline: "M4 9c4.5-4 11.5-4 16 0M7 12.5c3-2.5 7-2.5 10 0M10 16c1.300-1 2.700-1 4 0M12 19h.01M4 4l16 16",
  alert: "M12 4l9 16H3zM12 10v4.5M12 17.200v.1",
  shield: "M12 3.5l7.5 3v5c0 5-3.5 8-7.5 9.5-4-1.5-7.5-4.5-7.5-9.5v-5zM8.5 12l2.5 2.5 4.5-5",
  phone: "M8 3.5h8a1 1 0 0 1 1 1v15a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1v-15a1 1 0 0 1 1-1zM11 17.5h2",
  erase: "M9 6h11v12H9l-5.5-6zM12 9.5l5 5M17 9.5l-5 5",
  restart: "M5 12a7 7 0 1 0 2.5-5.400M5 4.5v4h4",
  receipt: "M6 3.5v17l2-1.5 2 1.5 2-1.5 2 1.5 2-1.5 2 1.5v-17zM9 8h6M9 12h6",
  globe: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM3.5 12h17M12 3.5c3 3 3 14 0 17M12 3.5c-3 3-3 14 0 17",
  power: "M12 3.5v8M7 6.5a7.5 7.5 0 1 0 10 0",
  robot: "M6 9h12v10H6zM12 9V5M12 4.5v.1M9.5 13.5v.1M14.5 13.5v.1M3.5 12v4M20.5 12v4",
  printer: "M7 9V4h10v5M5 9h14v8h-2.5M7.5 17H5V9M7.5 14h9v6h-9z",
  bank: "M4 9.5L12 4l8 5.5zM6 12v5M10 12v5M14 12v5M18 12v5M4 20h16",
  book: "M5 4.5h10a3 3 0 0 1 3 3V20H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h10",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.500 1.500h-15zM10 20.500h4M12 5V3.500",
  access: "M12 4.500v.1M5.500 8.500c4 1.300 9 1.300 13 0M12 9.500v5M12 14.500l-3 5.500M12 14.500l3 5.500",
  filter: "M5 19C4 10 10 5 20 4c0 10-5 16-13 14M4 4l16 16",
  undo: "M9 6L4.500 10.500 9 15M5 10.500h9a5 5 0 0 1 0 10h-3",
  tag: "M4 4h7.500l8.500 8.500-7.500 7.500L4 11.500zM8 8v.1",
  mail: "M3.500 6h17v12.500h-17zM4 6.500l8 6.500 8-6.500",
  edit: "M4.500 19.500l1-4.500L16 4.500l3.500 3.500L9 18.500zM13.500 7l3.500 3.500",
  person: "M12 4a3.700 3.700 0 1 0 0 7.400A3.700 3.700 0 0 0 12 4zM4.500 20.500c.5-4.500 3.500-6.500 7.500-6.500s7 2 7.500 6.500",
  eye: "M2.500 12c4-7.500 15-7.500 19 0-4 7.500-15 7.500-19 0zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
  down: "M5.500 9.500L12 16l6.500-6.500",
  shift: "M12 4.500L4.500 12.500h4v6.500h7v-6.500h4z",
  sparkle: "M12 3.500l1.900 6.600 6.600 1.900-6.600 1.900L12 20.500l-1.900-6.600L3.500 12l6.600-1.900z",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  message: "M4 5h16v11H11l-4.5 4V16H4z",
} as const;

export type IconName = keyof typeof paths;

export function Icon(props: { name: IconName; size?: string }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" style={props.size ? { width: props.size, height: props.size } : undefined} aria-hidden="true" focusable="false" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
      <path d={paths[props.name]} />
    </svg>
  );
}
