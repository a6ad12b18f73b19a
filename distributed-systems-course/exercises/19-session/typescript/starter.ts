/** A customer who never sees less than she knows, whichever copy she asks. */

export type Copy = {
  stamp: number; // how much it knows
  get(seat: string): string | null;
  set(seat: string, value: string): number;
};

export class Customer {
  token = 0;

  buy(leader: Copy, seat: string): void {
    leader.set(seat, "hers");
  }

  /** What the first copy that knows enough says of it; "free" if that has nothing there. */
  look(copies: Copy[], seat: string): string | null {
    return copies[0]!.get(seat) ?? "free";
  }
}
