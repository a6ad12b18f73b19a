import assert from "node:assert/strict";

import { work } from "./mine.ts";

class Crash extends Error {}

/** A ledger whose machine may crash right before a write. */
class Ledger extends Set<string> {
  crashes = false;

  override add(key: string): this {
    if (this.crashes) throw new Crash();
    return super.add(key);
  }
}

/** What was printed: one try that crashes, then tries that do not. */
function run(printerCrashes: boolean, ledgerCrashes: boolean): string[] {
  const ledger = new Ledger();
  const printed: string[] = [];
  let calm = false;
  const printer = (key: string) => {
    if (printerCrashes && !calm) throw new Crash();
    printed.push(key);
  };
  ledger.crashes = ledgerCrashes;
  try {
    work("order-1", ledger, printer);
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
  calm = true;
  ledger.crashes = false;
  for (let i = 0; i < 2; i++) work("order-1", ledger, printer);
  return printed;
}

assert.deepEqual(run(false, false), ["order-1"], "without a crash, a ticket is printed once");
assert.deepEqual(run(true, false), ["order-1"], "a crash before printing must not lose the ticket");
assert.ok(run(false, true).length > 0, "a crash before remembering must not lose the ticket");
