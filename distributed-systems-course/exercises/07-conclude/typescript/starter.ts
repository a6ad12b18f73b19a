/** What a customer may be told after some answers and some silence. */

export type Heard = [question: string, answer: string];

/** Answers "sold", "not sold" or "unknown" for the pairs that were heard. */
export function conclude(heard: Heard[]): string {
  const [, answer] = heard.at(-1)!;
  return answer === "sold" || answer === "sold to you" ? "sold" : "not sold";
}
