/** What `kyn adapt` did, as one HTML page: verdict, scores, pictures of the painted sections, curves. */
import { ContingencyTable, type LabelSection, majorityOf, type Scores } from '@kyn/core';
import { encodePng, neuronColour } from '@kyn/io/node';
import {
  type Adaptation,
  type AdaptedSection,
  type AdaptOptions,
  type SectionPicture,
  trainingReport,
  UNPAINTED,
} from '@kyn/nn';

/** Sections shown, and the longest side of a panel in pixels. */
const SHOWN = 6;
const PANEL_SIDE = 512;
/** Pixels between panels. */
const GAP = 6;
/** Share of the colour over the grey image, and of the light outside the part held back. */
const OPACITY = 0.5;
const OUTSIDE = 0.45;

/** With fewer painted cells than this the strips held back hold hardly ten. */
const FEW_CELLS = 40;

/** One line: did it help, what is in the file, and whether that can be trusted. */
export function verdict(
  { helped, before, after, sections }: Pick<Adaptation, 'helped' | 'before' | 'after' | 'sections'>,
  out: string,
  { leastGain }: Pick<AdaptOptions, 'leastGain'>,
): string {
  const change = `CREMI score ${before.cremi.toFixed(3)} before, ${after.cremi.toFixed(3)} after, on parts not trained on`;
  const painted = paintedCells(sections);
  const doubt = painted < FEW_CELLS ? ` With ${painted} painted cells that may be chance: paint more.` : '';
  if (helped) return `Adapting helped (${change}): ${out} is the adapted model.${doubt}`;
  const hair = after.cremi < before.cremi ? `, less than ${100 * leastGain} % better` : '';
  return `Adapting did not help (${change}${hair}): ${out} is the model as it was.${doubt}`;
}

function paintedCells(sections: Adaptation['sections']): number {
  return sections.reduce((sum, { profiles }) => sum + profiles, 0);
}

/** What became of the links between sections; empty for a model that links by overlap. */
export function linksText({ links }: Adaptation): string[] {
  if (!links) return [];
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const carried = `What links are judged on was carried over to the new features (${percent(links.kept)} of its variance).`;
  const { recalibrated } = links;
  if (!recalibrated) {
    return [
      carried,
      'Too few cells have common numbers in neighbouring painted sections: probabilities of links stay calibrated as they were.',
    ];
  }
  const { rows, calibrationError } = recalibrated;
  const pairs = `Their probabilities were calibrated anew on ${rows} pairs of painted neighbours (calibration error ${percent(calibrationError)}).`;
  return [carried, pairs];
}

/** Heading row first: scores of every section's held-back part. */
export function scoreRows({ sections, before, after }: Adaptation): string[][] {
  const cells = (b: Scores, a: Scores): string[] => [
    b.cremi.toFixed(3),
    a.cremi.toFixed(3),
    b.arand.toFixed(3),
    a.arand.toFixed(3),
    b.voi.toFixed(3),
    a.voi.toFixed(3),
  ];
  const rows = sections.map(({ name, profiles, scores }) => [
    name,
    `${profiles}`,
    ...(scores ? cells(scores.before, scores.after) : Array(6).fill('-')),
  ]);
  return [
    ['section', 'cells painted', 'CREMI before', 'after', 'ARAND before', 'after', 'VOI before', 'after'],
    ...rows,
    ['mean', `${paintedCells(sections)}`, ...cells(before, after)],
  ];
}

export function adaptReport(
  adaptation: Adaptation,
  out: string,
  settings: Readonly<Record<string, unknown>> & AdaptOptions,
): string {
  const { sections, steps, seconds, history } = adaptation;
  const training =
    steps.final === undefined
      ? `${steps.check} steps of training without the parts held back`
      : `${steps.check} steps of training without the parts held back, then ${steps.final} with all that is painted`;
  return trainingReport(
    'Adapting to painted sections',
    history,
    sections.slice(0, SHOWN).map((section) => ({ title: pictureTitle(section), url: pictureUrl(section) })),
    settings,
    {
      text: [
        verdict(adaptation, out, settings),
        `${training}; ${(seconds / 60).toFixed(1)} minutes in all. Scores are those of the parts held back, ` +
          'which the training of the “after” column did not see. 0 is perfect.',
        ...linksText(adaptation),
      ],
      table: scoreRows(adaptation),
    },
  );
}

