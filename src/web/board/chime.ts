// Two bells, made of tones: no sound file. A browser plays nothing before somebody touched the page, unless the
// kiosk shell allows it (--autoplay-policy=no-user-gesture-required); until then the board offers a button.
import { signal } from "@preact/signals";

/** Whether the browser keeps us silent. */
export const muted = signal(false);

let audio: AudioContext | null = null;

function open(): AudioContext | null {
  try {
    audio ??= new AudioContext();
    const now = audio;
    now.onstatechange = () => (muted.value = now.state !== "running");
    muted.value = now.state !== "running";
    return now;
  } catch {
    return null;
  }
}

export function allowSound(): void {
  void open()?.resume().then(chime);
}

export function prepareSound(): void {
  void open()?.resume().catch(() => undefined);
}

export function chime(): void {
  const now = open();
  if (!now || now.state !== "running") return;
  for (const [at, tone] of [[0, 880], [0.18, 1174.7]] as const) {
    const start = now.currentTime + at;
    const gain = now.createGain();
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(0.35, start + 0.012);
    gain.gain.exponentialRampToValueAtTime(0.001, start + 0.9);
    gain.connect(now.destination);
    const bell = now.createOscillator();
    bell.frequency.value = tone;
    bell.connect(gain);
    bell.start(start);
    bell.stop(start + 1);
  }
}
