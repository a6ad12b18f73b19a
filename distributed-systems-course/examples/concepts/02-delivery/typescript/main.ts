/** Three promises about one message. Run it with a seed: node main.ts 7 */

const LOSS = 0.3; // of requests, and of replies
const SEATS = 20;
const TRIES_MAX = 50;

type Draw = () => number;

/** The same random numbers in every language: x -> x * 16807 mod (2^31 - 1). */
function* chance(seed: number): Generator<number, never> {
  let x = seed;
  while (true) {
    x = (x * 16807) % 2147483647;
    yield x / 2147483647;
  }
}

/** Sells what it is asked to sell. With `remember`, it knows the keys of what it has done. */
class BoxOffice {
  private readonly remember: boolean;
  private readonly done = new Set<string>();
  readonly sold = new Map<number, number>();

  constructor(remember: boolean) {
    this.remember = remember;
  }

  sell(key: string, seat: number): void {
    if (this.remember && this.done.has(key)) return; // heard before: the effect is there already
    this.done.add(key);
    this.sold.set(seat, (this.sold.get(seat) ?? 0) + 1);
  }
}

/** True when the reply came back. */
function send(draw: Draw, office: BoxOffice, key: string, seat: number): boolean {
  if (draw() < LOSS) return false; // the request was lost
  office.sell(key, seat);
  return draw() >= LOSS; // or the reply is
}

function atMostOnce(draw: Draw, office: BoxOffice, seat: number): void {
  send(draw, office, `order-${seat}`, seat);
}

function atLeastOnce(draw: Draw, office: BoxOffice, seat: number): void {
  for (let i = 0; i < TRIES_MAX; i++) {
    if (send(draw, office, `order-${seat}`, seat)) return;
  }
}

function run(draw: Draw, name: string, deliver: typeof atMostOnce, remember: boolean): void {
  const office = new BoxOffice(remember);
  for (let seat = 0; seat < SEATS; seat++) deliver(draw, office, seat);
  const twice = [...office.sold.values()].filter((count) => count > 1).length;
  const [sold, lost] = [office.sold.size, SEATS - office.sold.size];
  const cell = (count: number) => String(count).padStart(4);
  console.log(
    `${name.padEnd(30)} ${cell(sold)} sold ${cell(lost)} lost ${cell(twice)} sold twice or more`,
  );
}

function main(): void {
  const numbers = chance(Number(process.argv[2] ?? 1 + Math.floor(Math.random() * 999)));
  const draw = () => numbers.next().value;
  run(draw, "at most once", atMostOnce, false);
  run(draw, "at least once", atLeastOnce, false);
  run(draw, "at least once, and a key", atLeastOnce, true);
}

main();
