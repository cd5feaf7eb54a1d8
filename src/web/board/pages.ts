// More numbers than fit are shown page by page. What was called just now stands on each of them, so that the pages go on
// turning however busy the store is: somebody waits for every number.

/** Of a page, this part at most is for what was called just now. */
const CALLED_PART = 0.5;

/** The numbers of the page that is due at `beat`, and which page that is. */
export function pageOf(numbers: readonly string[], first: readonly string[], room: number, beat: number): { shown: string[]; page: number; pages: number } {
  const fits = numbers.length <= room;
  const called = numbers.filter((one) => first.includes(one));
  const pinned = fits ? called : called.slice(0, Math.floor(room * CALLED_PART));
  const others = numbers.filter((one) => !pinned.includes(one));
  const rest = Math.max(1, room - pinned.length);
  const pages = fits ? 1 : Math.max(1, Math.ceil(others.length / rest));
  const page = beat % pages;
  return { shown: [...pinned, ...(fits ? others : others.slice(page * rest, (page + 1) * rest))], page, pages };
}

export type Size = "large" | "usual" | "small";

/** In rem: width, height and gap of the tiles, as board.css makes them. */
const tiles: Record<Size, [number, number, number]> = { large: [15, 10.3, 1.2], usual: [11, 7.2, 1.2], small: [7.4, 4.9, 0.8] };
/** The line that says which page this is takes its own room. */
const LINE = 3;

/** The largest of `sizes` in which all numbers stand on one page; else the smallest, page by page. The box is in rem. */
export function sizeFor(count: number, width: number, height: number, sizes: readonly Size[]): { size: Size; room: number } {
  let size: Size = "small";
  for (size of sizes) {
    const room = roomIn(width, height, ...tiles[size]);
    if (count <= room) return { size, room };
  }
  return { size, room: roomIn(width, height - LINE, ...tiles[size]) };
}

/** How many tiles of a size fit into a box. */
export function roomIn(width: number, height: number, tileWidth: number, tileHeight: number, gap: number): number {
  const across = Math.max(1, Math.floor((width + gap) / (tileWidth + gap)));
  const down = Math.max(1, Math.floor((height + gap) / (tileHeight + gap)));
  return across * down;
}
