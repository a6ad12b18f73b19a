// Runs one world of the WebAssembly build and prints its trace, as `quartet sim --trace` does:
//     node world.mjs quartet.wasm SYSTEM SEED NODES SECONDS
import { readFileSync, writeFileSync } from 'node:fs';

const [file, system, seed, nodes, seconds] = process.argv.slice(2);
const decoder = new TextDecoder();
const trace = [];
let memory;
const bytes = (at, size) => new Uint8Array(memory.buffer, at, size);

const imports = {
  quartet: {
    print(at, size) {
      trace.push(bytes(at, size).slice());
    },
    panic(at, size, line, whatAt, whatSize) {
      const where = `${decoder.decode(bytes(at, size))}:${line}`;
      throw new Error(`${where}: ${decoder.decode(bytes(whatAt, whatSize))}`);
    },
  },
};
const { instance } = await WebAssembly.instantiate(readFileSync(file), imports);
const { world_run, world_words, faults_default } = instance.exports;
memory = instance.exports.memory;
const name = new TextEncoder().encode(system);
const room = world_words(name.length);
bytes(room, name.length).set(name);
process.exitCode = world_run(
  name.length,
  BigInt(seed),
  Number(nodes),
  Number(seconds),
  faults_default(),
);
writeFileSync(1, Buffer.concat(trace));
