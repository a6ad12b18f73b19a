/**
 * What happens to a ticket when its worker dies? node incident.ts [PORT]
 *
 * Three tickets are put into the queue. Anna takes one and her process dies. Ben takes what is left.
 */

import { Client, portGiven } from "./client.ts";

async function main(): Promise<void> {
  const port = portGiven();
  const shop = new Client(port);
  for (const seat of [11, 12, 13]) await shop.ask("put 0 0 60 7", `seat ${seat}`);
  const anna = new Client(port);
  const [, ticket] = (await anna.reserve()) ?? ["", "nothing"];
  console.log(`Anna takes '${ticket}' and dies.`);
  anna.die();
  const ben = new Client(port);
  for (let job = await ben.reserve(); job !== null; job = await ben.reserve()) {
    const said = await ben.ask(`delete ${job[0]}`);
    console.log(`Ben  takes '${job[1]}', prints it, and says so: ${said}`);
  }
  console.log("Ben  waits for a second: no more tickets.");
  for (const client of [shop, ben]) client.die();
}

await main();
