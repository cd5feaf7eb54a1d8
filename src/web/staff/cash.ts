// Change, and the sums that guests are likely to hand over.

/** Roubles' notes, minor units. */
export const notes = [500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000] as const;
/** Notes and coins that are counted in the drawer, minor units. */
export const pieces = [500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000, 1_000, 500, 200, 100] as const;

/** What goes back to the guest; nothing when too little was given. */
export function changeOf(due: number, given: number): number | null {
  return given >= due ? given - due : null;
}

/** The sum itself, if whole roubles, and what it is likely paid with: rounded up to each note, at most four of them. */
export function handfuls(due: number): number[] {
  const likely = new Set<number>();
  if (due % 100 === 0) likely.add(due);
  for (const note of [...notes].reverse()) {
    const up = Math.ceil(due / note) * note;
    if (up - due < note) likely.add(up);
  }
  return [...likely].sort((a, b) => a - b).slice(0, 4);
}
