// What an alert is about, by the key of its cause: for its words and for the act that mends it.

const prefixes: [string, string][] = [
  ["refund:", "refund"],
  ["drawer:", "drawer"],
  ["pin:", "pin"],
  ["effect:", "effect"],
  ["terminal:second", "terminal"],
  ["terminal:", "terminal"],
  ["robot:", "robot"],
  ["device:printer", "printer"],
  ["device:robot", "robot.away"],
  ["fiscal:shift", "fiscal.shift"],
  ["fiscal:", "fiscal"],
  ["uplink", "uplink"],
  ["store:damaged", "damaged"],
];

export function kindOf(key: string): string {
  return prefixes.find(([start]) => key.startsWith(start))?.[1] ?? "other";
}
