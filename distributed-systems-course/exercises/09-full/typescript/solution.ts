/** A queue with backpressure: when it is full, it says so. */

const JOBS_MAX = 3;

export class Queue {
  private readonly waiting: string[] = [];
  private readonly inHand = new Set<string>();

  /** Answers "inserted" or "full". */
  put(job: string): string {
    if (this.waiting.length + this.inHand.size >= JOBS_MAX) return "full";
    this.waiting.push(job);
    return "inserted";
  }

  /** The oldest job, which is in a worker's hands now. */
  reserve(): string | null {
    const job = this.waiting.shift();
    if (job === undefined) return null;
    this.inHand.add(job);
    return job;
  }

  done(job: string): void {
    this.inHand.delete(job);
  }

  /** The worker has failed: the job waits again, before all others. */
  giveBack(job: string): void {
    this.inHand.delete(job);
    this.waiting.unshift(job); // its place was kept
  }
}
