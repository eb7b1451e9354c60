/**
 * What a training recipe may say, as tables of what each key takes. A mistyped key or a wrong value is refused by its
 * place in the file before anything is read; else it would train another thing than is meant, or nothing, hours later.
 */
import {
  type DefectFractions,
  GEOMETRIES,
  KynError,
  LOOKS,
  type NeuriteKind,
  type PartialBox,
  type PhantomGeometry,
  type PhantomOptions,
  type RenderOverOptions,
} from '@kyn/core';
import {
  AUGMENT_DEFAULTS,
  type Baseline3dOptions,
  type LinkerOptions,
  type ScheduleOptions,
  type SegmenterOptions,
} from '@kyn/nn';
import { nearestName } from './nearest-name.ts';
import { seedRange } from './options.ts';
import type { PairVolume, Recipe, RecipeVolume } from './recipe.ts';

/** A value's place: `path` as in `volumes[2].weight`, '' for the whole file. */
interface Place {
  readonly file: string;
  readonly path: string;
}

/** @throws KynError `format` where the value is not what the place takes. */
type Check = (value: unknown, at: Place) => void;

/** One check for every key of `T`: what a type gains, its table must. */
type Table<T> = { readonly [Key in keyof T]-?: Check };

function wrong({ file, path }: Place, what: string, hint?: string): KynError {
  return new KynError('format', path === '' ? what : `${path}: ${what}`, { where: file, hint });
}

/** A value as a message names it. */
function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function that(wanted: string, fits: (value: unknown) => boolean): Check {
  return (value, at) => {
    if (!fits(value)) throw wrong(at, `${shown(value)} is not ${wanted}`);
  };
}

function numeric(wanted: string, fits: (value: number) => boolean = () => true): Check {
  return that(wanted, (value) => typeof value === 'number' && Number.isFinite(value) && fits(value));
}

const text = that('text', (value) => typeof value === 'string');
const named = that('a name', (value) => typeof value === 'string' && value !== '');
const flag = that('true or false', (value) => typeof value === 'boolean');
const number = numeric('a number');
const notNegative = numeric('a number of at least 0', (value) => value >= 0);
const positive = numeric('a number above 0', (value) => value > 0);
const share = numeric('a number from 0 to 1', (value) => value >= 0 && value <= 1);
const seed = numeric(
  `a whole number from 0 to ${seedRange.max}`,
  (value) => Number.isInteger(value) && value >= seedRange.min && value <= seedRange.max,
);
const integer = numeric('a whole number', Number.isSafeInteger);

function whole(least: number): Check {
  return numeric(
    `a whole number of at least ${least}`,
    (value) => Number.isSafeInteger(value) && value >= least,
  );
}

function choice(names: readonly string[]): Check {
  return that(`one of ${names.join(', ')}`, (value) => names.some((name) => name === value));
}

function list(each: Check, wanted = 'a list', fits: (length: number) => boolean = () => true): Check {
  const isList = that(wanted, (value) => Array.isArray(value) && fits(value.length));
  return (value, at) => {
    isList(value, at);
    for (const [i, entry] of (value as unknown[]).entries()) {
      each(entry, { ...at, path: `${at.path}[${i}]` });
    }
  };
}

const filled = (each: Check): Check => list(each, 'a list with something in it', (length) => length > 0);
const three = (each: Check): Check => list(each, 'a list of three, z, y, x', (length) => length === 3);
const two = (each: Check): Check => list(each, 'a list of two, y, x', (length) => length === 2);

/** @param given `wholly`: no key may be left out */
function object<T>(table: Table<T>, given: 'partly' | 'wholly' = 'partly'): Check {
  const checks = new Map<string, Check>(Object.entries(table));
  const keys = [...checks.keys()];
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw wrong(at, `${shown(value)} is not an object`);
    }
    for (const [key, entry] of Object.entries(value)) {
      const inside = { ...at, path: at.path === '' ? key : `${at.path}.${key}` };
      const check = checks.get(key);
      if (!check) {
        const near = nearestName(key, keys);
        throw wrong(inside, 'no such key', near ? `did you mean ${near}?` : `there are ${keys.join(', ')}`);
      }
      check(entry, inside);
    }
    const missing = given === 'wholly' && keys.find((key) => !Object.hasOwn(value, key));
    if (missing) throw wrong(at, `${missing} is missing`);
  };
}

/** The same check for every key of `like`. */
function everyKey<T extends object>(like: T, check: Check): Table<T> {
  return Object.fromEntries(Object.keys(like).map((key) => [key, check])) as Table<T>;
}

/** `then` where the value has passed `first`, which is what makes it a `T`. */
function also<T>(first: Check, then: (value: T, at: Place) => void): Check {
  return (value, at) => {
    first(value, at);
    then(value as T, at);
  };
}

/** A name or, where the value is not that simple, what it could name. */
function nameOr(name: Check, other: Check): Check {
  return (value, at) => (typeof value === 'object' ? other : name)(value, at);
}

