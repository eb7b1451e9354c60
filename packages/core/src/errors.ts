/**
 * Errors that a user can act on. Each carries a `code`, a one-line message (what is wrong, where) and a
 * `hint` (what to do). Anything else that is thrown is a defect of ours.
 */
export type KynErrorCode =
  | 'usage' // a command or option is wrong: exit 2
  | 'not-found' // a file, dataset or folder that is not there
  | 'format' // a file that cannot be read as what it claims to be
  | 'shape' // sizes that do not fit together
  | 'content' // readable data that is no use (labels given as raw, every section empty)
  | 'model' // not a model, or one with other inputs
  | 'output' // cannot write there
  | 'cancelled'; // stopped by the user: exit 130

export interface KynErrorDetails {
  /** File, dataset, section or option the error is about. */
  where?: string;
  /** What the user can do about it. */
  hint?: string;
  cause?: unknown;
}

export class KynError extends Error {
  readonly tag = 'KynError';
  readonly code: KynErrorCode;
  readonly where?: string;
  readonly hint?: string;

  constructor(code: KynErrorCode, message: string, details: KynErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'KynError';
    this.code = code;
    this.where = details.where;
    this.hint = details.hint;
  }

  /** The error as one line: `where: what; what to do`. */
  oneLine(): string {
    const head = this.where ? `${this.where}: ${this.message}` : this.message;
    return (this.hint ? `${head}; ${this.hint}` : head).replace(/\s*\n\s*/g, ' ');
  }
}

/** True for a {@link KynError}, also one that crossed a worker or bundle boundary. */
export function isKynError(value: unknown): value is KynError {
  return value instanceof Error && (value as { tag?: unknown }).tag === 'KynError';
}

/** The part of `AbortSignal` that core needs, so that it compiles without DOM or Node types. */
export interface Signal {
  readonly aborted: boolean;
}

/** Throws a `cancelled` {@link KynError} if the signal has fired. */
export function throwIfCancelled(signal: Signal | undefined): void {
  if (signal?.aborted) throw new KynError('cancelled', 'stopped by the user');
}
