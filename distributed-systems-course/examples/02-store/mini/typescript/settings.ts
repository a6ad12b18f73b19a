/** What the environment says, and one clear line where it says nonsense. Given. */

export function refuse(why: string): never {
  console.error(why);
  process.exit(1);
}

/** 1=host:port,2=host:port of the environment. */
export function table(name: string, usual: Map<number, string>): Map<number, string> {
  const text = process.env[name];
  if (!text) return usual;
  return new Map(
    text.split(",").map((one): [number, string] => {
      const found = /^(\d+)=(.+:\d+)$/.exec(one);
      if (found === null) refuse(`${name} has ${one}, which is not NUMBER=HOST:PORT`);
      return [Number(found[1]), found[2]!];
    }),
  );
}

/** A port, or a time in milliseconds. */
export function number(name: string, usual: number): number {
  const text = process.env[name] ?? String(usual);
  if (!/^\d+$/.test(text) || Number(text) > 65535) {
    refuse(`${name} is ${text}: give it a number up to 65535`);
  }
  return Number(text);
}
