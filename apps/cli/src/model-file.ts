/** Models as the command line names them: a file, or the name of one that is shipped. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KynError } from '@kyn/core';

export const DEFAULT_MODEL = 'base';
/** The 3D network that `kyn compare` runs beside it. */
export const DEFAULT_BASELINE = 'baseline3d';

export interface ModelFile {
  /** Name or path, as it was given. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The folder of shipped models: `models/` beside the first package.json upwards that has one. */
function shippedModels(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const models = join(folder, 'models');
    if (existsSync(join(folder, 'package.json')) && existsSync(models)) return models;
    if (folder === dirname(folder)) return undefined;
  }
}

/** True for the name of a model that is in the package. */
export function isShipped(name: string): boolean {
  const shipped = shippedModels();
  return shipped !== undefined && existsSync(join(shipped, `${name}.kyn`));
}

/** @throws KynError `not-found` where there is no such model. */
export async function readModel(name: string): Promise<ModelFile> {
  const shipped = shippedModels();
  const known = shipped && join(shipped, `${name}.kyn`);
  const isPath = /[\\/]|\.(kyn|onnx)$/.test(name) || !known || (!existsSync(known) && existsSync(name));
  const path = isPath ? name : known;
  try {
    return { name, bytes: await readFile(path) };
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code === 'EACCES') {
      const hint = 'check its permissions';
      throw new KynError('not-found', 'no permission to read it', { where: name, hint, cause });
    }
    throw new KynError('not-found', code === 'EISDIR' ? 'a folder is no model' : 'no such model', {
      where: name,
      hint: `give the name of a shipped model (${DEFAULT_MODEL}, ${DEFAULT_BASELINE}), a .kyn file, or a plain .onnx network`,
      cause,
    });
  }
}
