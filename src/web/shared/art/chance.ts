// The pictures are drawn from the dish's id alone: the same dish looks the same on every screen, every day.

export type Chance = () => number;

export function chanceOf(text: string): Chance {
  let state = 2166136261;
  for (let i = 0; i < text.length; i += 1) state = Math.imul(state ^ text.charCodeAt(i), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(chance: Chance, from: readonly T[]): T {
  return from[Math.floor(chance() * from.length)] as T;
}

export interface Spot {
  x: number;
  y: number;
  turn: number;
  size: number;
}

/** Points spread over a disc about (200, 150), each the farthest of a few tries from those before it. */
export function scatter(chance: Chance, count: number, radius: number, tries = 8): Spot[] {
  const spots: Spot[] = [];
  for (let i = 0; i < count; i += 1) {
    let best: Spot | null = null;
    let bestGap = -1;
    for (let t = 0; t < tries; t += 1) {
      const away = Math.sqrt(chance()) * radius;
      const angle = chance() * Math.PI * 2;
      const spot = { x: 200 + away * Math.cos(angle), y: 150 + away * Math.sin(angle), turn: chance() * 360, size: 0.8 + chance() * 0.4 };
      const gap = spots.reduce((least, other) => Math.min(least, Math.hypot(other.x - spot.x, other.y - spot.y)), Infinity);
      if (gap > bestGap) {
        best = spot;
        bestGap = gap;
      }
    }
    if (best) spots.push(best);
  }
  return spots;
}

/** One decimal is enough for a drawing and keeps the markup short. */
export function r1(value: number): number {
  return Math.round(value * 10) / 10;
}
