/** Settings. All of them come from the environment, so compose.yaml shows what is in force. */

export interface Address {
  host: string;
  port: number;
}

export interface Config {
  name: string; // who writes the journal: "worker-typescript-1"
  queue: Address[]; // the nodes to connect to, in this order
  tube: string; // where tasks wait; the ones given up go to "<tube>.dead"
  results: string; // directory shared by all workers: ledger and journals
  healthPort: number;

  // worker
  maxAttempts: number; // after this many the task goes to the dead tube
  retryBaseS: number; // the first retry waits about this long, then twice, four times ...
  retryCapS: number; // ... but never longer than this

  // producer: how many tasks, how fast, and which of them make trouble (0: none)
  count: number; // 0: until stopped
  pauseMs: number;
  ttrS: number; // how long a worker may stay silent before its task is given to another
  workMs: number;
  failEvery: number; // fails twice, then works
  poisonEvery: number; // always fails
  crashEvery: number; // always kills its worker
  slowEvery: number; // takes longer than ttrS
}

export function loadConfig(): Config {
  return {
    name: process.env.NAME ?? "client-typescript",
    queue: addresses("QUEUE", "localhost:11300"),
    tube: process.env.TUBE ?? "tickets",
    results: process.env.RESULTS ?? "results",
    healthPort: integer("HEALTH_PORT", 8080),
    maxAttempts: integer("MAX_ATTEMPTS", 5),
    retryBaseS: integer("RETRY_BASE_S", 1),
    retryCapS: integer("RETRY_CAP_S", 30),
    count: integer("COUNT", 0),
    pauseMs: integer("PAUSE_MS", 300),
    ttrS: integer("TTR_S", 5),
    workMs: integer("WORK_MS", 400),
    failEvery: integer("FAIL_EVERY", 7),
    poisonEvery: integer("POISON_EVERY", 40),
    crashEvery: integer("CRASH_EVERY", 0),
    slowEvery: integer("SLOW_EVERY", 60),
  };
}

function integer(name: string, fallback: number): number {
  const text = process.env[name] ?? String(fallback);
  if (!/^[0-9]+$/.test(text)) {
    refuse(`${name}=${text}: must be a whole number, 0 or more`);
  }
  return Number(text);
}

/** Reads "host:port,host:port". */
function addresses(name: string, fallback: string): Address[] {
  const text = process.env[name] ?? fallback;
  return text.split(",").map((address) => {
    const match = /^(.+):([0-9]+)$/.exec(address.trim());
    if (match === null) {
      refuse(`${name}=${text}: must be host:port,host:port,...`);
    }
    return { host: match[1]!, port: Number(match[2]) };
  });
}

export function refuse(mistake: string): never {
  console.error(mistake);
  process.exit(2);
}
