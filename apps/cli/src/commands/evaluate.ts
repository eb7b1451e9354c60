import { join } from 'node:path';
import {
  type CostlyError,
  costliestErrors,
  countPairs,
  evaluatePerSlice,
  type LabelSource,
  type LinkScores,
  type Scores,
  scoreLinks,
  scorePerfectFragments,
  scorePerfectLinks,
  scoreTable,
} from '@kyn/core';
import { type CommandContext, defineCommand } from '../command.ts';
import { flag, text, usageError, type VolumeValues, volumeOptions } from '../options.ts';
import { textTable } from '../text-table.ts';
import {
  FRAGMENTS_NAME,
  isSegmentFolder,
  type LabelPair,
  openLabelPair,
  openMatchingLabels,
} from '../volumes.ts';

const COSTLIEST = 10;

export const evaluateCommand = defineCommand({
  name: 'evaluate',
  summary: 'score a segmentation against ground truth',
  description: `Scores SEG against TRUTH over all voxels whose truth is not 0:

  voi_split  H(seg | truth) in bits: neurons cut into pieces
  voi_merge  H(truth | seg) in bits: neurons grown together
  voi        their sum
  arand      adapted Rand error, 0..1
  cremi      sqrt(voi * arand)

0 is perfect everywhere. --bbox and --z-step apply to both volumes, except that one which already has
the reduced shape is taken as it is. They count in the input's voxels, also where SEG is the output folder
of a run over a part of it; without them, TRUTH is cut as that part was.`,
  operands: [
    { name: 'SEG', summary: 'the segmentation: a label volume, or an output folder of kyn segment' },
    { name: 'TRUTH', summary: 'the ground truth: a label volume of the same shape; 0 = not scored' },
  ],
  options: {
    ...volumeOptions,
    perSlice: flag('score every section by itself, by its 4-connected profiles; print the means'),
    details: flag('also: what is lost in 2D and what by links, link F1, the costliest errors'),
    fragments: text('FILE', 'the 2D fragments behind SEG, for --details (an output folder has its own)'),
  },
  examples: [
    { line: 'kyn evaluate out/ truth.h5:/volumes/labels/neuron_ids', says: 'an output folder' },
    { line: 'kyn evaluate seg.zarr truth.zarr --z-step 4 --json', says: 'every 4th section, for a script' },
    { line: 'kyn evaluate out/ truth.h5 --per-slice', says: 'only the 2D boundaries' },
    { line: 'kyn evaluate out/ truth.h5 --details', says: 'where the errors are' },
  ],
  async run({ operands, values }, context) {
    const [segOperand, truthOperand] = operands;
    if (values.perSlice && values.details) {
      throw usageError('--details', 'is of the whole volume, not of its sections', 'leave --per-slice out');
    }
    if (values.fragments !== undefined && !values.details) {
      throw usageError('--fragments', 'is for --details', 'add --details');
    }
    const pair = await openLabelPair(segOperand, truthOperand, values);
    const { first: segmentation, second: truth } = pair;
    try {
      if (values.perSlice) {
        const { mean, slices } = await evaluatePerSlice({ segmentation, truth }, context.stage);
        context.result(
          { ...mean, sections: slices.length },
          `${scoresText(mean)}\n\nmeans over ${slices.length} sections with truth`,
        );
      } else if (values.details) {
        await details(pair, await fragmentsBehind(segOperand, pair, values), context);
      } else {
        const scores = scoreTable(await countPairs({ segmentation, truth }, context.stage));
        context.result(scores, scoresText(scores));
      }
    } finally {
      await Promise.all([segmentation.close(), truth.close()]);
    }
  },
});

export function scoresText(scores: Scores): string {
  const whole = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(1));
  const cell = (key: string, value: number) =>
    key === 'voxels' || key === 'segments' || key === 'truth' ? whole(value) : value.toFixed(4);
  return Object.entries(scores)
    .map(([key, value]) => `${key.padEnd(10)} ${cell(key, value)}`)
    .join('\n');
}

