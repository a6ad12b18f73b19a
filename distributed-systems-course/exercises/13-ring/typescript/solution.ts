/** A ring of 360 degrees, with nodes on it. */

export class Ring {
  private places: [degree: number, node: string][] = [];

  /** Nobody stands at these places yet. */
  join(node: string, degrees: number[]): void {
    for (const degree of degrees) this.places.push([degree, node]);
    this.places.sort((a, b) => a[0] - b[0]);
  }

  /** With all its places. */
  leave(node: string): void {
    this.places = this.places.filter(([, other]) => other !== node);
  }

  /** Of a key at that degree, 0 to 359. */
  owner(key: number): string | null {
    const next = this.places.find(([degree]) => degree >= key) ?? this.places[0];
    return next === undefined ? null : next[1];
  }
}
