/**
 * The wire: bytes to commands, answers to bytes. Given, not taught.
 *
 * Redis' protocol, version 2: a command is an array of bulk strings, `*2 CRLF $3 CRLF GET CRLF ...`.
 * Text is kept as Latin-1, which holds any bytes and fits into JSON.
 */

const COMMAND_MAX = 1 << 20;
const WORDS_MAX = 1000;
const DIGITS_MAX = 8;

/** How many words a command has, its name among them; below zero: so many or more. */
const ARITY: Record<string, number> = {
  get: 2,
  set: -3,
  del: 2,
  ping: 1,
  echo: 2,
  quit: 1,
  client: -2,
  cluster: -2,
  command: -1,
  info: -1,
  readonly: 1,
  readwrite: 1,
  asking: 1,
  consistency: -2,
};

/** Text's first letter says what it is; a list is an array, a number itself, null nothing. */
export type Reply = string | number | null | Reply[];

/** What cannot be read, or is too much: one word about it, and the connection ends. */
export class BadProtocol extends Error {}

/** The bytes of one connection, in pieces of any size. */
export class Decoder {
  private input = "";

  feed(data: Buffer): void {
    this.input += data.toString("latin1");
  }

  /** The next command's words, or null until more bytes come. Throws BadProtocol. */
  next(): string[] | null {
    const head = this.number(0, "*", WORDS_MAX);
    if (head === null) return null;
    let [count, at] = head;
    const words: string[] = [];
    for (; count > 0; count--) {
      const one = this.number(at, "$", COMMAND_MAX);
      if (one === null) return null;
      const [size, start] = one;
      at = start + size + 2;
      if (at > COMMAND_MAX) throw new BadProtocol("too big a command");
      if (this.input.length < at) return null;
      if (this.input.slice(at - 2, at) !== "\r\n") {
        throw new BadProtocol("a word that does not end where it says");
      }
      words.push(this.input.slice(start, at - 2));
    }
    this.input = this.input.slice(at);
    return words;
  }

  /** A line such as $12: the number, and where the line ends; null: it is not all there. */
  private number(start: number, kind: string, most: number): [number, number] | null {
    if (!["", kind].includes(this.input.slice(start, start + 1))) {
      throw new BadProtocol(`expected '${kind}'`);
    }
    const line = this.input.slice(start + 1, start + 1 + DIGITS_MAX + 2);
    const end = line.indexOf("\r\n");
    const digits = end >= 0 ? line.slice(0, end) : line;
    if (end < 0 && digits.length <= DIGITS_MAX) return null;
    if (end < 0 || !/^[0-9]+$/.test(digits) || Number(digits) > most) {
      throw new BadProtocol("a length that is none, or too long");
    }
    return [Number(digits), start + 1 + end + 2];
  }
}

export function encode(answer: Reply): string {
  if (answer === null) return "$-1\r\n";
  if (typeof answer === "number") return `:${answer}\r\n`;
  if (Array.isArray(answer)) return `*${answer.length}\r\n${answer.map(encode).join("")}`;
  return answer.startsWith("$")
    ? `$${answer.length - 1}\r\n${answer.slice(1)}\r\n`
    : `${answer}\r\n`;
}

/** What is wrong with a command by its mere form. */
export function errorOf(words: string[]): string | null {
  const name = words[0]!.toLowerCase();
  const arity = Object.hasOwn(ARITY, name) ? ARITY[name]! : null;
  if (arity === null) {
    const shown = words[0]!.slice(0, 40).replace(/[^\x20-\x7e]/g, "");
    return `-ERR unknown command '${shown}'`;
  }
  if (words.length !== arity && (arity > 0 || words.length < -arity)) {
    return `-ERR wrong number of arguments for '${name}' command`;
  }
  const options = words.slice(3).join(" ").toLowerCase();
  return name === "set" && !["", "nx"].includes(options) ? "-ERR syntax error" : null;
}
