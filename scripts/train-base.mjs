/**
 * Trains the base model from nothing, with Node alone: every training that led to it, one after the other, each from the
 * model of the one before.
 *
 *     npm run train:base -- --data ../shared/data --out base.kyn [options of `kyn train`, e.g. --steps 2 for a trial]
 *
 * The models between, and the runs with their reports, lie in OUT.stages. Started again it goes on where it was.
 * Two cores take about a day. The shipped model had the last training in PyTorch, and some between were blended
 * with the model before (its card, docs/experiments.md), so this makes one like it, not the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The recipes of `models/` in their order; the first makes the segmenter, the others go on with it as linkers. */
const STAGES = ['base', 'linker', 'wider', 'broader', 'longer', 'contested', 'moving', 'channels'];

const { values } = parseArgs({
  strict: false,
  options: {
    data: { type: 'string', default: '../shared/data' },
    out: { type: 'string', default: 'base.kyn' },
  },
});
const data = resolve(values.data);
const out = resolve(values.out);
const folder = `${out}.stages`;
// what is not ours goes on to every training
const own = new Set(['--data', '--out']);
const others = process.argv.slice(2).filter((arg, i, all) => {
  return !own.has(arg.split('=')[0]) && !(own.has(all[i - 1]) && i > 0);
});

if (existsSync(out)) fail(`${out} is there already; give another --out`);
mkdirSync(folder, { recursive: true });
let before;
for (const stage of STAGES) {
  const model = join(folder, `${stage}.kyn`);
  if (!existsSync(model)) train(stage, model);
  before = model;
}
copyFileSync(before, out);
console.error(`written: ${out}`);

/** Goes on where this stage was stopped. */
function train(stage, model) {
  const recipe = join(root, 'models', `${stage}.recipe.json`);
  const what = before ? ['linker', '--model', before] : ['segmenter'];
  const run = existsSync(`${model}.run`) ? ['--resume'] : [];
  console.error(`${stage}: ${recipe}`);
  const { status } = spawnSync(
    process.execPath,
    [
      ...[join(root, 'dist', 'kyn.js'), 'train', ...what, '--recipe', recipe],
      ...['--data', data, '--out', model, ...run, ...others],
    ],
    { stdio: 'inherit' },
  );
  if (status !== 0) fail(`${stage} was not finished; the same command goes on with it`, status ?? 1);
}

function fail(message, code = 1) {
  console.error(`train:base: ${message}`);
  process.exit(code);
}
