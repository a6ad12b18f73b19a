/** The admin port: whether a node is well, what it believes, and a cut without Docker. Given. */

import { createHash } from "node:crypto";
import http from "node:http";

import type { Server } from "./server.ts";

/** With the names that the C store has, where it has such a thing. */
function status(server: Server): Record<string, unknown> {
  const { node } = server;
  const pairs = [...node.data].sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify(pairs).replace(/[\x7f-\uffff]/g, escaped); // as Python writes it
  return {
    system: "store",
    node: server.id,
    role: server.leads() ? "leader" : "follower",
    healthy: true,
    leader: node.leader ?? server.id,
    term: node.term ?? 0,
    vote: node.vote ?? 0,
    stamp: server.stamp(),
    keys: node.data.size,
    digest: createHash("sha256").update(text).digest("hex").slice(0, 16),
    clients: server.sessions.size,
    cut: server.peers.cut,
    step: server.step,
  };
}

function escaped(letter: string): string {
  return "\\u" + letter.charCodeAt(0).toString(16).padStart(4, "0");
}

function answer(server: Server, method: string, path: string): [number, object] {
  if (method === "GET" && path === "/health") return [200, { status: "ok" }];
  if (method === "GET" && path === "/status") return [200, status(server)];
  if (method === "POST" && ["/cut", "/heal"].includes(path)) {
    server.peers.cut = path === "/cut";
    if (server.peers.cut) server.peers.drop();
    return [200, { cut: server.peers.cut }];
  }
  return [404, { error: "there are GET /health, GET /status, POST /cut and POST /heal" }];
}

export function start(server: Server, host: string, port: number): http.Server {
  const admin = http.createServer((request, response) => {
    const [code, found] = answer(server, request.method ?? "", request.url ?? "");
    response.writeHead(code, { "Content-Type": "application/json", Connection: "close" });
    response.end(JSON.stringify(found));
  });
  return admin.listen(port, host);
}
