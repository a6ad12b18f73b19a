/**
 * Two leaders, on purpose: a seat that both sell has two buyers. With a seed: node main.ts 7
 *
 * Each of two halls sells on a machine of its own, at once, and tells the other a little later. A
 * seat that the other has sold meanwhile then has two buyers, and both have heard OK. Which sale
 * stays?
 */

import { type Draw, chance, play } from "../../luck.ts";

const ORDERS = 1000; // ten a second, for any seat, at either hall
const SEATS = 300;
const TELL_S = 10;
const AHEAD_S = 4; // the clock of hall 1

class Sale {
  readonly hall: number;
  readonly at: number;
  readonly stamp: number; // what the clock of its hall says

  constructor(hall: number, at: number) {
    [this.hall, this.at, this.stamp] = [hall, at, at + AHEAD_S * hall];
  }

  isKnown(hall: number, now: number): boolean {
    return hall === this.hall || Math.floor(this.at / TELL_S) < Math.floor(now / TELL_S);
  }
}

/** The sales of each seat. With `ownSeats`, a hall passes on what is for the other's seats. */
function sell(draw: Draw, ownSeats: boolean): Sale[][] {
  const sold: Sale[][] = Array.from({ length: SEATS }, () => []);
  let at = 0;
  for (let order = 0; order < ORDERS; order++) {
    at += 0.2 * draw();
    const [hall, seat] = [Math.floor(2 * draw()), Math.floor(SEATS * draw())];
    const sale = new Sale(ownSeats ? seat % 2 : hall, at);
    if (!sold[seat]!.some((other) => other.isKnown(sale.hall, at))) sold[seat]!.push(sale);
  }
  return sold;
}

/** The greatest stamp stays. */
function lastWriter(sales: Sale[]): Sale[] {
  return [sales.reduce((last, sale) => (sale.stamp > last.stamp ? sale : last))];
}

function run(name: string, sold: Sale[][], lastWins: boolean): void {
  let [saidOk, gone, later, open] = [0, 0, 0, 0];
  for (const sales of sold.filter((one) => one.length > 0)) {
    const stay = lastWins ? lastWriter(sales) : sales;
    saidOk += sales.length;
    gone += sales.length - stay.length;
    if (stay.length === 1 && sales.some((sale) => sale.at > stay[0]!.at)) later += 1;
    if (stay.length > 1) open += 1;
  }
  const cell = (count: number, width: number) => String(count).padStart(width);
  const cells = [cell(saidOk, 7), cell(gone, 16), cell(later, 17), cell(open, 20)];
  console.log([name.padEnd(22), ...cells].join(" "));
}

function main(seed: number): void {
  console.log("                       OK said  gone in silence    the later one  left to a person");
  run("last writer wins", sell(chance(seed), false), true);
  run("both are kept", sell(chance(seed), false), false);
  run("a seat has one leader", sell(chance(seed), true), false);
}

play(main);
