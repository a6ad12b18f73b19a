/**
 * The wire: bytes to commands, replies to bytes. Given, not taught.
 *
 * beanstalkd's protocol: a command is a line that ends in CRLF; `put` and the jobs that come back
 * bring a body behind it. Bodies are kept as Latin-1 text, which holds any bytes and fits into
 * JSON.
 */

const LINE_MAX = 224; // bytes, with the CRLF
const JOB_MAX = 65535;
const NUMBER_MAX = 2 ** 32 - 1;
const TUBE = /^(?!-)[A-Za-z0-9\-+/;.$_()]{1,200}$/;

/** What a command's words are: n a number, t a tube. */
const SHAPES: Record<string, string> = {
  put: "nnnn",
  reserve: "",
  "reserve-with-timeout": "n",
  delete: "n",
  release: "nnn",
  bury: "nn",
  touch: "n",
  kick: "n",
  use: "t",
  watch: "t",
  ignore: "t",
  "stats-job": "n",
  "stats-tube": "t",
  quit: "",
};

export type Command = [name: string, ...words: any[]];

/** The reply that says what is wrong. The connection goes on. */
export class BadCommand extends Error {}

/** The bytes of one connection, in pieces of any size. */
export class Decoder {
  private input = "";
  private waitingPut: { words: number[]; size: number } | null = null; // its body has not come yet
  private toSkip = 0; // bytes of a body that nobody wants
  private skippingLine = false;

  feed(data: Buffer): void {
    this.input += data.toString("latin1");
  }

  /** The next command, or null until more bytes come. Throws BadCommand. */
  next(): Command | null {
    if (!this.skip()) return null;
    if (this.waitingPut !== null) return this.finishPut();
    const line = this.takeLine();
    if (line === null) return null;
    const [name, ...words] = line.split(" ");
    const shape = Object.hasOwn(SHAPES, name!) ? SHAPES[name!] : undefined;
    if (shape === undefined) throw new BadCommand("UNKNOWN_COMMAND");
    const parsed = parse(shape, words);
    if (name !== "put") return [name!, ...parsed];
    const size = parsed.pop() as number;
    if (size > JOB_MAX) {
      this.toSkip = size + 2;
      throw new BadCommand("JOB_TOO_BIG");
    }
    this.waitingPut = { words: parsed as number[], size };
    return this.finishPut();
  }

  /** True once nothing more is to be skipped. */
  private skip(): boolean {
    const count = Math.min(this.toSkip, this.input.length);
    this.input = this.input.slice(count);
    this.toSkip -= count;
    return this.toSkip === 0;
  }

  private takeLine(): string | null {
    const end = this.input.indexOf("\r\n");
    if (end < 0 && this.input.length < LINE_MAX) return null;
    if (end < 0 || end + 2 > LINE_MAX || this.skippingLine) {
      const keep = end >= 0 ? end + 2 : this.input.length - 1; // its last byte may be a CR
      this.input = this.input.slice(keep);
      this.skippingLine = end < 0;
      if (end < 0) return null;
      throw new BadCommand("BAD_FORMAT");
    }
    const line = this.input.slice(0, end);
    this.input = this.input.slice(end + 2);
    return line;
  }

  private finishPut(): Command | null {
    const { words, size } = this.waitingPut!;
    if (this.input.length < size + 2) return null;
    this.waitingPut = null;
    const body = this.input.slice(0, size);
    const end = this.input.slice(size, size + 2);
    this.input = this.input.slice(size + 2);
    if (end !== "\r\n") throw new BadCommand("EXPECTED_CRLF");
    return ["put", ...words, body];
  }
}

function parse(shape: string, words: string[]): (number | string)[] {
  if (words.length !== shape.length) throw new BadCommand("BAD_FORMAT");
  return words.map((word, i) => (shape[i] === "n" ? number(word) : tube(word)));
}

function number(word: string): number {
  if (!/^[0-9]+$/.test(word) || Number(word) > NUMBER_MAX) throw new BadCommand("BAD_FORMAT");
  return Number(word);
}

function tube(word: string): string {
  if (!TUBE.test(word)) throw new BadCommand("BAD_FORMAT");
  return word;
}

export function line(text: string): string {
  return `${text}\r\n`;
}

/** A reply whose last word is the size of what follows it. */
export function withBody(text: string, body: string): string {
  return `${text} ${body.length}\r\n${body}\r\n`;
}

/** Statistics, as YAML. */
export function table(rows: Record<string, string | number>): string {
  const lines = Object.entries(rows).map(([key, value]) => `${key}: ${value}\n`);
  return withBody("OK", `---\n${lines.join("")}`);
}
