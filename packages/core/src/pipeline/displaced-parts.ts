/**
 * Parts of a section that lie elsewhere than the rest does: either side of a fold or a crack, a corner that was stretched. Both
 * sections are shrunk, and compared at all displacements within reach, block by block; the few displacements that explain
 * most are kept, and each pixel goes with the one by which its surroundings are most alike (normalised cross-correlation;
 * the choice of displacements is greedy facility location, Nemhauser et al. 1978).
 */
import { type NdArray, ndarray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';
import { Blocks, detail, type Plane, STEP, shrunk, shrunkDetail, surroundingsAlike } from './likeness.ts';
import { NOWHERE, type Places, placesOf } from './move.ts';

/** Sections of fewer pixels that are compared are not. */
const LEAST_SIDE = 16;

/** Displacements of up to so many of those are tried. */
const REACH = 6;

/** What speaks for another displacement than the neighbour's must be more than this, in likeness of a pixel's surroundings. */
const CHANGE = 8;

/** Blocks this much alike lie on each other; so many must not before anything else is tried. */
const ALIKE = 0.35;
const FEWEST = 8;

/**
 * How much more alike blocks must become, in all, by a first displacement: so much, and more where there are more blocks of which some may
 * look alike elsewhere by chance. Folds of 80 nm and more make 8 to 60 in sections of 512², chance 6 at most (docs/experiments.md).
 */
const leastGain = (blocks: number): number => 4.5 + blocks / 100;

/** The same by further ones, and by every second one that is tried at first. */
const LEAST_FURTHER = 2;

/** At most so many parts are told from the rest. */
const PARTS = 8;

/**
 * Where the tissue of each pixel of the upper section lies in the lower one, if parts of it lie elsewhere than the rest does.
 * @param lower, upper dense [height, width], contrast-normalised
 * @param shift of the rest: the upper section's tissue from where it is in the lower one, px
 */
export function displacedParts(
  lower: NdArray<Float32Array>,
  upper: NdArray<Float32Array>,
  shift: Offset2 = [0, 0],
): { readonly parts: readonly Offset2[]; readonly places: Places } | undefined {
  const [height, width] = upper.shape;
  if (Math.min(height, width) < LEAST_SIDE * STEP) return undefined;
  const a = shrunkDetail(lower, shift);
  const b = shrunkDetail(upper);
  const found = displacements(a, b);
  if (found.length === 0) return undefined;
  const first = assigned(lower, b, shift, [REST, ...found.map(([y, x]): Offset2 => [y * STEP, x * STEP])]);
  const parts = refined(lower, upper, shift, found, first, b);
  const of = assigned(lower, b, shift, [REST, ...parts]);
  // a pixel is compared with what lies `by` further on, so its own tissue lies that much back
  const told = parts.filter((_, k) => of.includes(k + 1)).map(([y, x]): Offset2 => [0 - y, 0 - x]);
  if (told.length === 0) return undefined;
  const inside = insideParts(of, b);
  const here = (y: number, x: number) => {
    const row = Math.min(b.rows - 1, Math.floor(y / STEP));
    return row * b.columns + Math.min(b.columns - 1, Math.floor(x / STEP));
  };
  const all = [REST, ...parts];
  const places = placesOf([height, width], (y, x) => {
    const by = all[of[here(y, x)]];
    return [y + by[0] - shift[0], x + by[1] - shift[1]];
  });
  return { parts: told, places: onceEach(places, (p) => inside[here(Math.floor(p / width), p % width)]) };
}

/** Of what lies as most does. */
const REST: Offset2 = [0, 0];

/** The displacements, other than none, that explain most of what is not alike where it is; shrunken pixels. */
function displacements(a: Plane, b: Plane): Offset2[] {
  const blocks = new Blocks(a, b);
  const all = Uint32Array.from({ length: blocks.rows * blocks.columns }, (_, block) => block);
  const inPlace = blocks.alike(REST, all);
  const unlike = all.filter((block) => inPlace[block] < ALIKE);
  if (unlike.length < FEWEST) return [];
  // every second one, of the blocks that are unlike, shows whether there is anything to find
  const before = Float32Array.from(unlike, (block) => inPlace[block]);
  if (mostTelling(tried(blocks, unlike, 2), before).gain < LEAST_FURTHER) return [];
  const candidates = tried(blocks, all, 1);
  const best = inPlace.slice();
  const found: Offset2[] = [];
  while (found.length < PARTS) {
    const { candidate, gain } = mostTelling(candidates, best);
    if (!candidate || gain < (found.length > 0 ? LEAST_FURTHER : leastGain(all.length))) break;
    found.push(candidate.by);
    for (let k = 0; k < best.length; k++) best[k] = Math.max(best[k], candidate.alike[k]);
  }
  return found;
}

/** A displacement, and how much alike blocks are by it. */
interface Candidate {
  readonly by: Offset2;
  readonly alike: Float32Array;
}

/** Every `step`th displacement within reach, but for none. */
function tried(blocks: Blocks, asked: Uint32Array, step: number): Candidate[] {
  const candidates: Candidate[] = [];
  for (let y = -REACH; y <= REACH; y += step) {
    for (let x = -REACH; x <= REACH; x += step) {
      if (y !== 0 || x !== 0) candidates.push({ by: [y, x], alike: blocks.alike([y, x], asked) });
    }
  }
  return candidates;
}

/** The one by which blocks become more alike than the best of those before, in all the most. */
function mostTelling(
  candidates: readonly Candidate[],
  best: Float32Array,
): { candidate?: Candidate; gain: number } {
  let most: { candidate?: Candidate; gain: number } = { gain: 0 };
  for (const candidate of candidates) {
    const { alike } = candidate;
    let gain = 0;
    for (let k = 0; k < best.length; k++) {
      if (alike[k] >= ALIKE) gain += Math.max(0, alike[k] - best[k]);
    }
    if (gain > most.gain) most = { candidate, gain };
  }
  return most;
}

/**
 * Which of the displacements each shrunken pixel goes with. Neighbours go with the same one
 * unless much speaks for it: what speaks for each is passed on along the four directions (semi-global matching, Hirschmüller 2008).
 */
function assigned(
  lower: NdArray<Float32Array>,
  b: Plane,
  shift: Offset2,
  displacements: readonly Offset2[],
): Uint8Array {
  const each = displacements.map(([y, x]) =>
    surroundingsAlike(shrunkDetail(lower, [shift[0] - y, shift[1] - x]), b),
  );
  const sums = each.map((alike) => new Float32Array(alike.length));
  const { rows, columns } = b;
  for (let y = 0; y < rows; y++) passOn(each, sums, y * columns, 1, columns);
  for (let x = 0; x < columns; x++) passOn(each, sums, x, columns, rows);
  const of = new Uint8Array(b.data.length);
  for (let i = 0; i < of.length; i++) {
    for (let part = 1; part < sums.length; part++) if (sums[part][i] > sums[of[i]][i]) of[i] = part;
  }
  return of;
}

/** Adds, along a line of pixels and back, what speaks for each displacement there and before. */
function passOn(
  each: readonly Float32Array[],
  sums: readonly Float32Array[],
  from: number,
  step: number,
  count: number,
): void {
  for (const way of [1, -1]) {
    const passed = new Float32Array(each.length);
    for (let k = 0, i = way > 0 ? from : from + (count - 1) * step; k < count; k++, i += way * step) {
      let most = Number.NEGATIVE_INFINITY;
      for (let part = 0; part < passed.length; part++) if (passed[part] > most) most = passed[part];
      for (let part = 0; part < passed.length; part++) {
        passed[part] = each[part][i] + Math.max(passed[part] - most, -CHANGE);
        sums[part][i] += passed[part];
      }
    }
  }
}

/** The displacements to half a step, in pixels of the section. */
function refined(
  lower: NdArray<Float32Array>,
  upper: NdArray<Float32Array>,
  shift: Offset2,
  displacements: readonly Offset2[],
  of: Uint8Array,
  coarse: Plane,
): Offset2[] {
  const fine = STEP / 2;
  const a = detail(shrunk(lower, fine, shift));
  const b = detail(shrunk(upper, fine));
  const offsets = [0, -1, 1, -2, 2]; // what no pixel goes with stays as it is
  return displacements.map((by, k) => {
    let [most, best]: [number, Offset2] = [Number.NEGATIVE_INFINITY, [0, 0]];
    for (const dy of offsets) {
      for (const dx of offsets) {
        const at: Offset2 = [2 * by[0] + dy, 2 * by[1] + dx];
        const alike = partAlike(a, b, at, of, coarse, k + 1);
        if (alike > most) [most, best] = [alike, at];
      }
    }
    return [best[0] * fine, best[1] * fine];
  });
}

/** Mean product over a part, of planes twice as fine as what tells the parts. */
function partAlike(a: Plane, b: Plane, by: Offset2, of: Uint8Array, coarse: Plane, part: number): number {
  let [sum, count] = [0, 0];
  for (let y = Math.max(0, -by[0]); y < Math.min(2 * coarse.rows, a.rows - by[0]); y++) {
    const row = (y >> 1) * coarse.columns;
    for (let x = Math.max(0, -by[1]); x < Math.min(2 * coarse.columns, a.columns - by[1]); x++) {
      if (of[row + (x >> 1)] !== part) continue;
      sum += a.data[(y + by[0]) * a.columns + x + by[1]] * b.data[y * b.columns + x];
      count++;
    }
  }
  return count > 0 ? sum / count : 0;
}

/** How far each pixel lies from the next part, in steps along rows and columns. */
function insideParts(of: Uint8Array, { rows, columns }: Plane): Uint16Array {
  const far = new Uint16Array(of.length).fill(rows + columns);
  for (const way of [1, -1]) {
    for (let k = 0; k < of.length; k++) {
      const i = way > 0 ? k : of.length - 1 - k;
      const [y, x] = [Math.floor(i / columns), i % columns];
      const from = (j: number) => Math.min(far[i], of[j] === of[i] ? far[j] + 1 : 0);
      if (way > 0 ? y > 0 : y < rows - 1) far[i] = from(i - way * columns);
      if (way > 0 ? x > 0 : x < columns - 1) far[i] = from(i - way);
    }
  }
  return far;
}

/**
 * Where two pixels claim one place, as on either side of a fold of the lower section, the one further inside its part has it; the other
 * lies nowhere.
 */
function onceEach({ data, shape }: Places, inside: (p: number) => number): Places {
  const places = data.slice();
  const owner = new Int32Array(places.length).fill(NOWHERE);
  for (let p = 0; p < places.length; p++) {
    const at = places[p];
    if (at === NOWHERE) continue;
    const other = owner[at];
    if (other !== NOWHERE && inside(other) >= inside(p)) places[p] = NOWHERE;
    else {
      if (other !== NOWHERE) places[other] = NOWHERE;
      owner[at] = p;
    }
  }
  return ndarray(places, shape);
}
