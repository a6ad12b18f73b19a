/** A node's vote, one a term, on disk. */

export interface Disk {
  readonly term: number;
  readonly vote: number; // 0: for nobody
  save(term: number, vote: number): void; // writes both, and syncs
}

export class Voter {
  private readonly disk: Disk;
  private term: number;
  private vote: number;

  /** As the node starts. */
  constructor(disk: Disk) {
    [this.disk, this.term, this.vote] = [disk, disk.term, disk.vote];
  }

  /** That node, which may be this one itself, wants to lead that term. */
  asked(term: number, candidate: number): boolean {
    if (term < this.term) return false;
    if (term > this.term) [this.term, this.vote] = [term, 0];
    if (this.vote === 0) {
      this.vote = candidate;
      this.disk.save(this.term, this.vote);
    }
    return this.vote === candidate;
  }
}
