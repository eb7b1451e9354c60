import { describe, expect, it } from 'vitest';
import { CROSS, EdgeList, IN_PLANE } from '../graph/edge-list.ts';
import { countOverlaps } from '../link/overlap.ts';
import { createPhantom } from '../phantom/phantom.ts';
import { fragmentTable, type SectionTable } from '../segment/fragment-table.ts';
import { labelProfiles } from '../volume/profiles.ts';
import { Random } from '../volume/random.ts';
import { DOUBT_DEFAULTS, type Doubt, doubts } from './doubts.ts';
import { doubtsCsv } from './doubts-csv.ts';

/** Fragments of `areas` pixels, one column of fragments a section. */
function sectionsOf(...areas: number[][]): SectionTable[] {
  let idOffset = 0;
  return areas.map((list, z) => {
    const labels = list.flatMap((area, i) => new Array<number>(area).fill(i + 1));
    const section = {
      z,
      idOffset,
      stats: fragmentTable(Uint32Array.from(labels), 1, labels.length, list.length),
    };
    idOffset += list.length;
    return section;
  });
}

function graph(...rows: [a: number, b: number, kind: number, probability: number][]) {
  const list = new EdgeList();
  for (const [a, b, kind, probability] of rows) list.push(a, b, kind, 1, probability);
  return list.columns();
}

const short = ({ kind, a, b, probability, voxelsAtStake }: Doubt) =>
  [kind, a, b, Number(probability.toFixed(3)), Number(voxelsAtStake.toFixed(2))] as const;

describe('doubts', () => {
  const voxelSizeNm = [40, 8, 4] as const;

  it('weighs a link by what hangs on it, all evidence over the cut counted', () => {
    // 1-2-3-4 in a row of sections; 1-3 takes back what 1-2 and 2-3 say
    const sections = sectionsOf([10], [20], [30], [100]);
    const edges = graph([1, 2, CROSS, 0.9], [2, 3, CROSS, 0.8], [3, 4, CROSS, 0.6], [1, 3, CROSS, 0.2]);
    const found = doubts({ edges, assignment: Uint32Array.of(0, 1, 1, 1, 1), sections, voxelSizeNm });
    expect(found.map(short)).toEqual([
      ['split?', 3, 4, 0.6, 24],
      ['split?', 2, 3, 0.5, 15],
      ['split?', 1, 2, 0.6, 4],
    ]);
    expect(found[0].position).toEqual([2, 0, 14.5]);
    expect(found[0].positionNm).toEqual([100, 4, 60]);
    expect(doubtsCsv(found).split('\n').slice(0, 2)).toEqual([
      'kind,z,y,x,z_nm,y_nm,x_nm,fragment_a,fragment_b,probability,voxels_at_stake',
      'split?,2,0,15,100,4,60,3,4,0.6000,24',
    ]);
  });

  it('weighs two neurons by all that is between them, and leaves out what is beyond doubt', () => {
    const sections = sectionsOf([10, 50], [20, 60], [30, 70]);
    const edges = graph(
      [1, 3, CROSS, 0.999],
      [2, 4, CROSS, 0.999],
      [1, 4, CROSS, 0.4],
      [3, 4, IN_PLANE, 0.3],
      [5, 6, IN_PLANE, 0.01],
    );
    const assignment = Uint32Array.of(0, 1, 2, 1, 2, 3, 4);
    const options = { ...DOUBT_DEFAULTS, inPlaneWeight: 1 };
    const found = doubts({ edges, assignment, sections, voxelSizeNm }, options);
    // odds of the mean: the root of 2/3 × 3/7
    expect(found.map(short)).toEqual([['merge?', 1, 4, 0.348, 10.45]]);
    expect(found[0].position).toEqual([0, 0, 4.5]);
  });

  it('keeps the first rows of many, and takes nothing', () => {
    const count = 2000;
    const sections = sectionsOf(
      Array.from({ length: count }, (_, i) => 1 + (i % 97)),
      [3],
    );
    const edges = new EdgeList();
    for (let i = 1; i < count; i++) edges.push(i, i + 1, IN_PLANE, 1, 0.1 + 0.3 * ((i % 89) / 89));
    const assignment = Uint32Array.from({ length: count + 2 }, (_, i) => i);
    const input = { edges: edges.columns(), assignment, sections, voxelSizeNm };
    const all = doubts(input, { ...DOUBT_DEFAULTS, limit: count });
    expect(all.length).toBe(count - 1);
    expect(doubts(input, { ...DOUBT_DEFAULTS, limit: 30 })).toEqual(all.slice(0, 30));
    expect(all.every((d, i) => i === 0 || d.voxelsAtStake <= all[i - 1].voxelsAtStake)).toBe(true);
    const none = { edges: graph(), assignment: Uint32Array.of(0), sections: [], voxelSizeNm };
    expect(doubts(none)).toEqual([]);
    expect(() => doubts(none, DOUBT_DEFAULTS, { signal: { aborted: true } })).toThrow(/stopped/);
  });
});

