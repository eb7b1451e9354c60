import { describe, expect, it } from 'vitest';
import { contract, type SignedGraph } from '../graph/contraction.ts';
import { Random } from '../volume/random.ts';
import { bestObjective, hangsTogether } from './optimum-reference.ts';
import { objective, refine } from './refine.ts';

function randomGraph(seed: number, nodeCount: number, edges: number, lifted = 0): SignedGraph {
  const random = new Random(seed, nodeCount);
  const node = () => Math.floor(random.float() * nodeCount);
  return {
    nodeCount,
    a: Uint32Array.from({ length: edges }, node),
    b: Uint32Array.from({ length: edges }, node),
    weight: Float64Array.from({ length: edges }, () => random.float() * 2 - 1),
    contractible:
      lifted > 0 ? Uint8Array.from({ length: edges }, () => (random.float() < lifted ? 0 : 1)) : undefined,
  };
}

const edges = (nodeCount: number, ...rows: [a: number, b: number, weight: number][]): SignedGraph => ({
  nodeCount,
  a: Uint32Array.from(rows, ([a]) => a),
  b: Uint32Array.from(rows, ([, b]) => b),
  weight: Float64Array.from(rows, ([, , weight]) => weight),
});

const alone = (graph: SignedGraph) => Uint32Array.from({ length: graph.nodeCount }, (_, v) => v);

describe('refine', () => {
  it.each([0, 0.3])(
    'comes nearer to the optimum of tiny graphs than contraction, %f of the edges lifted',
    (lifted) => {
      const reached = { contraction: 0, refinement: 0 };
      const graphs = 150;
      for (let seed = 0; seed < graphs; seed++) {
        const graph = randomGraph(seed, 8, 12 + (seed % 16), lifted);
        const start = contract(graph, { linkage: 'sum' });
        const refined = refine(graph, start, 20);
        const [before, after, best] = [
          objective(graph, start),
          objective(graph, refined),
          bestObjective(graph),
        ];
        expect(after).toBeGreaterThanOrEqual(before);
        expect(after).toBeLessThanOrEqual(best + 1e-9);
        expect(hangsTogether(graph, refined)).toBe(true);
        if (before > best - 1e-9) reached.contraction++;
        if (after > best - 1e-9) reached.refinement++;
      }
      expect(reached.refinement / graphs).toBeGreaterThan(0.9);
      expect(reached.refinement).toBeGreaterThan(reached.contraction);
    },
  );

  it('improves larger graphs, whatever it starts from, keeps clusters together, and repeats itself', () => {
    for (const lifted of [0, 0.3]) {
      const graph = randomGraph(3, 300, 1500, lifted);
      const contracted = contract(graph, { linkage: 'sum' });
      for (const start of [contracted, alone(graph)]) {
        const before = start.slice();
        const refined = refine(graph, start, 50);
        expect(objective(graph, refined)).toBeGreaterThan(objective(graph, start));
        expect(hangsTogether(graph, refined)).toBe(true);
        expect(refine(graph, start, 50)).toEqual(refined);
        expect(start).toEqual(before);
        expect(new Set(refined).size).toBe(Math.max(...refined) + 1);
      }
    }
  });

  it('moves a whole branch over, though its first node alone would lose', () => {
    // 3 and 4 hold to each other; both together belong to 5, not to 0-1-2
    const graph = edges(6, [0, 1, 5], [1, 2, 5], [2, 3, 1], [3, 4, 2], [3, 5, 0.8], [4, 5, 0.8]);
    const start = Uint32Array.of(0, 0, 0, 0, 0, 1);
    // moving 3: 0.8 - 1 - 2, then 4: 0.8 + 2
    const cut = edges(6, [0, 1, 5], [1, 2, 5], [2, 3, 1], [3, 4, 2], [3, 5, 0.8], [4, 5, 0.8], [0, 5, -3]);
    expect(refine(graph, start, 20)).toEqual(Uint32Array.of(0, 0, 0, 0, 0, 0));
    expect(refine(cut, start, 20)).toEqual(Uint32Array.of(0, 0, 0, 1, 1, 1));
  });

  it('splits a cluster where many weak repulsions outvote the link', () => {
    const graph = edges(6, [0, 1, 4], [1, 2, 4], [2, 3, 1], [3, 4, 4], [4, 5, 4], [0, 4, -0.5], [1, 5, -0.7]);
    expect(refine(graph, new Uint32Array(6), 20)).toEqual(Uint32Array.of(0, 0, 0, 1, 1, 1));
  });

  it('does not join what only lifted edges attract, and lets them part what touches', () => {
    const graph = edges(3, [0, 1, 2], [1, 2, 1], [0, 2, -1.5]);
    const lifted = { ...graph, contractible: Uint8Array.of(1, 1, 0) };
    expect(refine(lifted, new Uint32Array(3), 5)).toEqual(Uint32Array.of(0, 0, 1));
    const far = { ...edges(2, [0, 1, 3]), contractible: Uint8Array.of(0) };
    expect(refine(far, alone(far), 5)).toEqual(Uint32Array.of(0, 1));
  });

  it('takes no nodes, and no sweeps', () => {
    expect(refine(edges(0), new Uint32Array(0), 3)).toEqual(new Uint32Array(0));
    const graph = edges(2, [0, 1, 1]);
    expect(refine(graph, alone(graph), 0)).toEqual(Uint32Array.of(0, 1));
    expect(() => refine(graph, alone(graph), 1, { signal: { aborted: true } })).toThrow(/stopped/);
  });
});
