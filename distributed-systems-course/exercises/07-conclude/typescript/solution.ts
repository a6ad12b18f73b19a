/** What a customer may be told after some answers and some silence. */

export type Heard = [question: string, answer: string];

/** Answers "sold", "not sold" or "unknown" for the pairs that were heard. */
export function conclude(heard: Heard[]): string {
  let onItsWay = false; // a request to sell that may still arrive, or has arrived unheard
  let refused = false;
  for (const [question, answer] of heard) {
    if (["sold", "sold to you", "too late"].includes(answer)) return "sold";
    if (answer === "cancelled") return "not sold";
    if (question === "sell") {
      onItsWay ||= answer === "timeout";
      refused ||= answer === "taken";
    }
  }
  return refused && !onItsWay ? "not sold" : "unknown";
}
