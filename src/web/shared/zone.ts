// Times of the day in a zone, whatever the zone of the machine that shows them.
export interface Moment {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
}

const formatters = new Map<string, Intl.DateTimeFormat | null>();

function formatter(zone: string): Intl.DateTimeFormat | null {
  const known = formatters.get(zone);
  if (known !== undefined) return known;
  let made: Intl.DateTimeFormat | null = null;
  try {
    made = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" });
  } catch {
    // A zone this browser has never heard of: its own clock's zone is the best guess.
  }
  formatters.set(zone, made);
  return made;
}

/** The calendar figures of `at` (milliseconds since 1970 UTC) in `zone` (an IANA name). */
export function momentIn(at: number, zone: string | null | undefined): Moment {
  const made = zone ? formatter(zone) : null;
  if (!made) {
    const local = new Date(at);
    return { year: local.getFullYear(), month: local.getMonth() + 1, day: local.getDate(), hour: local.getHours(), minute: local.getMinutes() };
  }
  const parts: Record<string, number> = {};
  for (const part of made.formatToParts(at)) parts[part.type] = Number(part.value);
  return { year: parts["year"] ?? 0, month: parts["month"] ?? 1, day: parts["day"] ?? 1, hour: parts["hour"] ?? 0, minute: parts["minute"] ?? 0 };
}

/** Minutes by which clocks in `zone` are ahead of UTC. */
export function offsetIn(at: number, zone: string | null | undefined): number {
  const { year, month, day, hour, minute } = momentIn(at, zone);
  // Both to the minute: the seconds of `at` are no part of the way.
  return Date.UTC(year, month - 1, day, hour, minute) / 60_000 - Math.floor(at / 60_000);
}

/** `14:05`: all three languages read the time the same way. */
export function clock(at: number, zone?: string | null): string {
  const { hour, minute } = momentIn(at, zone);
  return `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
}

/** `22.11.2026, 04:29`: as the printer writes it. */
export function stamp(at: number, zone?: string | null): string {
  const { year, month, day } = momentIn(at, zone);
  return `${String(day).padStart(2, "0")}.${String(month).padStart(2, "0")}.${year}, ${clock(at, zone)}`;
}

/** The minute in which the day after that of `at` begins in `zone`. */
export function dayAfter(at: number, zone?: string | null): number {
  const { year, month, day } = momentIn(at, zone);
  const wanted = Date.UTC(year, month - 1, day + 1);
  // How far the zone is from UTC then is known at a moment near it: twice is enough for a change of the clocks that night.
  let found = wanted;
  for (let go = 0; go < 2; go += 1) {
    const seen = momentIn(found, zone);
    found += wanted - Date.UTC(seen.year, seen.month - 1, seen.day, seen.hour, seen.minute);
  }
  return found;
}
