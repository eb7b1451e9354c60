import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFolder } from '@kyn/io/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runKyn } from './testing/run-kyn.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-training-'));
const at = (...parts: string[]): string => join(scratch, ...parts);
afterAll(() => rmSync(scratch, { recursive: true }));

const kyn = (...words: string[]) => runKyn([...words, '--quiet']);

const volume = at('volume.h5');
beforeAll(async () => {
  await kyn('phantom', '--out', volume, '--shape', '3,40,50', '--seed', '5');
});

const train = (...words: string[]) => kyn('train', 'segmenter', '--steps', '1', ...words);

describe('where a training writes', () => {
  it('keeps the checkpoint of the last run until the volumes are read', async () => {
    mkdirSync(at('kept.kyn.run'));
    writeFileSync(at('kept.kyn.run', 'checkpoint.bin'), 'dear');
    const missing = await train('--volume', at('none.h5'), '--out', at('kept.kyn'), '--overwrite');
    expect(missing.code).toBe(1);
    expect(readFileSync(at('kept.kyn.run', 'checkpoint.bin'), 'utf8')).toBe('dear');
  });

  it.each(['checkpoint.bin', 'model.kyn', 'report.html'])(
    'asks before it replaces a run’s %s',
    async (name) => {
      const run = at(`run-${name}`);
      mkdirSync(run);
      writeFileSync(join(run, name), '');
      const refused = await train('--volume', volume, '--out', at('asked.kyn'), '--run', run);
      expect(refused).toMatchObject({ code: 1 });
      expect(refused.stderr).toMatch(new RegExp(`${name}: is there already; .*--overwrite`));
    },
  );

  it('starts where a run was killed before its first checkpoint, and never replaces a model', async () => {
    mkdirSync(at('killed.kyn.run'));
    writeFileSync(at('killed.kyn.run', 'report.html'), 'early');
    const words = ['--volume', volume, '--out', at('killed.kyn'), '--resume'];
    const started = await runKyn(['train', 'segmenter', '--steps', '1', ...words]);
    expect(started).toMatchObject({ code: 0 });
    expect(started.stderr).toMatch(/no .*checkpoint\.bin yet: training starts anew/);
    rmSync(at('killed.kyn.run', 'checkpoint.bin'));
    expect((await train(...words)).stderr).toMatch(/killed\.kyn: is there already/);
  });

  it('never writes over a volume that it reads, nor into it', async () => {
    const inside = await train('--volume', volume, '--out', join(volume, 'm.kyn'), '--overwrite');
    expect(inside.stderr).toMatch(/checkpoint\.bin: it lies in the input .*volume\.h5/);
    const run = ['--volume', volume, '--validate', at('held.zarr'), '--run', at('held.zarr')];
    const held = await train(...run, '--out', at('a.kyn'));
    expect(held.stderr).toMatch(/checkpoint\.bin: it lies in the input .*held\.zarr/);
  });

  it('finds out before it trains that nothing can be written there', async () => {
    mkdirSync(at('folder.kyn'), { recursive: true });
    writeFileSync(at('file'), '');
    for (const [words, says] of [
      [['--out', at('folder.kyn'), '--overwrite'], /folder\.kyn: there is a folder of this name/],
      [['--out', at('file/m.kyn')], /m\.kyn: a folder of this path is a file/],
    ] as const) {
      for (const command of [
        ['train', 'segmenter', '--volume', volume],
        ['adapt', volume, '--labels', at('held.zarr')],
      ]) {
        expect((await kyn(...command, ...words)).stderr).toMatch(says);
      }
    }
  });

  it('warns of a validation volume that is trained on as well', async () => {
    writeFileSync(at('both.json'), JSON.stringify({ volumes: [{ source: 'volume.h5', zStep: 9 }] }));
    const words = ['train', 'segmenter', '--steps', '1', '--recipe', at('both.json'), '--data', scratch];
    const { stderr } = await runKyn([...words, '--validate', volume, '--out', at('both.kyn')]);
    expect(stderr).toMatch(/warning: .*volume\.h5 is trained on as well: its validation says little/);
  });

  it('refuses a blend with weights that are not there, before it touches anything', async () => {
    const recipe = { options: { blend: 0.5 }, volumes: [{ source: 'none.h5' }] };
    writeFileSync(at('blend.json'), JSON.stringify(recipe));
    mkdirSync(at('blend.kyn.run'), { recursive: true });
    writeFileSync(at('blend.kyn.run/checkpoint.bin'), 'earlier');
    for (const command of ['segmenter', 'baseline3d']) {
      const words = ['--recipe', at('blend.json'), '--out', at('blend.kyn'), '--overwrite'];
      const refused = await kyn('train', command, ...words);
      expect(refused).toMatchObject({ code: 2 });
      expect(refused.stderr).toMatch(/blend\.json: its blend of 0\.5 is with weights .* leave blend out/);
    }
    expect(readFileSync(at('blend.kyn.run/checkpoint.bin'), 'utf8')).toBe('earlier');
  });

  it('trains into one folder once at a time', async () => {
    const folder = at('taken.run');
    const lock = await lockFolder(folder);
    const second = await train('--volume', volume, '--out', at('taken.kyn'), '--run', folder);
    expect(second).toMatchObject({ code: 1 });
    expect(second.stderr).toMatch(/taken\.run: .*another run/);
    await lock.release();
  });

  it('writes models under names that --model takes for files', async () => {
    for (const words of [
      ['train', 'segmenter', '--volume', volume],
      ['adapt', volume, '--labels', volume],
    ]) {
      const refused = await kyn(...words, '--out', at('model'));
      expect(refused).toMatchObject({ code: 2 });
      expect(refused.stderr).toMatch(/--out: '.*model' is not a name that ends in \.kyn/);
    }
    expect(existsSync(at('model.run'))).toBe(false);
  });
});

describe('volumes that cannot be trained on', () => {
  const message = async (...words: string[]) => (await train(...words, '--out', at('never.kyn'))).stderr;

  it('are told of by what to do about them', async () => {
    const absent = /none\.h5: there is no such file or folder/;
    for (const option of [['--volume'], ['--volume', volume, '--validate']]) {
      const missing = await message(...option, at('none.h5'));
      expect(missing).toMatch(absent);
      expect(missing).not.toMatch(/--data/); // that is where the volumes of recipes lie
    }
    writeFileSync(at('none.json'), JSON.stringify({ volumes: [{ source: 'none.h5', labels: 'volume.h5' }] }));
    const recipe = await message('--recipe', at('none.json'), '--data', scratch);
    expect(recipe).toMatch(absent);
    expect(recipe).toMatch(/--data/);
    const dataset = await message('--volume', `${volume}:/volumes/nope`);
    expect(dataset).toMatch(/no dataset \/volumes\/nope; it has/);
    expect(dataset).not.toMatch(/--data/);
  });

  it('are those whose image would be taken for labels', async () => {
    expect(await message('--volume', `${volume}:/volumes/raw`)).toMatch(
      /raw: it looks like an image, not like labels/,
    );
  });
});

it.each([
  '--steps 5',
  '--rate 1e-3',
  '--seed 2',
  '--workers 2',
  '--validate volume.h5',
  '--resume',
  '--transfer tuned',
  '--patches 8',
])('train linker --classifier takes no %s', async (option) => {
  const words = ['--volume', volume, '--out', at('fitted.kyn'), '--classifier'];
  const refused = await kyn('train', 'linker', ...words, ...option.split(' '));
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toMatch(new RegExp(`${option.split(' ')[0]}: is for training`));
});
