/**
 * The plain, slow twin of `contract`: every step looks at every edge. For tests; the same numbers come out
 * where no two priorities are equal.
 */
import type { ContractionOptions, SignedGraph } from './contraction.ts';

interface Link {
  a: number;
  b: number;
  weight: number;
  size: number;
  contractible: boolean;
}

export function contractReference(graph: SignedGraph, options: ContractionOptions): Uint32Array {
  const stopAt = options.stopAt ?? 0;
  const mean = options.linkage === 'mean';
  const cluster = Array.from({ length: graph.nodeCount }, (_, i) => i);
  const mass = Array.from(cluster, (i) => graph.mass?.[i] ?? 0);
  const { most, half } = options.demand ?? { most: 0, half: 1 };
  const demand = ({ a, b }: Link): number => {
    const smaller = Math.min(mass[a], mass[b]);
    return (most * smaller) / (smaller + half);
  };
  let links: Link[] = Array.from(graph.a, (a, i) => ({
    a,
    b: graph.b[i],
    weight: graph.weight[i],
    size: graph.size ? graph.size[i] : 1,
    contractible: graph.contractible ? graph.contractible[i] !== 0 : true,
  }));
  for (;;) {
    const pooled = new Map<string, Link>();
    for (const link of links) {
      const a = Math.min(link.a, link.b);
      const b = Math.max(link.a, link.b);
      if (a === b) continue;
      const twin = pooled.get(`${a} ${b}`);
      if (!twin) pooled.set(`${a} ${b}`, { ...link, a, b });
      else {
        if (options.linkage === 'mutex') {
          const stronger = Math.abs(link.weight) - Math.abs(twin.weight);
          if (stronger > 0 || (stronger === 0 && link.weight < 0)) twin.weight = link.weight;
        } else twin.weight += link.weight;
        twin.size += link.size;
        twin.contractible ||= link.contractible;
      }
    }
    links = [...pooled.values()];
    const priority = (link: Link) => (mean ? link.weight / link.size : link.weight) - demand(link);
    const open = links.filter((link) => link.contractible && priority(link) > stopAt);
    if (open.length === 0) break;
    const { a: stays, b: goes } = open.reduce((x, y) => (priority(y) > priority(x) ? y : x));
    for (let i = 0; i < cluster.length; i++) if (cluster[i] === goes) cluster[i] = stays;
    mass[stays] += mass[goes];
    for (const link of links) {
      if (link.a === goes) link.a = stays;
      if (link.b === goes) link.b = stays;
    }
  }
  const number = new Map<number, number>();
  return Uint32Array.from(cluster, (c) => {
    if (!number.has(c)) number.set(c, number.size);
    return number.get(c) ?? 0;
  });
}
