import { describe, expect, it } from 'vitest';
import { Random } from '../volume/random.ts';
import { contract, type Linkage, type SignedGraph } from './contraction.ts';
import { contractReference } from './contraction-reference.ts';

function randomGraph(seed: number, nodeCount: number, edges: number, lifted: number): SignedGraph {
  const random = new Random(seed);
  const next = () => random.float();
  const size = Float64Array.from({ length: edges }, () => 1 + Math.floor(next() * 20));
  return {
    nodeCount,
    a: Uint32Array.from({ length: edges }, () => Math.floor(next() * nodeCount)),
    b: Uint32Array.from({ length: edges }, () => Math.floor(next() * nodeCount)),
    weight: size.map((s) => s * (next() - 0.5)),
    size,
    contractible: Uint8Array.from({ length: edges }, () => (next() < lifted ? 0 : 1)),
    mass: Float64Array.from({ length: nodeCount }, () => Math.floor(next() * 100)),
  };
}

const linkages: Linkage[] = ['sum', 'mean', 'mutex'];

describe.each(linkages)('contract, %s linkage', (linkage) => {
  it.each([
    [1, 0, 0],
    [2, 1, 0],
    [12, 30, 0],
    [40, 80, 0.3],
    [60, 400, 0.5],
    [150, 300, 0.2],
  ])('equals the reference on random graphs (%i nodes, %i edges)', (nodes, edges, lifted) => {
    for (let seed = 1; seed <= 6; seed++) {
      const graph = randomGraph(seed, nodes, edges, lifted);
      for (const stopAt of [-0.1, 0, 0.2]) {
        expect(contract(graph, { linkage, stopAt })).toEqual(contractReference(graph, { linkage, stopAt }));
      }
      for (const demand of [
        { most: 0.3, half: 50 },
        { most: 4, half: 200 },
      ]) {
        expect(contract(graph, { linkage, demand })).toEqual(contractReference(graph, { linkage, demand }));
      }
    }
  });

  it('leaves its input alone and repeats itself, ties included', () => {
    const graph = randomGraph(5, 300, 2000, 0.2);
    const tied = { ...graph, weight: graph.weight.map((w) => Math.sign(w)) };
    const before = tied.weight.slice();
    const first = contract(tied, { linkage });
    expect(contract(tied, { linkage })).toEqual(first);
    expect(tied.weight).toEqual(before);
  });

  it('takes no nodes, and nodes without edges', () => {
    const none = { a: new Uint32Array(0), b: new Uint32Array(0), weight: new Float64Array(0) };
    expect(contract({ nodeCount: 0, ...none }, { linkage })).toEqual(new Uint32Array(0));
    expect(contract({ nodeCount: 3, ...none }, { linkage })).toEqual(Uint32Array.of(0, 1, 2));
  });
});

describe('contract', () => {
  const edge = (a: number[], b: number[], weight: number[], contractible?: number[]): SignedGraph => ({
    nodeCount: 1 + Math.max(...a, ...b),
    a: Uint32Array.from(a),
    b: Uint32Array.from(b),
    weight: Float64Array.from(weight),
    contractible: contractible ? Uint8Array.from(contractible) : undefined,
  });

  it('sum: many weak edges outvote one strong edge', () => {
    // 0-1 joins first (3); 2 is then pulled by 2 and pushed by 1 + 1.5
    const graph = edge([0, 1, 0, 0], [1, 2, 2, 2], [3, 2, -1, -1.5]);
    expect(contract(graph, { linkage: 'sum' })).toEqual(Uint32Array.of(0, 0, 1));
    expect(contract(graph, { linkage: 'mutex' })).toEqual(Uint32Array.of(0, 0, 0));
  });

  it('mutex: a stronger repulsion is a constraint that attraction cannot overrule later', () => {
    const graph = edge([0, 1, 0], [1, 2, 2], [3, 2, -2.5]);
    expect(contract(graph, { linkage: 'mutex' })).toEqual(Uint32Array.of(0, 0, 1));
  });

  it('demands more of two large clusters than of a small one', () => {
    const graph = { ...edge([0, 1], [1, 2], [2, 2]), mass: Float64Array.of(1000, 5, 1000) };
    expect(contract(graph, { linkage: 'sum' })).toEqual(Uint32Array.of(0, 0, 0));
    const demand = { most: 3, half: 100 };
    expect(contract(graph, { linkage: 'sum', demand })).toEqual(Uint32Array.of(0, 0, 1));
    expect(() => contract({ ...graph, mass: undefined }, { linkage: 'sum', demand })).toThrow(TypeError);
  });

  it('lifted edges never join what does not touch', () => {
    const graph = edge([0, 1], [1, 2], [5, 1], [0, 1]);
    expect(contract(graph, { linkage: 'sum' })).toEqual(Uint32Array.of(0, 1, 1));
  });
});
