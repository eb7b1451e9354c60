import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ndarray, type RawSection } from '@kyn/core';
import { createLabelZarr, createRawZarr, openLabels } from '@kyn/io/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runKyn } from '../testing/run-kyn.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-segment-'));
const raw = join(scratch, 'raw.zarr');
const blank = join(scratch, 'blank.zarr');
const fragments = join(scratch, 'given.zarr');
const other = join(scratch, 'cut-elsewhere.zarr');
const unlabelled = join(scratch, 'unlabelled.zarr');
const shape = [4, 40, 50] as const;
const voxelSizeNm = [40, 8, 8] as const;

async function kyn(...words: string[]) {
  const ran = await runKyn(['segment', ...words]);
  return { ...ran, lines: ran.stderr.trimEnd().split('\n') };
}

const grey = (z: number) => Uint8Array.from({ length: 2000 }, (_, p) => 100 + ((p * 7 + z) % 60));
/** Labels of columns so many pixels wide. */
const columns = (width: number) =>
  Uint32Array.from({ length: 2000 }, (_, p) => 1 + Math.floor((p % 50) / width));

beforeAll(async () => {
  const image = await createRawZarr(raw, { shape, voxelSizeNm, dtype: 'uint8' });
  const nothing = await createRawZarr(blank, { shape, voxelSizeNm, dtype: 'uint8' });
  const labels = await createLabelZarr(fragments, { shape, voxelSizeNm });
  const cutElsewhere = await createLabelZarr(other, { shape, voxelSizeNm });
  const zeros = await createLabelZarr(unlabelled, { shape, voxelSizeNm });
  for (let z = 0; z < shape[0]; z++) {
    await image.write(z, ndarray(grey(z), [40, 50]) as RawSection);
    await nothing.write(z, ndarray(new Uint8Array(2000).fill(90), [40, 50]) as RawSection);
    await labels.write(z, ndarray(columns(17), [40, 50]));
    await cutElsewhere.write(z, ndarray(columns(20), [40, 50]));
    await zeros.write(z, ndarray(new Uint32Array(2000), [40, 50]));
  }
  for (const volume of [image, nothing, labels, cutElsewhere, zeros]) await volume.close();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('kyn segment', () => {
  it('links given fragments, and reports as JSON', async () => {
    const out = join(scratch, 'linked');
    const { code, stdout } = await kyn(raw, '--out', out, '--fragments', fragments, '--json', '--quiet');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ out, sections: 4, fragments: 12, neurons: 3 });
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'));
    expect(report).toMatchObject({ program: 'kyn', voxelSizeNm, neurons: 3 });
    expect(report.peakMemoryBytes).toBeGreaterThan(1e6);
    const again = await kyn(raw, '--out', out, '--fragments', fragments);
    expect(again.code).toBe(1);
    expect(again.lines).toHaveLength(1);
    expect(again.stderr).toMatch(/holds a segmentation.*--overwrite/);
    const resumed = await kyn(raw, '--out', out, '--fragments', fragments, '--resume');
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toMatch(/complete already/);
    const other = await kyn(raw, '--out', out, '--fragments', fragments, '--resume', '--z-step', '2');
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(/made with other input or options/);
  });

  it('refuses labels as raw sections, unless it is told how membranes look', async () => {
    const ids = join(scratch, 'ids.zarr');
    const sink = await createRawZarr(ids, { shape: [1, 40, 50], voxelSizeNm, dtype: 'uint8' });
    const blocks = Uint8Array.from(
      { length: 2000 },
      (_, p) => 1 + 5 * Math.floor(p / 500) + Math.floor((p % 50) / 10),
    );
    await sink.write(0, ndarray(blocks, [40, 50]) as RawSection);
    await sink.close();
    const out = join(scratch, 'of-ids');
    const refused = await kyn(ids, '--out', out);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.lines).toHaveLength(1);
    expect(refused.stderr).toMatch(/looks like labels, not like an image; give the raw volume/);
    expect(existsSync(out)).toBe(false);
    expect(await kyn(ids, '--out', out, '--membranes', 'dark', '--quiet')).toMatchObject({ code: 0 });
  });

  it('takes the fragments of another result, of the same part', async () => {
    const [first, out] = [join(scratch, 'first'), join(scratch, 'again')];
    const kynOf = (labels: string, box: string, to: string) =>
      kyn(raw, '--fragments', labels, '--link', 'overlap', '--quiet', '--bbox', box, '--out', to);
    expect((await kynOf(fragments, ':,:,0:2', first)).code).toBe(0);
    expect(await kynOf(first, ':,:,0:2', out)).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['fragments.zarr/0/c/1/0/0', 'graph.arrow']) {
      expect(readFileSync(join(out, name))).toEqual(readFileSync(join(first, name)));
    }
    const { stderr } = await kynOf(first, ':,:,2:4', join(scratch, 'other-part'));
    expect(stderr).toMatch(/first: it was made with --bbox 0:,0:,0:2 .*; give the same here/);
  });

  it('takes a box and every second section of both volumes', async () => {
    const out = join(scratch, 'part');
    const words = [raw, '--out', out, '--fragments', fragments, '--bbox', '10:40,5:25,1:', '--z-step', '2'];
    expect((await kyn(...words, '--quiet')).code).toBe(0);
    const labels = await openLabels(join(out, 'segmentation.zarr'));
    expect(labels.info.shape).toEqual([2, 20, 30]);
    expect(labels.info.voxelSizeNm).toEqual([80, 8, 8]);
    for (const name of ['segmentation.zarr', 'fragments.zarr']) {
      expect((await openLabels(join(out, name))).info.originNm).toEqual([40, 40, 80]);
    }
  });

  it.each([
    ['a missing input', ['nowhere.h5', '--out', 'OUT'], /nowhere\.h5/],
    ['a missing model', ['RAW', '--out', 'OUT', '--model', 'nosuch'], /nosuch: no such model/],
    ['a file that is no model', ['RAW', '--out', 'OUT', '--model', 'NOMODEL'], /not a/],
    ['fragments of another size', ['RAW', '--out', 'OUT', '--fragments', 'OTHER'], /fragments do not fit/],
    [
      'an image as fragments',
      ['RAW', '--out', 'OUT', '--fragments', 'RAW'],
      /it looks like an image, not like/,
    ],
    [
      'fragments that are 0 everywhere',
      ['RAW', '--out', 'OUT', '--fragments', 'UNLABELLED'],
      /unlabelled\.zarr:\/0: the given fragments are 0 wherever there is tissue/,
    ],
    ['only empty sections', ['BLANK', '--out', 'OUT', '--fragments', 'GIVEN'], /every section is empty/],
  ])('refuses %s in one line, and leaves nothing', async (_, words, says) => {
    const out = join(scratch, 'refused');
    const noModel = join(scratch, 'model.onnx');
    writeFileSync(noModel, 'not a model');
    const small = join(scratch, 'small.zarr');
    if (!existsSync(small)) {
      const sink = await createLabelZarr(small, { shape: [1, 3, 3], voxelSizeNm });
      await sink.write(0, ndarray(new Uint32Array(9).fill(1), [3, 3]));
      await sink.close();
    }
    const names: Record<string, string> = {
      OUT: out,
      RAW: raw,
      BLANK: blank,
      GIVEN: fragments,
      NOMODEL: noModel,
      OTHER: small,
      UNLABELLED: unlabelled,
    };
    const { code, lines } = await kyn(...words.map((word) => names[word] ?? word), '--quiet');
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(says);
    expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
  });

  it('turns the contrast as it is told', async () => {
    const line = [raw, '--out', join(scratch, 'turned'), '--fragments', fragments, '--json', '--quiet'];
    const { stdout } = await kyn(...line, '--membranes', 'bright');
    expect(JSON.parse(stdout)).toMatchObject({ contrastTurned: true });
    const other = await kyn(...line, '--resume');
    expect(other).toMatchObject({ code: 1 });
    expect(other.stderr).toMatch(/made with other input or options \(options\)/);
  });

  it('keeps what is done where a section cannot be read, says so, and goes on with it', async () => {
    // sections are read some way ahead of those that are done
    const [long, given] = [join(scratch, 'long.zarr'), join(scratch, 'damaged.zarr')];
    const depth = 14;
    const image = await createRawZarr(long, { shape: [depth, 40, 50], voxelSizeNm, dtype: 'uint8' });
    const labels = await createLabelZarr(given, { shape: [depth, 40, 50], voxelSizeNm });
    for (let z = 0; z < depth; z++) {
      await image.write(z, ndarray(grey(z), [40, 50]) as RawSection);
      await labels.write(z, ndarray(columns(17), [40, 50]));
    }
    await Promise.all([image.close(), labels.close()]);
    const whole = join(scratch, 'undisturbed');
    expect(await kyn(long, '--out', whole, '--fragments', given, '--quiet')).toMatchObject({ code: 0 });
    const chunk = join(given, `0/c/${depth - 1}/0/0`);
    const bytes = readFileSync(chunk);
    writeFileSync(chunk, 'not compressed');
    const out = join(scratch, 'resumed');
    const words = [long, '--out', out, '--fragments', given, '--quiet'];
    const failed = await kyn(...words);
    expect(failed.code).toBe(1);
    expect(failed.lines).toHaveLength(1);
    expect(failed.stderr).toMatch(/damaged\.zarr.*; sections that are done stay: .* --resume goes on/);
    expect(readdirSync(out).sort()).toEqual(['.sections', 'INCOMPLETE', 'fragments.zarr']);
    writeFileSync(chunk, bytes);
    const done = join(given, '0/c/1/0/0');
    const section = readFileSync(done);
    rmSync(done);
    cpSync(join(other, '0/c/1/0/0'), done);
    const exchanged = await kyn(...words, '--resume');
    expect(exchanged.code).toBe(1);
    expect(exchanged.lines).toHaveLength(1);
    expect(exchanged.stderr).toMatch(/section 1 is another one now than .*--overwrite/);
    writeFileSync(done, section);
    expect(await kyn(...words, '--resume')).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['assignment.arrow', 'graph.arrow', 'neurons.csv']) {
      expect(readFileSync(join(out, name))).toEqual(readFileSync(join(whole, name)));
    }
    expect(existsSync(join(out, 'INCOMPLETE'))).toBe(false);
  });

  it('refuses --resume with --overwrite as wrong use', async () => {
    const { code, lines } = await kyn(raw, '--out', join(scratch, 'linked'), '--resume', '--overwrite');
    expect({ code, lines }).toEqual({
      code: 2,
      lines: ['kyn: --resume: does not go with --overwrite; go on with a run, or begin anew'],
    });
  });

  it('wants to be told where the result goes', async () => {
    const { code, stderr } = await kyn(raw);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--out/);
  });
});
