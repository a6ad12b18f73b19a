/** A worker that prints tickets. `ledger` survives a crash, and so does what has been printed. */

/** Prints the ticket of this order, unless it has been printed. */
export function work(key: string, ledger: Set<string>, printTicket: (key: string) => void): void {
  if (ledger.has(key)) return;
  ledger.add(key);
  printTicket(key);
}
