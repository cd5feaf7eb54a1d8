// What is on the stove right now, for the attract screen.
import { signal } from "@preact/signals";
import type { BoardData } from "../shared/types";
import { client } from "./state";

export const cooking = signal<BoardData["cooking"]>([]);

export async function refreshKitchen(): Promise<void> {
  cooking.value = (await client.get<BoardData>("/board")).cooking;
}
