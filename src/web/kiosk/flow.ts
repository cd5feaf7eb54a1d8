// Which screen follows which: the steps that this store shows now, in their order. Plain values.
import type { ReceiptWay, Service, Steps } from "../shared/types";

export type Screen = "attract" | "service" | "menu" | "suggest" | "cart" | "loyalty" | "contact" | "receipt" | "tender" | "pay" | "ticket";

export interface Ways {
  services: readonly Service[];
  steps: Steps;
  receipts: readonly ReceiptWay[];
  /** There is a dish to suggest that the guest hasn't been asked about. */
  suggestion: boolean;
}

export const ALL_STEPS: Steps = { service: true, suggestion: true, contact: true, loyalty: false, receipt: true };

const order: readonly Screen[] = ["attract", "service", "menu", "suggest", "cart", "loyalty", "contact", "receipt", "tender", "pay", "ticket"];

function shows(screen: Screen, ways: Ways): boolean {
  switch (screen) {
    case "service": return ways.steps.service && ways.services.length > 1;
    case "suggest": return ways.steps.suggestion && ways.suggestion;
    case "loyalty": return ways.steps.loyalty;
    case "contact": return ways.steps.contact;
    case "receipt": return ways.steps.receipt && ways.receipts.length > 1;
    default: return true;
  }
}

export function after(screen: Screen, ways: Ways): Screen {
  return order.slice(order.indexOf(screen) + 1).find((one) => shows(one, ways)) ?? "ticket";
}

/** Back never asks the suggestion again, and never leaves the menu by itself. */
export function before(screen: Screen, ways: Ways): Screen {
  return order.slice(0, order.indexOf(screen)).findLast((one) => one !== "suggest" && shows(one, ways)) ?? "attract";
}
