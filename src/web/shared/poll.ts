// Re-reads something when told to and on a beat, never twice at once; a request that comes while one runs is not lost.

export interface Refresher {
  now(): void;
  stop(): void;
}

export function keepFresh(read: () => Promise<void>, everyMs: () => number): Refresher {
  let running = false;
  let again = false;
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function run(): Promise<void> {
    if (running) {
      again = true;
      return;
    }
    running = true;
    clearTimeout(timer);
    do {
      again = false;
      try {
        await read();
      } catch {
        // The reader has already shown that the box is away; the next beat tries again.
      }
    } while (again && !stopped);
    running = false;
    if (!stopped) timer = setTimeout(() => void run(), everyMs());
  }

  void run();
  return {
    now: () => void run(),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
