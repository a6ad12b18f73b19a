// Opens a world of the book and prints how it stands at first, as JSON: tools/cluster.py keeps it.
//
//     node record.ts MODULE < SCENE

import { readFileSync } from "node:fs";
import { recordOf } from "../theme/play/cluster-film.ts";
import { World } from "../theme/play/cluster-world.ts";

const world = await World.load(readFileSync(process.argv[2]!));
const record = recordOf(world, JSON.parse(readFileSync(0, "utf8")));
process.stdout.write(`${JSON.stringify(record, null, 1)}\n`);
