// More numbers than fit are shown page by page. What was called just now is on the first one.

/** The numbers of the page that is due at `beat`, and which page that is. */
export function pageOf(numbers: readonly string[], first: readonly string[], room: number, beat: number): { shown: string[]; page: number; pages: number } {
  const called = numbers.filter((one) => first.includes(one));
  const order = [...called, ...numbers.filter((one) => !called.includes(one))];
  const pages = Math.max(1, Math.ceil(order.length / Math.max(1, room)));
  const page = called.length > 0 ? 0 : beat % pages;
  return { shown: order.slice(page * room, (page + 1) * room), page, pages };
}

/** How many tiles of a size fit into a box. */
export function roomIn(width: number, height: number, tileWidth: number, tileHeight: number, gap: number): number {
  const across = Math.max(1, Math.floor((width + gap) / (tileWidth + gap)));
  const down = Math.max(1, Math.floor((height + gap) / (tileHeight + gap)));
  return across * down;
}