describe('doubts of a phantom', () => {
  it('lists a planted wrong link and a planted cut first', async () => {
    const { edges, sections, truthOf, bySize } = await phantomGraph();
    const middle = sections[sections.length >> 1].idOffset;
    const truths = (e: number) => [truthOf[edges.a[e]], truthOf[edges.b[e]]] as const;
    const over = Array.from(edges.a, (_, e) => e).filter((e) => edges.a[e] <= middle && edges.b[e] > middle);
    const probability = edges.probability.slice();
    // the largest neuron is cut in the middle of the stack ...
    for (const e of over) if (truths(e).every((id) => id === bySize[0])) probability[e] = 0.4;
    // ... and there the two next largest that overlap are linked
    const others = over.filter((e) => truths(e)[0] !== truths(e)[1] && !truths(e).includes(bySize[0]));
    const rank = (e: number) => Math.max(...truths(e).map((id) => bySize.indexOf(id)));
    const wrong = others.reduce((best, e) => (rank(e) < rank(best) ? e : best));
    const [first, second] = truths(wrong);
    for (let e = 0; e < edges.count; e++) {
      // elsewhere nothing speaks against it, or the partition would not have made the mistake
      if (truths(e)[0] !== truths(e)[1] && truths(e).every((id) => id === first || id === second))
        probability[e] = 0.5;
    }
    probability[wrong] = 0.7;
    const cut = Math.max(...truthOf) + 1;
    const assignment = Uint32Array.from(truthOf, (id, fragment) => {
      if (id === bySize[0] && fragment > middle) return cut;
      return id === second ? first : id;
    });
    const planted = { ...edges, probability };
    const rows = doubts({ edges: planted, assignment, sections, voxelSizeNm: [40, 8, 8] }).slice(0, 2);
    const questions = rows.map(({ kind, a, b }) => `${kind} ${a} ${b}`);
    expect(questions[1]).toBe(`split? ${edges.a[wrong]} ${edges.b[wrong]}`);
    expect([rows[0].kind, truthOf[rows[0].a], truthOf[rows[0].b]]).toEqual(['merge?', bySize[0], bySize[0]]);
    expect(
      rows.map(({ position }) => position[0] - sections.length / 2).every((z) => z === 0 || z === -1),
    ).toBe(true);
  });
});

/** True profiles of a small phantom, linked by overlap with probabilities that mostly tell the truth. */
async function phantomGraph() {
  const shape = [10, 128, 128] as const;
  const { labels } = createPhantom({
    shape,
    voxelSizeNm: [40, 8, 8],
    seed: 5,
    look: 'varied',
    geometry: 'cortex',
  });
  const random = new Random(1);
  const edges = new EdgeList();
  const sections: SectionTable[] = [];
  const truthOf = [0];
  const voxelsOf = new Map<number, number>();
  let below: Parameters<typeof countOverlaps>[0] | undefined;
  for (let z = 0; z < shape[0]; z++) {
    const truth = await labels.read(z);
    const profiles = labelProfiles(truth);
    const stats = fragmentTable(profiles.labels.data, shape[1], shape[2], profiles.count);
    const idOffset = truthOf.length - 1;
    profiles.labels.data.forEach((profile, p) => {
      if (profile > 0) truthOf[idOffset + profile] = truth.data[p];
    });
    for (let i = 1; i <= stats.count; i++) {
      const id = truthOf[idOffset + i];
      voxelsOf.set(id, (voxelsOf.get(id) ?? 0) + stats.area[i]);
    }
    const here = { labels: profiles.labels, area: stats.area, idOffset };
    if (below) {
      const overlaps = countOverlaps(below, here);
      for (let i = 0; i < overlaps.count; i++) {
        const a = below.idOffset + overlaps.a[i];
        const b = idOffset + overlaps.b[i];
        const doubt = 0.05 * random.float();
        edges.push(a, b, CROSS, overlaps.pixels[i], truthOf[a] === truthOf[b] ? 1 - doubt : doubt);
      }
    }
    below = here;
    sections.push({ z, idOffset, stats });
  }
  const bySize = [...voxelsOf.keys()].sort((i, j) => (voxelsOf.get(j) ?? 0) - (voxelsOf.get(i) ?? 0));
  return { edges: edges.columns(), sections, truthOf, bySize };
}
