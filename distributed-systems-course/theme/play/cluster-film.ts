// A scene played to its end, as if every question had been answered: what it showed at first, and
// after each act. For tests; and how it stands at first, for the still picture.

import { ClusterSteps } from "./cluster-steps.ts";
import type { Scene } from "./cluster-steps.ts";
import type { State, World } from "./cluster-world.ts";

export interface Film {
  first: State;
  acts: { step: number; state: State; told: string[] }[];
}

export function filmOf(world: World, scene: Scene): Film {
  const steps = new ClusterSteps(world, scene);
  const film: Film = { first: steps.step(0).state, acts: [] };
  let at = 0;
  for (let i = 0; i < scene.acts.length; i++) {
    if (!steps.question(at + 1)) throw new Error(`act ${i + 1} does not follow`);
    const end = steps.settles(at + 1);
    const told: string[] = [];
    for (let n = at + 1; n <= end; n++) told.push(steps.tell(n));
    film.acts.push({ step: end, state: steps.step(end).state, told });
    at = end;
  }
  return film;
}

// What the still picture shows, and no more: not even a microsecond that another version of the
// simulator would need.
export interface Record {
  scene: Scene;
  nodes: {
    id: number;
    up: boolean;
    role?: string;
    term?: number;
    vote?: number;
    commit?: number;
    holds?: string;
    log: { index: number }[];
  }[];
}

export function recordOf(world: World, scene: Scene): Record {
  const { nodes } = new ClusterSteps(world, scene).step(0).state;
  return {
    scene,
    nodes: nodes.map(({ id, up, role, term, vote, commit, holds, log }) => ({
      id,
      up,
      role,
      term,
      vote,
      commit,
      holds,
      log: (log ?? []).map(({ index }) => ({ index })),
    })),
  };
}
