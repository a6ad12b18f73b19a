/** The least that a client of the queue needs: what the small programs beside this one share. */

import net from "node:net";

/** The port on the command line, or the queue's own. */
export function portGiven(): number {
  const word = process.argv[2] ?? "11300";
  if (!/^[0-9]{1,5}$/.test(word) || Number(word) > 65535) {
    console.error(`'${word}' is no port: give a number up to 65535`);
    process.exit(2);
  }
  return Number(word);
}

export class Client {
  private readonly socket: net.Socket;
  private input = "";
  private heard: () => void = () => {};

  constructor(port: number) {
    this.socket = net.connect(port, "localhost");
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNREFUSED") throw error;
      console.error(`no queue listens at port ${port}: start one in another terminal`);
      process.exit(1);
    });
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

  /** The job's number and its body; null if there was none for so long. */
  async reserve(timeoutS = 1): Promise<[id: string, ticket: string] | null> {
    const reply = await this.ask(`reserve-with-timeout ${timeoutS}`);
    return reply === "TIMED_OUT" ? null : [reply.split(" ")[1]!, await this.line()];
  }

  die(): void {
    this.socket.destroy();
  }
}
