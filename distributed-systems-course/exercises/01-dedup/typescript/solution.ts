/** A box office that hears some orders twice. */
export class BoxOffice {
  readonly seats = new Map<number, string>(); // seat -> the key of the order that bought it
  private readonly answers = new Map<string, string>(); // key -> how the order was answered

  /** Answers "sold" or "taken". A repeated order gets its first answer, and has no effect. */
  sell(key: string, seat: number): string {
    const before = this.answers.get(key);
    if (before !== undefined) return before;
    const answer = this.seats.has(seat) ? "taken" : "sold";
    if (answer === "sold") this.seats.set(seat, key);
    this.answers.set(key, answer);
    return answer;
  }

  /** The customer returns the ticket: the seat is free again. */
  giveBack(seat: number): void {
    this.seats.delete(seat);
  }
}
