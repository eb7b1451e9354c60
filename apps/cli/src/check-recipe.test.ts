import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isKynError } from '@kyn/core';
import { AUGMENT_DEFAULTS, BASELINE3D_DEFAULTS, LINKER_DEFAULTS, SEGMENTER_DEFAULTS } from '@kyn/nn';
import { describe, expect, it } from 'vitest';
import { checkRecipe } from './check-recipe.ts';
import { readRecipe } from './training-recipe.ts';

const models = join(import.meta.dirname, '../../../models');

/** What is wrong with a recipe, as the user reads it. */
function complaint(written: unknown): string {
  try {
    checkRecipe(written, 'r.json');
  } catch (error) {
    if (isKynError(error) && error.code === 'format') return error.oneLine();
    throw error;
  }
  return '';
}

const ofVolume = (volume: object) => ({ volumes: [{ source: 'a.h5' }, { source: 'a.h5', ...volume }] });
const ofPhantom = (phantom: object) => ({ volumes: [{ phantom }] });
const ofRender = (render: unknown) => ({ volumes: [{ labels: 'a.h5', render }] });
const ofPair = (pair: object) => ({ pairs: [{ source: 'a.h5', ...pair }] });
const ofOptions = (options: object) => ({ options });
const ofSchedule = (schedule: object) => ({ options: { schedule } });
const ofAugment = (augment: object) => ({ options: { augment: { ...AUGMENT_DEFAULTS, ...augment } } });

