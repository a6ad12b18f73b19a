/** A ring of 360 degrees, with nodes on it. */

export class Ring {
  private places: [degree: number, node: string][] = [];

  /** Nobody stands at these places yet. */
  join(node: string, degrees: number[]): void {
    for (const degree of degrees) this.places.push([degree, node]);
  }

  /** With all its places. */
  leave(node: string): void {}

  /** Of a key at that degree, 0 to 359. */
  owner(key: number): string | null {
    const far = ([degree]: [number, string]) => Math.abs(degree - key);
    return this.places.reduce((one, other) => (far(other) < far(one) ? other : one))[1];
  }
}
