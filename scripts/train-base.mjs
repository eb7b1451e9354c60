/**
 * Trains the base model from nothing, with Node alone: every training that led to it, one after the other, each from the
 * model of the one before.
 *
 *     npm run train:base -- [--data ../shared/data] [--out runs/base.kyn] [--steps N] [--threads N] [--workers N]
 *
 * `--steps` shortens every one of them, to try the way. The models between, and the runs with their reports, lie in OUT.stages; started
 * again it goes on where it was. By the times of its parts two cores take about thirteen hours. The shipped model had
 * the last training in PyTorch, and some between were blended with the model before (its card, docs/experiments.md), so this makes
 * one like it, not the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The recipes of `models/` in their order; the first makes the segmenter, the others go on with it as linkers. */
const STAGES = ['base', 'linker', 'wider', 'broader', 'longer', 'contested', 'moving', 'channels'];

const { data, out, ...shared } = readArguments();
const folder = `${out}.stages`;
if (existsSync(out)) fail(`${out} is there already; give another --out`);
mkdirSync(folder, { recursive: true });
checkSteps();
let before;
for (const stage of STAGES) {
  const model = join(folder, `${stage}.kyn`);
  if (!existsSync(model)) train(stage, model, before);
  before = model;
}
copyFileSync(before, out);
console.error(`written: ${out}`);

function readArguments() {
  const text = { type: 'string' };
  try {
    const { values } = parseArgs({
      options: {
        data: { ...text, default: '../shared/data' },
        out: { ...text, default: join('runs', 'base.kyn') },
        ...{ steps: text, threads: text, workers: text },
      },
    });
    if (!values.out.endsWith('.kyn')) fail(`--out: "${values.out}" does not end in .kyn`, 2);
    return values;
  } catch (error) {
    return fail(error.message, 2);
  }
}

/** What was begun with other steps is not gone on with: its models would be taken for finished ones. */
function checkSteps() {
  const file = join(folder, 'steps.txt');
  const now = shared.steps ?? 'as the recipes say';
  if (!existsSync(file)) writeFileSync(file, now);
  const then = readFileSync(file, 'utf8');
  if (then !== now) fail(`${folder} was begun with other steps (${then}); remove it, or give another --out`);
}

/** Goes on where this stage was stopped. @param before the model of the one before, which it starts from */
function train(stage, model, before) {
  const recipe = relative('.', join(root, 'models', `${stage}.recipe.json`));
  const what = before ? ['linker', '--model', before] : ['segmenter'];
  const args = ['train', ...what, '--recipe', recipe, '--data', data, '--out', model];
  for (const [name, value] of Object.entries(shared)) args.push(`--${name}`, value);
  if (existsSync(`${model}.run`)) args.push('--resume');
  console.error(`${stage}: kyn ${args.join(' ')}`);
  const kyn = join(root, 'dist', 'kyn.js');
  const { status } = spawnSync(process.execPath, [kyn, ...args], { stdio: 'inherit' });
  if (status !== 0 || !existsSync(model)) {
    fail(`${stage} was not finished; the same command goes on with it`, status || 1);
  }
}

function fail(message, code = 1) {
  console.error(`train:base: ${message}`);
  process.exit(code);
}