/** The fragments behind a segmentation, cut like it; undefined where there are none. */
async function fragmentsBehind(
  segOperand: string,
  { first, firstPart }: LabelPair,
  values: VolumeValues & { fragments: string | undefined },
): Promise<LabelSource | undefined> {
  const { shape } = first.info;
  if (values.fragments !== undefined) return openMatchingLabels(values.fragments, shape, values);
  if (!isSegmentFolder(segOperand)) return undefined;
  const own = { ...values, bbox: firstPart?.bbox, zStep: firstPart?.zStep ?? 1 };
  return openMatchingLabels(join(segOperand, FRAGMENTS_NAME), shape, own);
}

async function details(
  { first: segmentation, second: truth }: LabelPair,
  fragments: LabelSource | undefined,
  context: CommandContext,
): Promise<void> {
  const input = { segmentation, truth };
  try {
    const table = await countPairs(input, context.stage);
    const scores = scoreTable(table);
    const perfectFragments = await scorePerfectFragments(input, context.stage);
    const perfectLinks =
      fragments && scorePerfectLinks(await countPairs({ segmentation: fragments, truth }, context.stage));
    const links = await scoreLinks({ ...input, fragments }, context.stage);
    const costliest = costliestErrors(table, COSTLIEST);
    const merges = named(costliest.merges, segmentation, truth);
    const splits = named(costliest.splits, truth, segmentation);
    const json = {
      ...scores,
      perfect_fragments: perfectFragments,
      ...(perfectLinks ? { perfect_links: perfectLinks } : {}),
      links,
      merges,
      splits,
    };
    const parts = [
      comparison(scores, perfectFragments, perfectLinks),
      linksText(links),
      errorsText('Costliest merges', 'segment', merges),
      errorsText('Costliest splits', 'neuron', splits),
    ];
    context.result(json, parts.filter((part) => part !== '').join('\n\n'));
  } finally {
    await fragments?.close();
  }
}

function comparison(scores: Scores, perfectFragments: Scores, perfectLinks: Scores | undefined): string {
  const row = (name: string, s: Scores) => [
    name,
    ...[s.voi_split, s.voi_merge, s.voi, s.arand, s.cremi].map((value) => value.toFixed(4)),
  ];
  const rows = [row('as it is', scores), row('were every 2D profile right', perfectFragments)];
  if (perfectLinks) rows.push(row('were every link right', perfectLinks));
  return textTable(['', 'voi_split', 'voi_merge', 'voi', 'arand', 'cremi'], rows);
}

function linksText({ precision, recall, f1, right, wrong, missed }: LinkScores): string {
  if (right + wrong + missed === 0) return 'links: none to judge';
  const three = [precision, recall, f1].map((value) => value.toFixed(4));
  return (
    `links: precision ${three[0]}, recall ${three[1]}, F1 ${three[2]} ` +
    `(${right} right, ${wrong} wrong, ${missed} missed)`
  );
}

/** An error with ids as they are in the files; those that a number does not hold as text. */
interface NamedError extends Pick<CostlyError, 'bits' | 'voxels'> {
  readonly id: number | string;
  readonly parts: readonly { readonly id: number | string; readonly voxels: number }[];
}

/** @param own whose objects the errors are of @param other whose objects they are made of */
function named(errors: readonly CostlyError[], own: LabelSource, other: LabelSource): NamedError[] {
  return errors.map(({ id, parts, ...rest }) => ({
    id: idInFile(id, own),
    ...rest,
    parts: parts.map((part) => ({ ...part, id: idInFile(part.id, other) })),
  }));
}

function idInFile(id: number, { info, wideIds }: LabelSource): number | string {
  const wide = wideIds?.get(id);
  if (wide === undefined) return id;
  const value = info.dtype.startsWith('int') ? BigInt.asIntN(64, wide) : wide;
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

function errorsText(title: string, what: string, errors: readonly NamedError[]): string {
  if (errors.length === 0) return '';
  const rows = errors.map(({ id, bits, voxels, parts }) => [
    id,
    bits.toFixed(4),
    voxels,
    parts.map((part) => `${part.id} (${part.voxels})`).join(', '),
  ]);
  return `${title}\n${textTable([what, 'bits', 'voxels', 'largest parts (voxels)'], rows)}`;
}
