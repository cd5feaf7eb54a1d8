// Marking codes as a scanner types them. What the code says is the store's to judge: here nothing is trimmed or mended.
const GS = "\u001d";

/** The separator as scanners that act as keyboards type it: Ctrl+], or F8 where they are set up for Windows programs. */
export function isSeparator(key: string, ctrl: boolean): boolean {
  return key === "F8" || (ctrl && key === "]");
}

/** The text with the separator put where the cursor is. */
export function separated(text: string, from: number, to: number): string {
  return text.slice(0, from) + GS + text.slice(to);
}

/** What stands on the package beside the code, as people can compare it: the serial without the goods' number. */
export function serial(unit: string): string {
  return /^01\d{14}21/.test(unit) ? unit.slice(18) : unit.slice(14);
}

/** Whether units are all the same goods, so that it may be said that any of them came back. */
export function alike(units: readonly string[]): boolean {
  const goods = (unit: string) => (/^01\d{14}21/.test(unit) ? unit.slice(2, 16) : unit.slice(0, 14));
  return new Set(units.map(goods)).size <= 1;
}

/** The unit whose code this is: a code begins with what identifies the unit. */
export function unitOf(units: readonly string[], code: string): string | undefined {
  return units.find((unit) => code.replace(/^(\]d2|\u001d)+/, "").startsWith(unit));
}
