/** Three promises about one message. Run it with a seed: node main.ts 7 */

import { type Draw, chance, play } from "../../luck.ts";

const LOSS = 0.3; // of requests, and of replies
const SEATS = 20;
const TRIES_MAX = 50;

/** A seat goes to one customer. With `remember`, it knows the keys of what it has done. */
class BoxOffice {
  private readonly remember: boolean;
  private readonly done = new Set<string>();
  private readonly plan = new Map<number, string>(); // seat -> who sits there
  readonly sold = new Map<number, number>(); // tickets printed and paid for

  constructor(remember: boolean) {
    this.remember = remember;
  }

  sell(key: string, customer: string, seat: number): "sold" | "taken" {
    if (this.remember && this.done.has(key)) return "sold"; // heard before: the effect is there
    if ((this.plan.get(seat) ?? customer) !== customer) return "taken";
    this.plan.set(seat, customer);
    this.done.add(key);
    this.sold.set(seat, (this.sold.get(seat) ?? 0) + 1);
    return "sold";
  }
}

/** True when the reply came back. */
function send(draw: Draw, office: BoxOffice, key: string, seat: number): boolean {
  if (draw() < LOSS) return false; // the request was lost
  office.sell(key, `customer-${seat}`, seat);
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

function main(seed: number): void {
  const draw = chance(seed);
  run(draw, "at most once", atMostOnce, false);
  run(draw, "at least once", atLeastOnce, false);
  run(draw, "at least once, and a key", atLeastOnce, true);
}

play(main);
