/**
 * GET /health: 200 while connected to a node of the queue, else 503.
 *
 * `node health.ts` asks its own container and exits 0 or 1: what compose.yaml's healthcheck runs,
 * as the image has no curl.
 */

import { createServer } from "node:http";

import { loadConfig, refuse } from "./config.ts";
import type { Connection } from "./connection.ts";

/** Answers beside the work, until the process ends. */
export function serveHealth(port: number, queue: Connection): void {
  const server = createServer((request, response) => {
    const answer = (status: number, fields: object) => {
      response.writeHead(status, { "Content-Type": "application/json" });
      response.end(JSON.stringify(fields));
    };
    if (request.url !== "/health") {
      answer(404, { error: "there is only /health" });
    } else if (queue.node === null) {
      answer(503, { status: "connecting" });
    } else {
      answer(200, { status: "ok", node: queue.node });
    }
  });
  server.on("error", (error: NodeJS.ErrnoException) => {
    refuse(`HEALTH_PORT=${port}: ${error.code}; each program needs one of its own`);
  });
  server.listen(port);
  server.unref(); // does not keep the process alive
}

async function checkHealth(port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(2000);
    return (await fetch(`http://127.0.0.1:${port}/health`, { signal })).ok;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  process.exitCode = (await checkHealth(loadConfig().healthPort)) ? 0 : 1;
}
