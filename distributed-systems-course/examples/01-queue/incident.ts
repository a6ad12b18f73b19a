/**
 * What happens to a ticket when its worker dies? node incident.ts [PORT]
 *
 * Three tickets are put into the queue. Anna takes one and her process dies. Ben takes what is left.
 */

import net from "node:net";

class Client {
  private readonly socket: net.Socket;
  private input = "";
  private heard: () => void = () => {};

  constructor(port: number) {
    this.socket = net.connect(port, "localhost");
    this.socket.on("data", (data) => {
      this.input += data.toString("latin1");
      this.heard();
    });
  }

  private async line(): Promise<string> {
    while (!this.input.includes("\r\n")) {
      await new Promise<void>((resolve) => (this.heard = resolve));
    }
    const end = this.input.indexOf("\r\n");
    const line = this.input.slice(0, end);
    this.input = this.input.slice(end + 2);
    return line;
  }

  async ask(command: string, body = ""): Promise<string> {
    this.socket.write(body === "" ? `${command}\r\n` : `${command}\r\n${body}\r\n`);
    return await this.line();
  }

  async reserve(): Promise<[id: string, ticket: string] | null> {
    const reply = await this.ask("reserve-with-timeout 1");
    return reply === "TIMED_OUT" ? null : [reply.split(" ")[1]!, await this.line()];
  }

  die(): void {
    this.socket.destroy();
  }
}

async function main(): Promise<void> {
  const port = Number(process.argv[2] ?? 11300);
  const [shop, anna, ben] = [new Client(port), new Client(port), new Client(port)];
  for (const seat of [11, 12, 13]) await shop.ask("put 0 0 60 7", `seat ${seat}`);
  const [, ticket] = (await anna.reserve()) ?? ["", "nothing"];
  console.log(`Anna takes '${ticket}' and dies.`);
  anna.die();
  for (let job = await ben.reserve(); job !== null; job = await ben.reserve()) {
    const said = await ben.ask(`delete ${job[0]}`);
    console.log(`Ben  takes '${job[1]}', prints it, and says so: ${said}`);
  }
  console.log("Ben  waits for a second: no more tickets.");
  for (const client of [shop, ben]) client.die();
}

await main();
