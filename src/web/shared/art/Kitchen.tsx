// The picture on the attract screen: a speckled pot between two robot arms. Decorative.
import { chanceOf, r1 } from "./chance";

export function Kitchen() {
  const chance = chanceOf("galley");
  return (
    <svg class="kitchen" viewBox="0 0 900 720" aria-hidden="true" focusable="false">
      <ellipse cx="450" cy="676" rx="380" ry="30" fill="#0b1738" opacity="0.45" />
      <g class="kitchen-steam" stroke="#fbf4e6" stroke-width="16" stroke-linecap="round" fill="none">
        <path d="M370 300c-34-46 30-72 0-124" />
        <path d="M450 290c-34-52 34-84 0-146" />
        <path d="M530 300c-34-46 30-72 0-124" />
      </g>

      <g class="arm arm-left">
        <path d="M96 650V470" stroke="#e9dcc3" stroke-width="62" stroke-linecap="round" />
        <path d="M96 650V470" stroke="#fffdf6" stroke-width="34" stroke-linecap="round" />
        <g class="arm-fore-left">
          <path d="M96 450L214 236" stroke="#e9dcc3" stroke-width="52" stroke-linecap="round" />
          <path d="M96 450L214 236" stroke="#fffdf6" stroke-width="26" stroke-linecap="round" />
          <g class="arm-hand-left">
            <path d="M214 236L352 206" stroke="#e9dcc3" stroke-width="40" stroke-linecap="round" />
            <path d="M340 210L378 240V452" stroke="#f2b23a" stroke-width="15" stroke-linecap="round" stroke-linejoin="round" fill="none" />
            <path d="M340 182v54" stroke="#0f1f4d" stroke-width="22" stroke-linecap="round" />
            <circle cx="214" cy="236" r="38" fill="#c2301a" /><circle cx="214" cy="236" r="15" fill="#fffdf6" />
          </g>
          <circle cx="96" cy="450" r="48" fill="#c2301a" /><circle cx="96" cy="450" r="19" fill="#fffdf6" />
        </g>
        <path d="M34 684h124v-24c0-22-18-36-40-36H74c-22 0-40 14-40 36z" fill="#0f1f4d" />
      </g>

      <g class="arm arm-right">
        <path d="M804 650V448" stroke="#e9dcc3" stroke-width="62" stroke-linecap="round" />
        <path d="M804 650V448" stroke="#fffdf6" stroke-width="34" stroke-linecap="round" />
        <g class="arm-fore-right">
          <path d="M804 430L700 190" stroke="#e9dcc3" stroke-width="52" stroke-linecap="round" />
          <path d="M804 430L700 190" stroke="#fffdf6" stroke-width="26" stroke-linecap="round" />
          <g class="arm-hand-right">
            <path d="M700 190L574 226" stroke="#e9dcc3" stroke-width="40" stroke-linecap="round" />
            <path d="M566 228l-40-8M566 228l-30 28" stroke="#0f1f4d" stroke-width="20" stroke-linecap="round" />
            <circle cx="700" cy="190" r="38" fill="#c2301a" /><circle cx="700" cy="190" r="15" fill="#fffdf6" />
            <g stroke="#3f9a52" stroke-width="8" stroke-linecap="round" fill="none">
              <path d="M528 232q-18 34-44 44M512 258l2 24M500 268l-18-8M522 244l16 20" />
            </g>
          </g>
          <circle cx="804" cy="430" r="48" fill="#c2301a" /><circle cx="804" cy="430" r="19" fill="#fffdf6" />
        </g>
        <path d="M742 684h124v-24c0-22-18-36-40-36h-44c-22 0-40 14-40 36z" fill="#0f1f4d" />
      </g>

      <g>
        <path d="M212 430h-38c-20 0-30 14-30 30s10 30 30 30h38M688 430h38c20 0 30 14 30 30s-10 30-30 30h-38" fill="none" stroke="#0f1f4d" stroke-width="24" stroke-linejoin="round" />
        <path d="M206 392h488l-22 224c-4 38-32 60-70 60H298c-38 0-66-22-70-60z" fill="#c2301a" />
        <path d="M600 392h94l-22 224c-4 38-32 60-70 60h-40c36-10 50-40 54-84z" fill="#9c2412" />
        {Array.from({ length: 64 }, (_, i) => {
          const y = 430 + chance() * 226;
          const x = 240 + chance() * 420;
          return <ellipse key={i} cx={r1(x)} cy={r1(y)} rx={r1(2 + chance() * 5)} ry={r1(1.6 + chance() * 3.4)} fill="#fbe3d6" opacity={r1(0.5 + chance() * 0.4)} />;
        })}
        <ellipse cx="450" cy="392" rx="246" ry="52" fill="#0f1f4d" />
        <ellipse cx="450" cy="388" rx="232" ry="43" fill="#fffdf6" />
        <ellipse cx="450" cy="396" rx="216" ry="34" fill="#d98a22" />
        <ellipse cx="450" cy="402" rx="190" ry="25" fill="#eaa53a" />
        {[[330, 402, "#c2301a"], [420, 414, "#3f8d3f"], [498, 398, "#fffaf0"], [560, 408, "#c2301a"], [466, 388, "#3f8d3f"], [600, 396, "#e8701d"], [300, 392, "#e8701d"]].map(([x, y, color]) => (
          <ellipse key={`${x}`} cx={x} cy={y} rx="17" ry="8" fill={color as string} />
        ))}
        <path d="M244 450l14 130" stroke="#fff" stroke-width="14" stroke-linecap="round" opacity="0.35" />
      </g>
    </svg>
  );
}

export function Mark(props: { size?: string }) {
  return (
    <svg class="mark" viewBox="0 0 64 64" style={props.size ? { width: props.size, height: props.size } : undefined} aria-hidden="true" focusable="false">
      <circle cx="32" cy="32" r="31" fill="#1d3470" />
      <circle cx="32" cy="32" r="26" fill="#fffdf7" />
      <circle cx="32" cy="32" r="17" fill="#c2301a" />
      <path d="M24 34c3-9 13-10 16-4 0 8-11 12-16 4z" fill="#fffdf7" />
    </svg>
  );
}
