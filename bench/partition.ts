/**
 * Time and memory of the partition on a made-up fragment graph of the shape real stacks give: sections of touching
 * fragments with in-plane neighbours, each linked to a few fragments of the next.
 *
 *     node bench/run.mjs bench/partition.ts [EDGES, default 10000000] [method, default gaec]
 */
import {
  CROSS,
  EdgeList,
  IN_PLANE,
  PARTITION_DEFAULTS,
  type PartitionMethod,
  partition,
  Random,
} from '@kyn/core';

const wanted = Number(process.argv[2] ?? 1e7);
const method = (process.argv[3] ?? PARTITION_DEFAULTS.method) as PartitionMethod;
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
const before = process.cpuUsage();
const start = performance.now();
const assignment = partition(edges.columns(), fragments, {
  ...PARTITION_DEFAULTS,
  method,
  inPlaneWeight: 0.3,
});
const seconds = (performance.now() - start) / 1000;
const cpu = process.cpuUsage(before);
const neurons = assignment.reduce((max, n) => Math.max(max, n), 0);
console.log(
  `${method}: ${edges.count} edges, ${fragments} fragments -> ${neurons} neurons in ${seconds.toFixed(1)} s ` +
    `(${((cpu.user + cpu.system) / 1e6).toFixed(1)} CPU-s), peak memory ` +
    `${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
);
