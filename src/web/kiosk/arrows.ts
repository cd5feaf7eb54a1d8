// Arrow keys move the focus to the nearest control in their direction, so a keypad with arrows and one button is
// enough to order. Fields and groups of radio buttons keep their arrows.
const CONTROLS = "button:not(:disabled), a[href], input, [tabindex='0']";

const directions: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function keepsArrows(one: Element | null, sideways: boolean): boolean {
  if (!(one instanceof HTMLInputElement)) return false;
  return one.type === "radio" || (sideways && one.type !== "checkbox");
}

function centre(one: Element): { x: number; y: number; box: DOMRect } {
  const box = one.getBoundingClientRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2, box };
}

export function watchArrows(): void {
  addEventListener("keydown", (event) => {
    const direction = directions[event.key];
    if (!direction || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    const now = document.activeElement;
    if (keepsArrows(now, direction[0] !== 0)) return;
    const room = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
    const next = nearest(room, now, direction);
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
}

function nearest(room: Element, from: Element | null, [dx, dy]: [number, number]): HTMLElement | null {
  const all = [...room.querySelectorAll<HTMLElement>(CONTROLS)].filter((one) => one !== from && one.tabIndex >= 0 && one.checkVisibility());
  if (!from || from === document.body || !room.contains(from)) return all[0] ?? null;
  const start = centre(from);
  let best: HTMLElement | null = null;
  let least = Infinity;
  for (const one of all) {
    const end = centre(one);
    const along = (end.x - start.x) * dx + (end.y - start.y) * dy;
    if (along <= 4) continue;
    // Beside is farther than ahead; a control that overlaps the way is right ahead.
    const overlaps = dx !== 0
      ? end.box.bottom > start.box.top && end.box.top < start.box.bottom
      : end.box.right > start.box.left && end.box.left < start.box.right;
    const aside = Math.abs((end.x - start.x) * dy) + Math.abs((end.y - start.y) * dx);
    const length = along + aside * (overlaps ? 0.5 : 3);
    if (length < least) {
      least = length;
      best = one;
    }
  }
  return best;
}
