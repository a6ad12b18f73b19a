/** A queue of jobs, each with a name; the oldest one comes first. */

const LEASE_S = 10;

export class Queue {
  private readonly jobs = new Map<string, { holder: string; until: number }>();

  put(job: string): void {
    this.jobs.set(job, { holder: "", until: 0 });
  }

  /** The oldest job that nobody holds; it is this worker's for LEASE_S seconds. */
  reserve(worker: string, now: number): string | null {
    for (const [job, lease] of this.jobs) {
      if (lease.until > now) continue;
      this.jobs.set(job, { holder: worker, until: now + LEASE_S });
      return job;
    }
    return null;
  }

  /** The work is done. False, and no effect, if the job was not lent to this worker last. */
  done(worker: string, job: string): boolean {
    return this.jobs.get(job)?.holder === worker && this.jobs.delete(job);
  }
}
