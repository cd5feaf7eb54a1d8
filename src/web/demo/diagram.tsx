import { t, tCode } from "../shared/i18n";
import { cut, powerCut, type DemoState } from "./state";

interface Wire {
  id: string;
  d: string;
  middle: [number, number];
  broken: boolean;
}

/** The store as a drawing: a wire that is cut is seen to be cut, a whole one carries pulses. */
export function Diagram({ now }: { now: DemoState }) {
  const c = cut.value;
  const wires: Wire[] = [
    { id: "kiosk", d: "M118 150H250", middle: [184, 150], broken: false },
    { id: "robot", d: "M310 112V64H236", middle: [272, 64], broken: c.robot },
    { id: "printer", d: "M310 188V236H236", middle: [272, 236], broken: c.printer },
    { id: "internet", d: "M370 150H468", middle: [420, 150], broken: c.net },
    { id: "bank", d: "M530 118L604 54H646", middle: [572, 82], broken: c.bank },
    { id: "one_c", d: "M554 138L610 118H646", middle: [594, 124], broken: c.net },
    { id: "hq", d: "M554 162L610 182H646", middle: [594, 176], broken: c.net },
    { id: "sms", d: "M530 182L604 246H646", middle: [572, 218], broken: c.net },
  ];
  return (
    <figure class="diagram">
      <figcaption class="hidden-visually">{t("demo.map")}: {wires.map((wire) => `${t(`demo.node.${wire.id}` as "demo.node.bank")}: ${wire.broken ? t("demo.cut") : t("demo.on")}`).join("; ")}</figcaption>
      <svg viewBox="0 0 780 300" aria-hidden="true">
        {wires.map((wire) => (
          <g key={wire.id} class={wire.broken ? "wire wire-broken" : "wire"}>
            <path d={wire.d} class="wire-line" />
            {!wire.broken && <path d={wire.d} class="wire-pulse" />}
            {wire.broken && <g transform={`translate(${wire.middle[0]} ${wire.middle[1]})`}><circle r="14" fill="#122352" /><circle r="13" class="spark" /><path d="M-5-5L5 5M5-5L-5 5" class="spark-x" /></g>}
          </g>
        ))}
        <Node x={12} y={122} w={106} label={t("demo.node.kiosk")} />
        <Node x={104} y={36} w={132} label={t("demo.node.robot")} sub={tCode("robot.state", now.robot.state)} bad={c.robot} />
        <Node x={92} y={208} w={144} label={t("demo.node.printer")} bad={c.printer} />
        <g class={powerCut.value ? "core core-dead" : "core"}>
          <circle cx="310" cy="150" r="62" fill="#fffdf7" /><circle cx="310" cy="150" r="50" fill="#c2301a" />
          <path d="M286 154c6-17 36-20 44-7 0 22-31 24-44 7z" fill="#fffdf7" />
        </g>
        <text x="310" y="282" text-anchor="middle" class="core-label">{t("demo.node.store")}</text>
        <g class={c.net ? "cloud cloud-off" : "cloud"}><path d="M484 182c-26 0-30-34-6-40 0-30 42-38 54-14 26-8 42 26 22 42-4 8-12 12-22 12z" /><text x="518" y="164" text-anchor="middle">{t("demo.node.internet")}</text></g>
        <Node x={646} y={28} w={124} label={t("demo.node.bank")} bad={c.bank} />
        <Node x={646} y={92} w={124} label={t("demo.node.one_c")} sub={String(now.one_c.documents)} bad={c.net} />
        <Node x={646} y={156} w={124} label={t("demo.node.hq")} sub={String(now.hq.events)} bad={c.net} />
        <Node x={646} y={220} w={124} label={t("demo.node.sms")} sub={String(now.sms.sent.length)} bad={c.net} />
      </svg>
    </figure>
  );
}

function Node(props: { x: number; y: number; w: number; label: string; sub?: string; bad?: boolean }) {
  return (
    <g class={props.bad ? "node node-bad" : "node"}>
      <rect x={props.x} y={props.y} width={props.w} height="52" rx="14" />
      <text x={props.x + props.w / 2} y={props.y + (props.sub ? 23 : 31)} text-anchor="middle">{props.label}</text>
      {props.sub && <text x={props.x + props.w / 2} y={props.y + 41} text-anchor="middle" class="node-sub">{props.sub}</text>}
    </g>
  );
}
