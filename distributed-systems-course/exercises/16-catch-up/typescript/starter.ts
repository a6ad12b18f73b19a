/** A follower of one leader: changes come one by one, or everything at once. */

export type Data = Record<string, string>;

export class Follower {
  private term = 0;
  private version: number;
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
    this.term = term;
    if (before !== this.version) return "ALL?";
    this.version = before + 1;
    this.data[key] = value;
    return "ACK";
  }

  /** Everything that the leader of this term has: "ACK", or "NO". */
  all(term: number, version: number, data: Data): string {
    if (term < this.term) return "NO";
    this.term = term;
    this.version = version;
    this.data = { ...data };
    return "ACK";
  }
}
