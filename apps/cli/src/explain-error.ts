/** Turns errors of the operating system and the JavaScript engine into ones that say what to do. */
import { KynError } from '@kyn/core';

const debugHint = 'this is a defect of kyn: run again with KYN_DEBUG=1 and report what it prints';

const systemErrors: Readonly<Record<string, [what: string, hint: string]>> = {
  ENOENT: ['no such file or folder', 'check the path'],
  EACCES: ['permission denied', 'check who may read and write it'],
  EPERM: ['not permitted', 'check who may read and write it'],
  EISDIR: ['is a folder', 'name a file'],
  ENOTDIR: ['a part of the path is not a folder', 'check the path'],
  EEXIST: ['exists already', 'choose another name'],
  ENOSPC: ['the disk is full', 'free some space and run again, with --resume where the command has it'],
  EDQUOT: ['the disk quota is used up', 'free some space and run again'],
  EROFS: ['the file system is read-only', 'write elsewhere'],
  EMFILE: ['too many open files', 'raise the limit (ulimit -n)'],
  ENOMEM: ['out of memory', 'take a smaller --bbox'],
};

export function explainError(error: unknown): KynError {
  if (!(error instanceof Error)) return new KynError('content', String(error), { hint: debugHint });
  const { code, path } = error as { code?: unknown; path?: unknown };
  const known = typeof code === 'string' ? systemErrors[code] : undefined;
  if (known) {
    const where = typeof path === 'string' ? path : undefined;
    return new KynError('output', known[0], { where, hint: known[1], cause: error });
  }
  if (error.name === 'AbortError') return new KynError('cancelled', 'stopped by the user', { cause: error });
  if (/Array buffer allocation failed|Invalid typed array length|out of memory/i.test(error.message)) {
    return new KynError('content', 'out of memory', {
      hint: 'take a smaller --bbox or --shape',
      cause: error,
    });
  }
  return new KynError('content', error.message || error.name, {
    where: 'unexpected',
    hint: debugHint,
    cause: error,
  });
}
