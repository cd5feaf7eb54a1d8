// A QR picture of the box. It needs the kiosk's token, so it is fetched and shown as data instead of by its address.
import { useEffect, useState } from "preact/hooks";
import { client } from "./state";

const AGAIN_MS = 1000;

export function useQr(path: string | null): string | null {
  const [image, setImage] = useState<{ path: string; data: string } | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (!path) return;
    let current = true;
    load(path).then(
      (svg) => current && setImage({ path, data: `data:image/svg+xml,${encodeURIComponent(svg)}` }),
      () => current && setTimeout(() => current && setAttempt(attempt + 1), AGAIN_MS),
    );
    return () => {
      current = false;
    };
  }, [path, attempt]);
  return image?.path === path ? image.data : null;
}

async function load(path: string): Promise<string> {
  if (path.startsWith(client.base)) return client.text(path.slice(client.base.length));
  const answer = await fetch(path, { headers: client.headers() });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.text();
}
