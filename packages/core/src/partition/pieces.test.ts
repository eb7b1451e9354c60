import { describe, expect, it } from 'vitest';
import { CROSS, EdgeList, IN_PLANE } from '../graph/edge-list.ts';
import { type Classifier, classify, fitClassifier } from '../link/classifier.ts';
import { fragmentTable, type SectionTable } from '../segment/fragment-table.ts';
import { Random } from '../volume/random.ts';
import { PieceExamples } from './fit-pieces.ts';
import { PARTITION_DEFAULTS, partition } from './partition.ts';
import { makePieces, type PieceGraph, partitionPieces } from './partition-pieces.ts';
import { PIECE_FEATURES, piecePairs } from './piece-pairs.ts';

const SIDE = 10;

/** Sections of `columns` fragments side by side, each SIDE × SIDE / columns; ids ascend with depth. */
function stack(depth: number, columns: number): SectionTable[] {
  const labels = Uint32Array.from(
    { length: SIDE * SIDE },
    (_, p) => 1 + Math.floor(((p % SIDE) * columns) / SIDE),
  );
  const stats = fragmentTable(labels, SIDE, SIDE, columns);
  return Array.from({ length: depth }, (_, z) => ({ z, idOffset: z * columns, stats }));
}

/** Two neurons side by side over `depth` sections; what links say is given. */
function pairOfNeurons(
  depth: number,
  along: (z: number, column: number) => number,
  across: (z: number) => number,
): PieceGraph {
  const edges = new EdgeList();
  for (let z = 0; z < depth; z++) {
    edges.push(2 * z + 1, 2 * z + 2, IN_PLANE, SIDE, across(z));
    if (z === 0) continue;
    for (const column of [1, 2]) edges.push(2 * z - 2 + column, 2 * z + column, CROSS, 50, along(z, column));
  }
  const sections = stack(depth, 2);
  return { edges: edges.columns(), fragments: 2 * depth, sections, voxelSizeNm: [40, 10, 10] };
}

const feature = (row: Float32Array, i: number, name: (typeof PIECE_FEATURES)[number]) =>
  row[i * PIECE_FEATURES.length + PIECE_FEATURES.indexOf(name)];

/** One tree with one question: log-odds by whether a feature is above a threshold. */
function judgeBy(
  name: (typeof PIECE_FEATURES)[number],
  threshold: number,
  leaf: [number, number],
): Classifier {
  const trees = {
    features: PIECE_FEATURES.length,
    base: 0,
    depth: 1,
    feature: [PIECE_FEATURES.indexOf(name)],
    threshold: [threshold],
    leaf,
  };
  return { features: PIECE_FEATURES, trees, calibration: { scale: 1, offset: 0 } };
}

describe('pairs of pieces', () => {
  it('are described by all that lies between them', () => {
    // each neuron breaks between sections 2 and 3
    const graph = pairOfNeurons(
      6,
      (z) => (z === 3 ? 0.6 : 0.99),
      () => 0.1,
    );
    const { piece, pairs } = makePieces(graph, PARTITION_DEFAULTS);
    expect(Array.from(piece)).toEqual([0, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4]);
    const found = Array.from({ length: pairs.count }, (_, i) => [pairs.a[i], pairs.b[i]]);
    expect(found).toEqual([
      [1, 2],
      [3, 4],
      [1, 3],
      [2, 4],
    ]);
    const of = (i: number, name: (typeof PIECE_FEATURES)[number]) => feature(pairs.features, i, name);
    // side by side over three sections
    expect(of(0, 'touching fragments (log)')).toBe(2);
    expect(of(0, 'links (log)')).toBe(0);
    expect(of(0, 'log-odds of touching fragments, mean')).toBeCloseTo(Math.log(0.1 / 0.9), 4);
    expect([of(0, 'sections of both'), of(0, 'sections in which they meet')]).toEqual([3, 3]);
    // end to end
    expect([of(2, 'sections, fewer'), of(2, 'sections, more'), of(2, 'sections of both')]).toEqual([3, 3, 0]);
    expect(of(2, 'overlap at an end of both')).toBe(1);
    expect(of(2, 'overlap over profile, larger')).toBeCloseTo(1);
    expect(of(2, 'log-odds of links, best')).toBeCloseTo(Math.log(1.5), 4);
    expect(of(2, 'log-odds of links, worst')).toBeCloseTo(Math.log(1.5), 4);
    expect(of(2, 'volume, smaller (log)')).toBeCloseTo(Math.log2(150));
    expect(of(2, 'best partner of how many sides')).toBe(2);
    expect(of(2, 'distance of sections, nm')).toBe(40);
  });

  it('are none where nothing touches, and none of an empty volume', () => {
    const empty = new EdgeList(1).columns();
    const none = new Float64Array(0);
    const rest = {
      edges: empty,
      weight: none,
      scale: none,
      sections: stack(1, 2),
      voxelSizeNm: [40, 10, 10] as const,
    };
    expect(piecePairs({ ...rest, piece: Uint32Array.of(0, 1, 2) }).count).toBe(0);
    expect(piecePairs({ ...rest, sections: [], piece: Uint32Array.of(0) }).count).toBe(0);
  });
});

describe('partition in two rounds', () => {
  const graph = pairOfNeurons(
    6,
    (z, column) => (z === 3 ? (column === 1 ? 0.6 : 0.4) : 0.99),
    () => 0.1,
  );

  it('joins and parts pieces as the classifier says', () => {
    const options = PARTITION_DEFAULTS;
    expect(new Set(partition(graph.edges, 12, options)).size).toBe(1 + 3);
    const joining = judgeBy('overlap at an end of both', 0.5, [-3, 3]);
    const both = partitionPieces(graph, joining, options);
    expect(Array.from(both)).toEqual([0, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
    const parting = judgeBy('overlap at an end of both', 0.5, [-3, -3]);
    expect(new Set(partitionPieces(graph, parting, options)).size).toBe(1 + 4);
  });

  it('refuses nothing to do with grace', () => {
    const nothing = { ...graph, edges: new EdgeList(1).columns() };
    const alone = partitionPieces(nothing, judgeBy('weight', 0, [-1, 1]), PARTITION_DEFAULTS);
    expect(Array.from(alone)).toEqual(Array.from({ length: 13 }, (_, i) => i));
  });

  it('is learned from graphs whose neurons are known', () => {
    const examples = new PieceExamples();
    const random = new Random(5);
    for (let n = 0; n < 60; n++) {
      // links say next to nothing at the breaks: what ends there and overlaps is one neuron
      const made = pairOfNeurons(
        8,
        (z) => (z === 4 ? random.uniform(0.3, 0.7) : 0.98),
        () => random.uniform(0.05, 0.4),
      );
      const fragments = made.fragments + 1;
      const neuron = Uint32Array.from({ length: fragments }, (_, i) => (i === 0 ? 0 : 1 + ((i + 1) % 2)));
      const inside = new Float64Array(fragments).fill(50);
      examples.add(made, { neuron, inside, known: inside }, PARTITION_DEFAULTS);
    }
    const { classifier, reliability } = fitClassifier(examples.rows);
    expect(reliability.precision).toBeGreaterThan(0.95);
    expect(reliability.recall).toBeGreaterThan(0.95);
    const { pairs } = makePieces(graph, PARTITION_DEFAULTS);
    const judged = Array.from(classify(classifier, pairs.features), (p) => p > 0.5);
    expect(judged).toEqual([false, false, true, true]);
  });
});
