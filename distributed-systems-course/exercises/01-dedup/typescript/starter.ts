/** A box office that hears some orders twice. */
export class BoxOffice {
  readonly seats = new Map<number, string>(); // seat -> the key of the order that bought it

  /** Answers "sold" or "taken". A repeated order gets its first answer, and has no effect. */
  sell(key: string, seat: number): string {
    if (this.seats.has(seat)) return "taken";
    this.seats.set(seat, key);
    return "sold";
  }

  /** The customer returns the ticket: the seat is free again. */
  giveBack(seat: number): void {
    this.seats.delete(seat);
  }
}
