/** A follower of one leader: changes come one by one, or everything at once. */

export type Data = Record<string, string>;

export class Follower {
  private term = 0;
  private version: number;
  private fresh = false; // whether it has what the leader of this term has
  data: Data;

  /** As it starts, with what is on its disk. */
  constructor(version: number, data: Data) {
    this.version = version;
    this.data = { ...data };
  }

  /**
   * A change that the leader of this term has made for the version `before`.
   *
   * The answer: "ACK" if it is done, "ALL?" if everything has to be sent, "NO" to the leader of a
   * term that is over.
   */
  write(term: number, before: number, key: string, value: string): string {
    if (term < this.term) return "NO";
    this.enter(term);
    if (!this.fresh || before !== this.version) {
      this.fresh = false;
      return "ALL?";
    }
    this.version = before + 1;
    this.data[key] = value;
    return "ACK";
  }

  /** Everything that the leader of this term has: "ACK", or "NO". */
  all(term: number, version: number, data: Data): string {
    if (term < this.term) return "NO";
    this.enter(term);
    this.version = version;
    this.data = { ...data };
    this.fresh = true;
    return "ACK";
  }

  /** Another leader may have other changes. */
  private enter(term: number): void {
    if (term <= this.term) return;
    this.term = term;
    this.fresh = false;
  }
}
