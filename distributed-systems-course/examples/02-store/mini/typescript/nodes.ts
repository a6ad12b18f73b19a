/** Which file of a step has its node. Given. */

import fs from "node:fs";
import { join } from "node:path";

const HERE = import.meta.dirname;
const KINDS = { levels: "Levels", votes: "Votes", promises: "Promises", slots: "Slots" };

export const STEPS = fs
  .readdirSync(HERE)
  .filter((name) => fs.existsSync(join(HERE, name, "store.ts")))
  .sort();

/** A store of the learner's own, `mine`, is to go as far as the last step. */
export const asFarAs = (step: string): string => (step === "mine" ? "step5" : step);

/** The class of its nodes: that of its newest file. */
export async function nodeOf(step: string): Promise<any> {
  for (const [name, kind] of Object.entries({ ...KINDS, store: "Store" })) {
    const path = join(HERE, step, `${name}.ts`);
    const found = fs.existsSync(path) ? (await import(path))[kind] : undefined;
    if (found !== undefined) return found;
  }
  throw new Error(`there is no step ${step}`);
}