const box = also<PartialBox>(
  object<PartialBox>({ min: three(whole(0)), max: three(whole(1)) }, 'wholly'),
  ({ min, max }, at) => {
    if (min.every((from, axis) => from < (max[axis] as number))) return;
    throw wrong(at, `max ${max.join(', ')} is not beyond min ${min.join(', ')} along every axis`);
  },
);

const look = nameOr(
  choice(Object.keys(LOOKS)),
  object({ ...everyKey(LOOKS.varied, number), base: choice(Object.keys(LOOKS)) }),
);

const neurite = object<NeuriteKind>(
  { ...everyKey(GEOMETRIES.cortex.kinds[0], notNegative), name: text },
  'wholly',
);

const geometry = nameOr(
  choice(Object.keys(GEOMETRIES)),
  object<PhantomGeometry & { preset: string }>({
    ...everyKey(GEOMETRIES.cortex, notNegative),
    preset: choice(Object.keys(GEOMETRIES)),
    name: text,
    scale: positive,
    kinds: filled(neurite),
    warps: list(list(positive, 'a list of amplitude and wavelength', (length) => length === 2)),
  }),
);

const rendering: Table<RenderOverOptions> = {
  seed,
  look,
  defects: object<DefectFractions>({
    missing: share,
    folded: share,
    cracked: share,
    dark: share,
    shifted: share,
  }),
  voxelSizeNm: three(positive),
};

const volumeTable: Table<RecipeVolume> = {
  name: named,
  source: named,
  labels: named,
  phantom: object<PhantomOptions>({ ...rendering, shape: three(whole(1)), geometry }),
  render: object(rendering),
  bbox: box,
  zStep: whole(1),
  voxelSizeNm: three(positive),
  weight: notNegative,
  isotropic: flag,
  boundaryLabel: that('0, the only label that can be membrane', (value) => value === 0),
  zSteps: filled(whole(1)),
  maskAt: whole(0),
};

/** What a volume's voxels may come from, see `openRecipeVolume`. */
const ORIGINS = ['source', 'source and labels', 'source and render', 'labels and render', 'phantom'];

function checkOrigin(volume: RecipeVolume, at: Place): void {
  const given = ['source', 'labels', 'phantom', 'render'].filter((key) => Object.hasOwn(volume, key));
  if (ORIGINS.includes(given.join(' and '))) return;
  throw wrong(at, `it names ${given.join(' and ') || 'no data'}`, `give ${ORIGINS.join(', or ')}`);
}

const volume = also(object(volumeTable), checkOrigin);
const pairVolume = also(
  object<PairVolume>({ ...volumeTable, noise: notNegative, teaches: choice(['own', 'given']) }),
  checkOrigin,
);

const schedule = also<Partial<ScheduleOptions>>(
  object<ScheduleOptions>({
    steps: whole(1),
    rate: positive,
    warmup: whole(0),
    decay: whole(0),
    epsilon: positive,
    weightDecay: notNegative,
    averageKeep: share,
    statisticsKeep: share,
  }),
  ({ steps = Number.POSITIVE_INFINITY, decay = 0 }, at) => {
    if (decay > steps) throw wrong(at, `decay ${decay} is more than the ${steps} steps`);
  },
);

const augmentRanges = {
  probability: share,
  spacing: positive,
  min: positive,
  max: positive,
  points: whole(1),
};

/** All of it must be given: training takes it in place of its own, and mixes nothing in. */
const augment = object(
  Object.fromEntries(
    Object.entries(AUGMENT_DEFAULTS).map(([change, numbers]) => {
      const ranges = Object.entries(augmentRanges).filter(([key]) => Object.hasOwn(numbers, key));
      const checks = { ...everyKey(numbers, notNegative), ...Object.fromEntries(ranges) };
      return [change, object(checks, 'wholly')];
    }),
  ),
  'wholly',
);

/** Of all networks: which of them a recipe is for, it does not say. */
const options = object<SegmenterOptions & LinkerOptions & Baseline3dOptions>({
  seed,
  schedule,
  augment,
  size: whole(8),
  batch: whole(1),
  patches: whole(1),
  contested: notNegative,
  moving: notNegative,
  blend: share,
  shrinkBorder: whole(0),
  contextSections: whole(0),
  transfer: choice(['frozen', 'tuned', 'scratch']),
  displacements: list(two(integer)),
  offsets: filled(two(integer)),
  widths: filled(whole(1)),
  stem: whole(1),
  lsdSigma: notNegative,
  lsdWeight: notNegative,
  voxelSizeNm: three(positive),
  zReach: list(whole(1)),
  depth: whole(1),
});

const elsewhere = that(
  'a list, or the name of a recipe beside this one',
  (value) => typeof value === 'string',
);

const recipe = object<Recipe<object>>({
  name: named,
  description: text,
  licence: text,
  data: list(text),
  options,
  volumes: nameOr(elsewhere, list(volume)),
  validation: list(volume),
  pairs: nameOr(elsewhere, list(pairVolume)),
});

/**
 * Keys that are left out pass: training has defaults for them, and `readRecipe` needs volumes.
 * @param written what the file says, parsed
 * @throws KynError `format` that names the first place that is wrong.
 */
export function checkRecipe(written: unknown, file: string): void {
  recipe(written, { file, path: '' });
}
