/**
 * Time and memory of the partition and its list of doubts on a made-up fragment graph of the shape real stacks give: sections of touching
 * fragments with in-plane neighbours, each linked to a few fragments of the next.
 *
 *     node bench/run.mjs bench/partition.ts [EDGES, default 10000000] [method, default gaec] [sweeps of refinement]
 */
import {
  CROSS,
  DOUBT_DEFAULTS,
  doubts,
  EdgeList,
  fragmentTable,
  fragmentVoxels,
  IN_PLANE,
  PARTITION_DEFAULTS,
  type PartitionMethod,
  partition,
  Random,
} from '@kyn/core';

const wanted = Number(process.argv[2] ?? 1e7);
const method = (process.argv[3] ?? PARTITION_DEFAULTS.method) as PartitionMethod;
const sweeps = Number(process.argv[4] ?? PARTITION_DEFAULTS.refine);
const side = 100; // fragments of a section lie on a grid of this side
const perSection = side * side;
const sections = Math.max(2, Math.round(wanted / (perSection * 6)));
const random = new Random(1);
const edges = new EdgeList(wanted);
for (let z = 0; z < sections; z++) {
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const id = 1 + z * perSection + y * side + x;
      if (x + 1 < side) edges.push(id, id + 1, IN_PLANE, 20, 0.3 * random.float());
      if (y + 1 < side) edges.push(id, id + side, IN_PLANE, 20, 0.3 * random.float());
      if (z + 1 === sections) continue;
      edges.push(id, id + perSection, CROSS, 300, 0.6 + 0.4 * random.float());
      if (x + 1 < side) edges.push(id, id + perSection + 1, CROSS, 30, 0.6 * random.float());
      if (y + 1 < side) edges.push(id, id + perSection + side, CROSS, 30, 0.6 * random.float());
      if (x > 0) edges.push(id, id + perSection - 1, CROSS, 30, 0.6 * random.float());
    }
  }
}
const fragments = sections * perSection;
const columns = edges.columns();
const table = fragmentTable(
  Uint32Array.from({ length: perSection }, (_, i) => i + 1),
  side,
  side,
  perSection,
);
const tables = Array.from({ length: sections }, (_, z) => ({ z, idOffset: z * perSection, stats: table }));

// sweeps raise the sum of weights, which knows of no demand
const demand = sweeps > 0 ? undefined : PARTITION_DEFAULTS.demand;
const options = { ...PARTITION_DEFAULTS, method, refine: sweeps, demand };
const voxels = fragmentVoxels(tables, fragments);
const assignment = timed(`${method}, ${sweeps} sweeps`, () => partition(columns, voxels, options));
const neurons = assignment.reduce((max, n) => Math.max(max, n), 0);
const input = { edges: columns, assignment, sections: tables, voxelSizeNm: [40, 8, 8] as const };
const rows = timed('doubts', () => doubts(input, DOUBT_DEFAULTS));
console.log(
  `${edges.count} edges, ${fragments} fragments -> ${neurons} neurons, ${rows.length} doubts; peak memory ` +
    `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
);

function timed<T>(name: string, work: () => T): T {
  const before = process.cpuUsage();
  const start = performance.now();
  const result = work();
  const cpu = process.cpuUsage(before);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${name}: ${seconds} s, ${((cpu.user + cpu.system) / 1e6).toFixed(1)} CPU-s`);
  return result;
}
