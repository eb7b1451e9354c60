import { createPhantom, type DefectFractions, PHANTOM_DEFAULTS, renderOver, type Vec3 } from '@kyn/core';
import { defineCommand } from '../command.ts';
import {
  BadValue,
  choice,
  flag,
  integer,
  type Option,
  output,
  required,
  seedRange,
  shape,
  text,
  usageError,
  volumeOptions,
} from '../options.ts';
import { RAW_DATASET, TRUTH_DATASET, writePhantom } from '../phantom-file.ts';
import { refuseSamePlace } from '../same-place.ts';
import { openLabelVolume, refuseImage } from '../volumes.ts';

const DEFECT_KINDS = ['missing', 'folded', 'cracked', 'dark', 'shifted'] as const;

/** `missing=0.05,folded=0.1`, or one number for all kinds together. */
function defects(summary: string): Option<DefectFractions | undefined> {
  return {
    placeholder: 'KIND=FRACTION,...',
    summary,
    fallback: undefined,
    required: false,
    read(value) {
      const fraction = (digits: string) => {
        const number = digits.trim() === '' ? Number.NaN : Number(digits);
        if (!(number >= 0 && number <= 1)) throw new BadValue(`'${digits}' is not a fraction from 0 to 1`);
        return number;
      };
      const parts = value.split(',').map((part) => part.split('='));
      if (parts.length === 1 && parts[0].length === 1) {
        const each = fraction(value) / DEFECT_KINDS.length;
        return Object.fromEntries(DEFECT_KINDS.map((kind) => [kind, each]));
      }
      const entries = parts.map(([name, digits = '']) => {
        const kind = DEFECT_KINDS.find((known) => known === name.trim());
        if (!kind) throw new BadValue(`'${name}' is not one of ${DEFECT_KINDS.join(', ')}`);
        return [kind, fraction(digits)] as const;
      });
      if (entries.reduce((sum, [, share]) => sum + share, 0) > 1) {
        throw new BadValue('the fractions add up to more than 1');
      }
      return Object.fromEntries(entries);
    },
  };
}

export const phantomCommand = defineCommand({
  name: 'phantom',
  summary: 'make synthetic EM with ground truth',
  description: `Grows neuropil and draws it as serial-section EM, or draws over given labels (--from). Writes an HDF5
file in CREMI layout: ${RAW_DATASET} and ${TRUTH_DATASET}. The same options and seed
always give the same volume.`,
  operands: [],
  options: {
    out: required(output(text('FILE.h5', 'the file to write'))),
    shape: shape(`size in voxels (default: ${PHANTOM_DEFAULTS.shape.join(',')})`),
    seed: integer('N', `which phantom (default: ${PHANTOM_DEFAULTS.seed})`, seedRange, PHANTOM_DEFAULTS.seed),
    from: text('LABELS', 'draw over this label volume; shape and voxel size are its own'),
    look: choice(['varied', 'sstem', 'fibsem'], 'stain and imaging (default: varied)', 'varied'),
    geometry: choice(['cortex', 'fly'], 'calibre and shape of neurites (default: cortex)', 'cortex'),
    defects: defects('share of sections with defects, by kind, or one number for all kinds'),
    ...volumeOptions,
    overwrite: flag('replace FILE.h5 if it is there'),
  },
  examples: [
    { line: 'kyn phantom --out phantom.h5 --shape 32,512,512 --seed 1', says: '8×8×40 nm, as by default' },
    {
      line: 'kyn phantom --out bad.h5 --seed 2 --defects missing=0.1,folded=0.1',
      says: 'with missing and folded sections',
    },
    { line: 'kyn phantom --out em.h5 --from labels.h5 --bbox 0:512,0:512,0:64', says: 'over real neurons' },
  ],
  async run({ values, given }, context) {
    const { seed, look, defects: fractions, out } = values;
    if (!/\.(h5|hdf5)$/i.test(out))
      throw usageError(out, 'a phantom is an HDF5 file', 'end its name with .h5');
    if (values.from === undefined && (given.has('bbox') || given.has('zStep'))) {
      throw usageError(
        given.has('bbox') ? '--bbox' : '--z-step',
        'is for --from LABELS',
        'give --shape Z,Y,X',
      );
    }
    if (values.from !== undefined && given.has('shape')) {
      throw usageError('--shape', 'the labels of --from have a shape', 'cut them with --bbox and --z-step');
    }
    if (values.from !== undefined && given.has('geometry')) {
      throw usageError('--geometry', 'the labels of --from have a shape of their own', 'leave it out');
    }
    refuseSamePlace(values.from, out);
    const from = values.from === undefined ? undefined : await openLabelVolume(values.from, values);
    try {
      if (from) await refuseImage(from);
      const voxelSizeNm: Vec3 = values.voxelSize ?? from?.info.voxelSizeNm ?? PHANTOM_DEFAULTS.voxelSizeNm;
      const common = { seed, look, defects: fractions };
      const phantom = from
        ? renderOver(from, { ...common, voxelSizeNm: from.info.voxelSizeNm ?? voxelSizeNm })
        : createPhantom({
            ...common,
            voxelSizeNm,
            shape: values.shape ?? PHANTOM_DEFAULTS.shape,
            geometry: values.geometry,
          });
      const { info } = phantom.raw;
      const comment = `kyn phantom, seed ${seed}, look ${look}`;
      const size = info.voxelSizeNm ?? voxelSizeNm;
      await writePhantom(out, phantom, { voxelSizeNm: size, comment, overwrite: values.overwrite }, context);
      const json = {
        output: out,
        raw: `${out}:${RAW_DATASET}`,
        truth: `${out}:${TRUTH_DATASET}`,
        shape: info.shape,
        voxel_size_nm: size,
        seed,
        notes: info.notes,
      };
      context.result(json, `${out}: ${info.shape.join('×')} voxels of ${size.join('×')} nm (zyx)`);
    } finally {
      await from?.close();
    }
  },
});
