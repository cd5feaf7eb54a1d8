// Line icons of the staff's screen; each stands beside words or inside a labelled button.
const paths = {
  orders: "M5 4.500h14v15H5zM8.500 9h7M8.500 12.500h7M8.500 16h4",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.500 1.500h-15zM10 20.500h4M12 5V3.500",
  stop: "M8.500 4h7l4.500 4.500v7L15.500 20h-7L4 15.500v-7zM8.500 12h7",
  till: "M4 10h16v9.500H4zM7 10V5h10v5M7 14h2M11 14h2M15 14h2M7 17h10",
  screens: "M4 5h16v11H4zM9 20h6M12 16v4",
  people: "M9 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM3.500 19.500c0-4 2.500-6 5.500-6s5.500 2 5.500 6M15.500 5.300a3 3 0 0 1 0 5.400M17 13.800c2.200.700 3.500 2.700 3.500 5.700",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  back: "M14.500 5.500L8 12l6.500 6.500",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.500l4.500 4.500L19 7.500",
  undo: "M9 6L4.500 10.500 9 15M5 10.500h9a5 5 0 0 1 0 10h-3",
  erase: "M9 6h11v12H9l-5.500-6zM12 9.500l5 5M17 9.500l-5 5",
  cash: "M3.500 7h17v10h-17zM12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
  card: "M3.500 6h17v12h-17zM3.500 10h17M7 14.500h3",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.500v2.500H14zM17.500 17.500H20V20h-2.500z",
  alert: "M12 4l9 16H3zM12 10v4.500M12 17.200v.1",
  clock: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM12 7.500V12l3 2.500",
  bag: "M5.500 8h13l1 12.500h-15zM9 8V6.500a3 3 0 0 1 6 0V8",
  plate: "M12 4.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM12 8.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7z",
  search: "M10.500 4.500a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5",
  receipt: "M6 3.500v17l2-1.500 2 1.500 2-1.500 2 1.500 2-1.500 2 1.500v-17zM9 8h6M9 12h6",
  offline: "M4 9c4.500-4 11.500-4 16 0M7 12.500c3-2.500 7-2.500 10 0M12 19h.010M4 4l16 16",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d={paths[name]} /></svg>
  );
}
