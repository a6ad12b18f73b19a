/**
 * A worker that gives back whatever it gets, and thinks about nothing: node careless.ts [PORT]
 *
 * It puts one ticket into the tube `mail` and fails on it, ten times at most.
 */

import { Client, portGiven } from "./client.ts";

const TRIES_MAX = 10;
const WAIT_S = 5;

async function work(client: Client): Promise<string> {
  await client.ask("use mail");
  await client.ask("watch mail");
  console.log(await client.ask("put 0 0 60 7", "seat 11"));
  const began = performance.now();
  let id = "";
  for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
    const job = await client.reserve(WAIT_S);
    if (job === null) return `nothing for ${WAIT_S} s: it does not come back`;
    id = job[0];
    const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(4);
    console.log(`${seconds} s  attempt ${attempt} at '${job[1]}' fails`);
    await client.ask(`release ${id} 0 0`);
  }
  await client.ask(`delete ${id}`);
  return "enough";
}

const client = new Client(portGiven());
console.log(await work(client));
client.die();