describe('checkRecipe', () => {
  const recipes = readdirSync(models).filter((name) => name.endsWith('.recipe.json'));

  it.each(recipes)('takes models/%s', (name) => {
    expect(complaint(JSON.parse(readFileSync(join(models, name), 'utf8')))).toBe('');
  });

  it('takes the defaults of every kind of training, and what is optional', () => {
    expect(recipes.length).toBeGreaterThan(8);
    for (const options of [SEGMENTER_DEFAULTS, LINKER_DEFAULTS, BASELINE3D_DEFAULTS]) {
      expect(complaint({ options: JSON.parse(JSON.stringify(options)) })).toBe('');
    }
    expect(complaint(ofOptions({ contextSections: 0, patches: 4, displacements: [[-8, 0]] }))).toBe('');
  });

  it.each([
    [{}],
    [{ name: 'a', description: '', licence: '', data: [], volumes: [], validation: [], pairs: 'b.json' }],
    [ofVolume({ labels: 'b.h5', name: 'b', voxelSizeNm: [40, 4.5, 4.5], boundaryLabel: 0, maskAt: 7 })],
    [ofVolume({ render: {}, weight: 0, isotropic: false, zStep: 2, zSteps: [1] })],
    [ofPair({ noise: 0, teaches: 'given', bbox: { min: [0, 0, 0], max: [1, 1, 1] } })],
    [
      ofRender({
        look: { base: 'sstem', gliaShift: -0.1 },
        defects: { missing: 0.1 },
        voxelSizeNm: [40, 8, 8],
      }),
    ],
    [ofPhantom({ geometry: { preset: 'fly', scale: 2, warps: [[50, 500]] }, look: 'fibsem' })],
    [ofAugment({})],
    [ofSchedule({ decay: 1, warmup: 0 })],
  ])('takes %j', (written) => {
    expect(complaint(written)).toBe('');
  });

  it.each<[unknown, string]>([
    [null, 'null is not an object'],
    [[], '[] is not an object'],
    ['base', '"base" is not an object'],
    [{ license: '' }, 'license: no such key; did you mean licence?'],
    [
      { seed: 1 },
      'seed: no such key; there are name, description, licence, data, options, volumes, validation, pairs',
    ],
    [JSON.parse('{"__proto__": {}}'), /^__proto__: no such key/.source],
    [{ name: 3 }, 'name: 3 is not a name'],
    [{ name: '' }, 'name: "" is not a name'],
    [{ description: null }, 'description: null is not text'],
    [{ licence: ['BSD'] }, 'licence: ["BSD"] is not text'],
    [{ data: 'a.h5' }, 'data: "a.h5" is not a list'],
    [{ data: ['a', 3] }, 'data[1]: 3 is not text'],
    [{ options: [] }, 'options: [] is not an object'],
    [ofOptions({ sede: 1 }), 'options.sede: no such key; did you mean seed?'],
    [ofOptions({ constructor: 1 }), /^options\.constructor: no such key/.source],
    [ofOptions({ seed: -1 }), 'options.seed: -1 is not a whole number from 0 to 4294967295'],
    [ofOptions({ seed: 0.5 }), 'options.seed: 0.5 is not a whole number from 0 to 4294967295'],
    [ofOptions({ batch: 0 }), 'options.batch: 0 is not a whole number of at least 1'],
    [ofOptions({ size: '160' }), 'options.size: "160" is not a whole number of at least 8'],
    [ofOptions({ contextSections: -1 }), 'options.contextSections: -1 is not a whole number of at least 0'],
    [ofOptions({ contested: -4 }), 'options.contested: -4 is not a number of at least 0'],
    [ofOptions({ moving: JSON.parse('1e999') }), 'options.moving: Infinity is not a number of at least 0'],
    [ofOptions({ blend: 40 }), 'options.blend: 40 is not a number from 0 to 1'],
    [ofOptions({ transfer: 'froze' }), 'options.transfer: "froze" is not one of frozen, tuned, scratch'],
    [ofOptions({ widths: [] }), 'options.widths: [] is not a list with something in it'],
    [ofOptions({ offsets: [[0, -1], [1]] }), 'options.offsets[1]: [1] is not a list of two, y, x'],
    [ofOptions({ displacements: [[0.5, 1]] }), 'options.displacements[0][0]: 0.5 is not a whole number'],
    [ofOptions({ zReach: [0] }), 'options.zReach[0]: 0 is not a whole number of at least 1'],
    [ofOptions({ voxelSizeNm: [40, 0, 8] }), 'options.voxelSizeNm[1]: 0 is not a number above 0'],
    [ofSchedule({ step: 9 }), 'options.schedule.step: no such key; did you mean steps?'],
    [ofSchedule({ steps: 0 }), 'options.schedule.steps: 0 is not a whole number of at least 1'],
    [ofSchedule({ rate: 0 }), 'options.schedule.rate: 0 is not a number above 0'],
    [ofSchedule({ warmup: -1 }), 'options.schedule.warmup: -1 is not a whole number of at least 0'],
    [ofSchedule({ decay: 1.5 }), 'options.schedule.decay: 1.5 is not a whole number of at least 0'],
    [ofSchedule({ steps: 9, decay: 10 }), 'options.schedule: decay 10 is more than the 9 steps'],
    [ofSchedule({ averageKeep: 2 }), 'options.schedule.averageKeep: 2 is not a number from 0 to 1'],
    [ofAugment({ flipp: {} }), 'options.augment.flipp: no such key; did you mean flip?'],
    [
      ofAugment({ blur: { probability: 2, maxSigma: 1 } }),
      'options.augment.blur.probability: 2 is not a number from 0 to 1',
    ],
    [ofAugment({ blur: { probability: 1 } }), 'options.augment.blur: maxSigma is missing'],
    [ofOptions({ augment: { flip: { probability: 0 } } }), 'options.augment: turn is missing'],
    [{ volumes: 3 }, 'volumes: 3 is not a list, or the name of a recipe beside this one'],
    [{ volumes: {} }, 'volumes: {} is not a list'],
    [{ volumes: ['a.h5'] }, 'volumes[0]: "a.h5" is not an object'],
    [{ validation: 'b.json' }, 'validation: "b.json" is not a list'],
    [{ validation: [{ source: 'a.h5', zstep: 4 }] }, 'validation[0].zstep: no such key; did you mean zStep?'],
    [{ pairs: false }, 'pairs: false is not a list, or the name of a recipe beside this one'],
    [ofVolume({ wieght: 1 }), 'volumes[1].wieght: no such key; did you mean weight?'],
    [ofVolume({ noise: 15 }), /^volumes\[1\]\.noise: no such key/.source],
    [ofVolume({ source: 3 }), 'volumes[1].source: 3 is not a name'],
    [ofVolume({ weight: '1' }), 'volumes[1].weight: "1" is not a number of at least 0'],
    [ofVolume({ isotropic: 1 }), 'volumes[1].isotropic: 1 is not true or false'],
    [ofVolume({ zStep: 0 }), 'volumes[1].zStep: 0 is not a whole number of at least 1'],
    [ofVolume({ zSteps: 2 }), 'volumes[1].zSteps: 2 is not a list with something in it'],
    [ofVolume({ zSteps: [] }), 'volumes[1].zSteps: [] is not a list with something in it'],
    [ofVolume({ zSteps: [1, -2] }), 'volumes[1].zSteps[1]: -2 is not a whole number of at least 1'],
    [
      ofVolume({ boundaryLabel: 1 }),
      'volumes[1].boundaryLabel: 1 is not 0, the only label that can be membrane',
    ],
    [ofVolume({ maskAt: -1 }), 'volumes[1].maskAt: -1 is not a whole number of at least 0'],
    [ofVolume({ voxelSizeNm: [8, 8] }), 'volumes[1].voxelSizeNm: [8,8] is not a list of three, z, y, x'],
    [ofVolume({ bbox: [0, 1] }), 'volumes[1].bbox: [0,1] is not an object'],
    [ofVolume({ bbox: { min: [0, 0, 0] } }), 'volumes[1].bbox: max is missing'],
    [ofVolume({ bbox: { mim: [0, 0, 0] } }), 'volumes[1].bbox.mim: no such key; did you mean min?'],
    [
      ofVolume({ bbox: { min: [0, 0, -1], max: [1, 1, 1] } }),
      'volumes[1].bbox.min[2]: -1 is not a whole number of at least 0',
    ],
    [
      ofVolume({ bbox: { min: [0, 9, 0], max: [9, 9, 9] } }),
      'volumes[1].bbox: max 9, 9, 9 is not beyond min 0, 9, 0 along every axis',
    ],
    [
      { volumes: [{ weight: 1 }] },
      'volumes[0]: it names no data; give source, or source and labels, or source and render, or labels and render, or phantom',
    ],
    [{ volumes: [{ labels: 'a.h5' }] }, /^volumes\[0\]: it names labels; give source/.source],
    [ofVolume({ phantom: {} }), /^volumes\[1\]: it names source and phantom; give/.source],
    [{ pairs: [{ render: {} }] }, /^pairs\[0\]: it names render; give/.source],
    [ofPair({ noise: -1 }), 'pairs[0].noise: -1 is not a number of at least 0'],
    [ofPair({ teach: 'own' }), 'pairs[0].teach: no such key; did you mean teaches?'],
    [ofPair({ teaches: 'all' }), 'pairs[0].teaches: "all" is not one of own, given'],
    [
      ofPhantom({ shape: [20, 448.5, 448] }),
      'volumes[0].phantom.shape[1]: 448.5 is not a whole number of at least 1',
    ],
    [ofPhantom({ seeds: 1 }), 'volumes[0].phantom.seeds: no such key; did you mean seed?'],
    [ofPhantom({ seed: -1 }), 'volumes[0].phantom.seed: -1 is not a whole number from 0 to 4294967295'],
    [ofPhantom({ look: 'tem' }), 'volumes[0].phantom.look: "tem" is not one of sstem, fibsem, varied'],
    [ofPhantom({ look: 3 }), 'volumes[0].phantom.look: 3 is not one of sstem, fibsem, varied'],
    [
      ofPhantom({ look: { cleftnm: 3 } }),
      'volumes[0].phantom.look.cleftnm: no such key; did you mean cleftNm?',
    ],
    [ofPhantom({ geometry: 'mouse' }), 'volumes[0].phantom.geometry: "mouse" is not one of cortex, fly'],
    [ofPhantom({ geometry: { kinds: [{}] } }), 'volumes[0].phantom.geometry.kinds[0]: name is missing'],
    [ofRender('varied'), 'volumes[0].render: "varied" is not an object'],
    [ofRender({ look: 'cortex' }), 'volumes[0].render.look: "cortex" is not one of sstem, fibsem, varied'],
    [ofRender({ shape: [1, 1, 1] }), /^volumes\[0\]\.render\.shape: no such key/.source],
    [
      ofRender({ defects: { missing: 2 } }),
      'volumes[0].render.defects.missing: 2 is not a number from 0 to 1',
    ],
    [{ name: ['x'.repeat(90)] }, `name: ["${'x'.repeat(38)}… is not a name`],
  ])('refuses %j', (written, message) => {
    const said = complaint(written);
    if (message.startsWith('^')) expect(said.replace(/^r\.json: /, '')).toMatch(new RegExp(message));
    else expect(said).toBe(`r.json: ${message}`);
  });

  it('is asked of a recipe that is read, and of the one it names', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'kyn-check-'));
    try {
      const [path, other] = ['own.json', 'other.json'].map((name) => join(scratch, name));
      writeFileSync(path, JSON.stringify({ volumes: 'other.json' }));
      writeFileSync(other, JSON.stringify(ofVolume({ wieght: 1 })));
      await expect(readRecipe(path)).rejects.toMatchObject({
        code: 'format',
        where: other,
        message: 'volumes[1].wieght: no such key',
        hint: 'did you mean weight?',
      });
      writeFileSync(path, 'null');
      await expect(readRecipe(path)).rejects.toMatchObject({ code: 'format', where: path });
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});