function pictureTitle({ name, scores }: AdaptedSection): string {
  const change = scores
    ? ` (ARAND ${scores.before.arand.toFixed(3)} to ${scores.after.arand.toFixed(3)} in the bright part)`
    : '';
  return `${name}: image, painted, before, after${change}`;
}

function pictureUrl({ picture }: AdaptedSection): string {
  const { data, width, height } = drawSection(picture);
  const png = Buffer.from(encodePng({ data, width, height, channels: 3 }));
  return `data:image/png;base64,${png.toString('base64')}`;
}

/** What a panel shows over the image: pieces, whose borders are drawn, and the number that colours each pixel. */
interface Layer {
  readonly pieces: Uint32Array;
  readonly colours: Uint32Array;
}

/** Four panels in a row; what was trained on is darkened, so that the eye goes to what was held back. */
export function drawSection(picture: SectionPicture): { data: Uint8Array; width: number; height: number } {
  const { image, painted, before, after } = picture;
  const [fullHeight, fullWidth] = image.shape;
  const step = Math.max(1, Math.ceil(Math.max(fullHeight, fullWidth) / PANEL_SIDE));
  const [height, panel] = [Math.ceil(fullHeight / step), Math.ceil(fullWidth / step)];
  const layers = [
    undefined,
    { pieces: painted.data, colours: painted.data },
    { pieces: before.data, colours: cellsOf(before, painted) },
    { pieces: after.data, colours: cellsOf(after, painted) },
  ];
  const width = layers.length * (panel + GAP) - GAP;
  const data = new Uint8Array(3 * width * height).fill(255);
  layers.forEach((layer, i) => {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < panel; x++) {
        const rgb = pixel(picture, layer, y * step, x * step, step);
        data.set(rgb, 3 * (y * width + i * (panel + GAP) + x));
      }
    }
  });
  return { data, width, height };
}

const BLACK = [0, 0, 0] as const;

function pixel(
  { image, heldBack: { min, max } }: SectionPicture,
  layer: Layer | undefined,
  y: number,
  x: number,
  step: number,
): [r: number, g: number, b: number] {
  const [height, width] = image.shape;
  const p = y * width + x;
  const bright = y >= min[0] && y < max[0] && x >= min[1] && x < max[1];
  const light = bright ? 1 : OUTSIDE;
  const grey = Math.min(255, Math.max(0, 128 + 52 * image.data[p]));
  const id = layer?.colours[p] ?? UNPAINTED;
  if (!layer || id === UNPAINTED) return [light * grey, light * grey, light * grey];
  const here = layer.pieces[p];
  const border =
    (x + step < width && layer.pieces[p + step] !== here) ||
    (y + step < height && layer.pieces[p + step * width] !== here);
  const colour = border || id === 0 ? BLACK : neuronColour(id);
  const mix = (c: number): number => light * (OPACITY * c + (1 - OPACITY) * grey);
  return [mix(colour[0]), mix(colour[1]), mix(colour[2])];
}

/** The painted cell that each pixel's fragment shares most with: where a cell ran into another, its colour tells. */
function cellsOf(fragments: LabelSection, painted: LabelSection): Uint32Array {
  const truth = painted.data.map((id) => (id === UNPAINTED ? 0 : id));
  const table = new ContingencyTable();
  table.add(fragments, { ...painted, data: truth });
  const cell = majorityOf(table);
  return fragments.data.map((id) => cell.get(id) ?? id);
}
