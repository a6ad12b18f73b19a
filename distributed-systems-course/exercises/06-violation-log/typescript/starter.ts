/** A queue with group commit: many commands share one sync. */

export interface Disk {
  write(entry: string): void;
  sync(): void;
}

export class Queue {
  private readonly disk: Disk;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  /** Called for each command; `answer` is called once, when the job is safe. */
  put(job: string, answer: (text: string) => void): void {
    this.disk.write(job);
    answer(`INSERTED ${job}`);
  }

  /** Called once for all commands that came together. */
  flush(): void {
    this.disk.sync();
  }
}
