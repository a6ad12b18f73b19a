/** A node's vote: who may lead? */

export type Stamp = [term: number, version: number];

export interface Disk {
  readonly term: number; // the highest that the node has heard of
  readonly vote: number; // for whom, in that term; 0: for nobody yet
  save(term: number, vote: number): void; // writes both, and syncs
}

export class Voter {
  private readonly disk: Disk;
  private readonly stamp: Stamp;

  /** As the node starts: `stamp` says how new its data is. */
  constructor(disk: Disk, stamp: Stamp) {
    [this.disk, this.stamp] = [disk, stamp];
  }

  /** That node asks for this one's vote in that term, and has data of that stamp. */
  asked(term: number, candidate: number, stamp: Stamp): boolean {
    void [term, candidate, stamp, this.disk, this.stamp]; // not used yet
    return true;
  }
}
