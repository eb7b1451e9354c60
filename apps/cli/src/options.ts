/**
 * Options as values: a command lists what it takes as a table of {@link Option}s, the parser fills the table
 * and help prints it, so an option is described in one place. Keys are camelCase, flags kebab-case.
 */
import { KynError, type Membranes, type Vec3 } from '@kyn/core';

export interface Option<T> {
  /** What stands for the value in help (`FILE`, `N`); undefined for a flag that takes none. */
  readonly placeholder: string | undefined;
  readonly summary: string;
  /** The value where the option is not given. */
  readonly fallback: T;
  readonly required: boolean;
  /** Reads the text after the flag; `before` is the value so far (an option given twice). */
  read(text: string, before: T): T;
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds options of every type; `Values` recovers them.
export type OptionTable = Readonly<Record<string, Option<any>>>;
export type Values<O extends OptionTable> = {
  readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never;
};

/** A value that does not fit its option: the parser adds the flag's name. */
export class BadValue extends Error {}

function bad(text: string, wanted: string): BadValue {
  return new BadValue(`'${text}' is not ${wanted}`);
}

/** `--name`, and `--no-name` to take it back. */
export function flag(summary: string): Option<boolean> {
  return { placeholder: undefined, summary, fallback: false, required: false, read: (text) => text !== 'no' };
}

export function text(placeholder: string, summary: string): Option<string | undefined>;
export function text(placeholder: string, summary: string, fallback: string): Option<string>;
export function text(placeholder: string, summary: string, fallback?: string): Option<string | undefined> {
  return {
    placeholder,
    summary,
    fallback,
    required: false,
    read(value) {
      if (value === '') throw new BadValue('the value is empty');
      return value;
    },
  };
}

/** The model that a command writes. Without its ending `--model` would take it for the name of a shipped one. */
export function modelFile(summary: string): Option<string | undefined> {
  return output({
    placeholder: 'FILE.kyn',
    summary,
    fallback: undefined,
    required: false,
    read(value) {
      if (!/.\.kyn$/i.test(value)) throw bad(value, 'a name that ends in .kyn');
      return value;
    },
  });
}

/** Text that may be given several times, or once with commas. */
export function texts(placeholder: string, summary: string): Option<readonly string[]> {
  return {
    placeholder,
    summary,
    fallback: [],
    required: false,
    read: (value, before) => [...before, ...value.split(',').filter((part) => part !== '')],
  };
}

export interface Range {
  readonly min?: number;
  readonly max?: number;
}

function inRange(value: number, { min = -Infinity, max = Infinity }: Range): boolean {
  return Number.isFinite(value) && value >= min && value <= max;
}

function describeRange(what: string, { min, max }: Range): string {
  if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`;
  return min === undefined ? what : `${what} of at least ${min}`;
}

/** A number in a range; `parse` gives NaN for what is none. */
function numeric(
  about: Pick<Option<number | undefined>, 'placeholder' | 'summary' | 'fallback'>,
  what: string,
  range: Range,
  parse: (text: string) => number,
): Option<number | undefined> {
  return {
    ...about,
    required: false,
    read(value) {
      const parsed = parse(value);
      if (!inRange(parsed, range)) throw bad(value, describeRange(what, range));
      return parsed;
    },
  };
}

/** Seeds are numbers of 32 bit: larger ones would be others under another name. */
export const seedRange = { min: 0, max: 2 ** 32 - 1 } as const;

export function integer(placeholder: string, summary: string, range?: Range): Option<number | undefined>;
export function integer(placeholder: string, summary: string, range: Range, fallback: number): Option<number>;
export function integer(
  placeholder: string,
  summary: string,
  range: Range = {},
  fallback?: number,
): Option<number | undefined> {
  return numeric({ placeholder, summary, fallback }, 'a whole number', range, (value) => {
    const whole = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
    return Number.isSafeInteger(whole) ? whole : Number.NaN;
  });
}

export function number(placeholder: string, summary: string, range?: Range): Option<number | undefined>;
export function number(placeholder: string, summary: string, range: Range, fallback: number): Option<number>;
export function number(
  placeholder: string,
  summary: string,
  range: Range = {},
  fallback?: number,
): Option<number | undefined> {
  return numeric({ placeholder, summary, fallback }, 'a number', range, (value) =>
    value.trim() === '' ? Number.NaN : Number(value),
  );
}

export function choice<const C extends string>(
  choices: readonly C[],
  summary: string,
  fallback: C,
): Option<C> {
  return {
    placeholder: choices.join('|'),
    summary,
    fallback,
    required: false,
    read(value) {
      const found = choices.find((each) => each === value);
      if (found === undefined) throw bad(value, `one of ${choices.join(', ')}`);
      return found;
    },
  };
}

/** The same option, but leaving it out is a usage error. */
export function required<T>(option: Option<T | undefined>): Option<T> {
  const { placeholder, summary } = option;
  // Never handed out: the parser refuses a command line without it before `run` sees the values.
  const fallback = undefined as T;
  return {
    placeholder,
    summary,
    fallback,
    required: true,
    read: (value) => option.read(value, undefined) as T,
  };
}

/** The same option, for a place to write to. */
export function output<T>(option: Option<T>): Option<T> {
  return {
    ...option,
    read(value, before) {
      refuseUrl(value);
      return option.read(value, before);
    },
  };
}

function threeNumbers(value: string, pattern: RegExp, wanted: string): [number, number, number] {
  const parts = value.split(/[,x×]/);
  if (parts.length !== 3 || !parts.every((part) => pattern.test(part.trim()) && Number(part) > 0)) {
    throw bad(value, wanted);
  }
  return [Number(parts[0]), Number(parts[1]), Number(parts[2])];
}

/** `X,Y,Z` in nm on the command line, z, y, x inside. */
export function voxelSize(summary: string): Option<Vec3 | undefined> {
  return {
    placeholder: 'X,Y,Z',
    summary,
    fallback: undefined,
    required: false,
    read(value) {
      const [x, y, z] = threeNumbers(value, /^\d*\.?\d+$/, 'three sizes in nm as X,Y,Z, like 8,8,40');
      return [z, y, x];
    },
  };
}

/** `Z,Y,X`: the order of a shape in files and messages. */
export function shape(summary: string): Option<Vec3 | undefined> {
  return {
    placeholder: 'Z,Y,X',
    summary,
    fallback: undefined,
    required: false,
    read: (value) => threeNumbers(value, /^\d+$/, 'three sizes in voxels as Z,Y,X, like 32,512,512'),
  };
}

/** A box of voxels; an end left out is the volume's end. Order z, y, x. */
export interface Box {
  readonly min: Vec3;
  readonly max: readonly [z: number | undefined, y: number | undefined, x: number | undefined];
}

export function bbox(summary: string): Option<Box | undefined> {
  return {
    placeholder: 'x0:x1,y0:y1,z0:z1',
    summary,
    fallback: undefined,
    required: false,
    read(value) {
      const ranges = value.split(',').map((part) => /^\s*(\d*):(\d*)\s*$/.exec(part));
      const [x, y, z] = ranges;
      if (ranges.length !== 3 || !x || !y || !z) {
        throw bad(value, 'a box x0:x1,y0:y1,z0:z1, like 0:512,0:512,10:20 (an empty end is the volume’s)');
      }
      const start = (range: RegExpExecArray) => Number(range[1] || 0);
      const end = (range: RegExpExecArray) => (range[2] === '' ? undefined : Number(range[2]));
      for (const range of [x, y, z]) {
        if ((end(range) ?? Infinity) <= start(range)) throw bad(value, `a box: ${range[0].trim()} is empty`);
      }
      return { min: [start(z), start(y), start(x)], max: [end(z), end(y), end(x)] };
    },
  };
}

/** Taken by every command. */
export const commonOptions = {
  threads: integer('N', 'threads to use (default: one a core)', { min: 1, max: 1024 }),
  device: choice(['auto', 'cpu', 'webgpu'], 'where the network runs (default: auto)', 'auto'),
  quiet: flag('no progress and no notes on stderr'),
  json: flag('one JSON document on stdout, nothing else there'),
};
export type CommonValues = Values<typeof commonOptions>;

/** What membranes look like, for commands that show sections to a network. */
const membranesWord = choice(
  ['auto', 'dark', 'bright'],
  'what membranes look like, where kyn would turn the contrast wrongly, or not at all (default: auto)',
  'auto',
);
export const membranesOption: Option<Membranes | undefined> = {
  ...membranesWord,
  fallback: undefined,
  read(value) {
    const word = membranesWord.read(value, 'auto');
    return word === 'auto' ? undefined : word;
  },
};

/** Taken by every command that reads a volume. */
export const volumeOptions = {
  voxelSize: voxelSize('voxel size in nm, where the file does not say or says it wrong'),
  bbox: bbox('only this box, in voxels of the input at full resolution'),
  zStep: integer('N', 'every Nth section of the box (default: 1)', { min: 1 }, 1),
};
export type VolumeValues = Values<typeof volumeOptions>;

/** The same as words of a command line; nothing where they are as by default. */
export function volumeWords({ voxelSize: size, bbox: box, zStep }: VolumeValues): string[] {
  const words: string[] = [];
  if (size) words.push('--voxel-size', [...size].reverse().join());
  if (box) words.push('--bbox', [2, 1, 0].map((axis) => `${box.min[axis]}:${box.max[axis] ?? ''}`).join());
  if (zStep !== 1) words.push('--z-step', `${zStep}`);
  return words;
}

/** `voxelSize` → `--voxel-size`. */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z0-9]+/g, (part) => `-${part.toLowerCase()}`)}`;
}

/** @throws KynError `usage` for a URL: what is read may lie on a server, what is written does not. */
export function refuseUrl(place: string): void {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(place)) return;
  throw usageError(
    place,
    'results are written to files and folders of this machine, not to URLs',
    'give a path',
  );
}

/** A wrong command line: exit code 2. */
export function usageError(where: string, what: string, hint: string): KynError {
  return new KynError('usage', what, { where, hint });
}
