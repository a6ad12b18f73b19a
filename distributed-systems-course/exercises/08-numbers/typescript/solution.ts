/** An office that hears numbered orders from many senders, some twice, some out of order. */
export class Office {
  readonly done: string[] = []; // what was carried out
  readonly last = new Map<string, number>(); // sender -> the number of its last order carried out

  /** Answers "done", "again" or "gap". Each sender's first order is number 1. */
  hear(sender: string, number: number, order: string): string {
    const expected = (this.last.get(sender) ?? 0) + 1;
    if (number < expected) return "again";
    if (number > expected) return "gap";
    this.done.push(order);
    this.last.set(sender, number);
    return "done";
  }
}
