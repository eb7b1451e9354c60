/**
 * The whole state of a training run as one file: a line of JSON (format, step, sizes, the run's settings), then
 * the float vectors one after the other, little-endian.
 */
import { KynError } from '@kyn/core';

export interface TrainState {
  /** Steps done. */
  step: number;
  parameters: Float32Array;
  first: Float32Array;
  second: Float32Array;
  /** Exponential average of the parameters: the weights that are exported. */
  average: Float32Array;
  /** Running batch-norm statistics. */
  statistics: Float32Array;
  /** Curves so far. */
  history: TrainRecord[];
}

export interface TrainRecord {
  readonly step: number;
  readonly seconds: number;
  /** Named figures: `loss`, `affinity`, `descriptor`, `rate`; at validations also those of the validation. */
  readonly values: Readonly<Record<string, number>>;
}

const FORMAT = 'kyn-checkpoint-1';
const VECTORS = ['parameters', 'first', 'second', 'average', 'statistics'] as const;

export function encodeCheckpoint(state: TrainState, settings: unknown): Uint8Array {
  const sizes = VECTORS.map((name) => state[name].length);
  const header = JSON.stringify({
    format: FORMAT,
    step: state.step,
    sizes,
    settings,
    history: state.history,
  });
  const head = new TextEncoder().encode(`${header.replaceAll('\n', ' ')}\n`);
  const out = new Uint8Array(head.length + 4 * sizes.reduce((a, b) => a + b, 0));
  out.set(head);
  let at = head.length;
  for (const name of VECTORS) {
    const { buffer, byteOffset, byteLength } = state[name];
    out.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return out;
}

/**
 * @param settings those that decide a run up to a step
 * @throws KynError `format` if it is no whole checkpoint, `usage` if it is of a run with other settings.
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  settings: (step: number) => unknown,
  where: string,
): TrainState {
  const end = bytes.indexOf(10);
  const broken = (cause?: unknown) =>
    new KynError('format', 'not a whole training checkpoint', {
      where,
      hint: 'start again without --resume',
      ...(cause === undefined ? {} : { cause }),
    });
  let header: { format: string; step: number; sizes: number[]; settings: unknown; history: TrainRecord[] };
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, Math.max(end, 0))));
  } catch (cause) {
    throw broken(cause);
  }
  const total = header?.sizes?.reduce((a, b) => a + b, 0);
  if (header?.format !== FORMAT || bytes.length !== end + 1 + 4 * total) throw broken();
  const other = firstDifference(header.settings, settings(header.step));
  if (other !== undefined) {
    throw new KynError('usage', `the checkpoint belongs to a run with other settings (${other})`, {
      where,
      hint: 'resume with the same options, or train into another folder',
    });
  }
  // Not bytes.slice: of a Node Buffer, which is a Uint8Array too, it is a view of the same memory.
  const body = bytes.buffer.slice(bytes.byteOffset + end + 1, bytes.byteOffset + bytes.length);
  let at = 0;
  const vectors = header.sizes.map((size) => {
    const vector = new Float32Array(body, at, size);
    at += 4 * size;
    return vector;
  });
  const [parameters, first, second, average, statistics] = vectors;
  return { step: header.step, parameters, first, second, average, statistics, history: header.history };
}

/** Where two settings first differ, as `schedule.rate: 0.001 there, 0.002 now`; undefined where they are the same. */
function firstDifference(there: unknown, now: unknown, path = ''): string | undefined {
  const [before, after] = [JSON.stringify(there), JSON.stringify(now)];
  if (before === after) return undefined;
  const isTable = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null;
  if (isTable(there) && isTable(now)) {
    for (const key of new Set([...Object.keys(there), ...Object.keys(now)])) {
      const found = firstDifference(there[key], now[key], path === '' ? key : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined; // the same, in another order
  }
  const short = (text = 'none') => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
  return `${path === '' ? 'all' : path}: ${short(before)} there, ${short(after)} now`;
}
