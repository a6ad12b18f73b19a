/**
 * Two halls sell one theatre's seats, and the cable between them is cut. Run it with a seed:
 * node main.ts 7
 *
 * There are three copies of the seating plan: two in hall one, one in hall two. A hall that has sold
 * a seat tells all copies that it reaches. The question is how many it must reach before it sells.
 */

import { type Draw, chance, play } from "../../luck.ts";

const SEATS = 100;
const CUSTOMERS = 120;
const CUT_FROM = 30; // so many customers have come when the cable is cut,
const CUT_UNTIL = 90; // and so many when it is mended

/** The box office of a hall, and its copy of the plan: seat -> who has bought it. */
class Hall {
  private readonly copies: number;
  private readonly needs: number;
  plan = new Map<number, Set<string>>();
  reaches: Hall[] = []; // the other hall, while the cable is whole

  constructor(copies: number, needs: number) {
    this.copies = copies;
    this.needs = needs;
  }

  sell(seat: number, customer: string): string {
    const reached = this.copies + this.reaches.reduce((sum, hall) => sum + hall.copies, 0);
    if (reached < this.needs) return "come again later";
    if (this.plan.has(seat)) return "taken";
    this.plan.set(seat, new Set([customer]));
    for (const hall of this.reaches) this.tell(hall, seat);
    return "sold";
  }

  tell(hall: Hall, seat: number): void {
    for (const owner of this.plan.get(seat)!) {
      hall.plan.set(seat, (hall.plan.get(seat) ?? new Set()).add(owner));
    }
  }
}

function cut(one: Hall, two: Hall): void {
  [one.reaches, two.reaches] = [[], []];
}

/** Each tells the other all that it has sold. */
function mend(one: Hall, two: Hall): void {
  [one.reaches, two.reaches] = [[two], [one]];
  for (const seat of one.plan.keys()) one.tell(two, seat);
  for (const seat of two.plan.keys()) two.tell(one, seat);
}

/** How many seats were sold twice, and how many customers were turned away. */
function evening(draw: Draw, needs: number, cableIsCut: boolean): [twice: number, away: number] {
  const [one, two] = [new Hall(2, needs), new Hall(1, needs)];
  mend(one, two);
  let away = 0;
  for (let number = 1; number <= CUSTOMERS; number++) {
    if (cableIsCut && number === CUT_FROM + 1) cut(one, two);
    if (number === CUT_UNTIL + 1) mend(one, two);
    const hall = draw() < 0.5 ? one : two;
    const seat = 1 + Math.floor(SEATS * draw());
    if (hall.sell(seat, `customer-${number}`) === "come again later") away += 1;
  }
  mend(one, two);
  return [[...one.plan.values()].filter((owners) => owners.size > 1).length, away];
}

function main(seed: number): void {
  console.log("a hall sells when      an evening with no cut       the cable is cut");
  console.log("it reaches             sold twice  turned away   sold twice  turned away");
  for (const [i, name] of ["one copy of three", "two of three", "all three"].entries()) {
    const whole = evening(chance(seed), i + 1, false);
    const broken = evening(chance(seed), i + 1, true);
    const cells = [whole[0], whole[1], broken[0], broken[1]];
    const row = cells.map((count, at) => String(count).padStart(at === 0 ? 10 : 12)).join(" ");
    console.log(`${name.padEnd(22)} ${row}`);
  }
}

play(main);
