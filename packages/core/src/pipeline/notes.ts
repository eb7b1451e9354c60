/** Remarks for the user about what was found and done, from the records of the sections. */
import type { VolumeInfo } from '../volume/contracts.ts';
import { GAP } from './sight.ts';
import type { SectionSummary } from './store.ts';

/** `3, 5–7 and 12`; long lists are cut. */
export function listSections(sections: readonly number[]): string {
  const ranges: string[] = [];
  for (let i = 0; i < sections.length; ) {
    let end = i;
    while (end + 1 < sections.length && sections[end + 1] === sections[end] + 1) end++;
    if (end === i + 1) ranges.push(`${sections[i]}`, `${sections[end]}`);
    else ranges.push(end > i ? `${sections[i]}–${sections[end]}` : `${sections[i]}`);
    i = end + 1;
  }
  const shown = ranges.length > 12 ? [...ranges.slice(0, 11), `${ranges.length - 11} more`] : ranges;
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} and ${shown[shown.length - 1]}`;
}

function named(sections: readonly number[]): string {
  return `${sections.length === 1 ? 'section' : 'sections'} ${listSections(sections)}`;
}

const PASSED_OVER = 'passed over, 0 in the output, linked across';

/** A section of this many pixels holds more than one profile. */
const CELLS_PIXELS = 128 ** 2;

/**
 * Notes about sections without tissue, pixels left out, and shifts.
 * @param moved shifted sections were compared in one place
 * @param given the fragments were given
 * @param through sections are linked through holes of the one between
 */
export function sectionNotes(
  records: readonly SectionSummary[],
  info: VolumeInfo,
  { moved, given, through }: { readonly moved: boolean; readonly given: boolean; readonly through: boolean },
): string[] {
  const notes: string[] = [];
  const where = (test: (record: SectionSummary) => boolean) => records.filter(test).map((record) => record.z);
  const constant = where((r) => r.state === 'constant');
  if (constant.length > 0) notes.push(`${named(constant)} constant or blank: ${PASSED_OVER}`);
  const noData = where((r) => r.state === 'no-data');
  if (noData.length > 0) notes.push(`${named(noData)} without any value: ${PASSED_OVER}`);
  const unlabelled = where((r) => r.state === 'unlabelled');
  if (unlabelled.length > 0) notes.push(`no fragments are given in ${named(unlabelled)}: ${PASSED_OVER}`);
  const ruined = where((r) => r.state === 'ruined');
  if (ruined.length > 0) notes.push(`warning: ${named(ruined)} hardly more than noise: ${PASSED_OVER}`);
  const invalid = where((r) => r.state === 'tissue' && r.invalidPixels > 0);
  const across = 'larger parts linked across where the sections next to it show some';
  if (invalid.length > 0) {
    notes.push(`NaN or infinite pixels in ${named(invalid)}: left out${through ? `, ${across}` : ''}`);
  }
  const fill = where((r) => r.state === 'tissue' && r.fillPixels > 0);
  if (fill.length > 0) {
    const outside = `taken as outside the tissue, ${through ? across : 'nothing is linked across it'}`;
    const what = given ? 'given fragments stay as they are there' : outside;
    notes.push(`constant fill at the border of ${named(fill)}: ${what}`);
  }
  const [, height, width] = info.shape;
  const tissue = records.filter((r) => r.state === 'tissue');
  if (height * width >= CELLS_PIXELS && tissue.length > 0 && tissue.every((r) => r.fragments <= 1)) {
    notes.push(
      given
        ? 'warning: no given section is more than one fragment'
        : 'warning: the network finds no boundaries, every section is one fragment: try another model',
    );
  }
  if (records.length > 1 && tissue.length === 1) {
    const what = unlabelled.length > 0 ? 'fragments' : 'tissue';
    notes.push(`only section ${name(info, tissue[0].z)} has ${what}: there is nothing to link`);
  }
  notes.push(...gapNotes(info));
  for (const record of records) {
    const lies = howItLies(record, info, previousWithTissue(records, record.z));
    if (!lies) continue;
    notes.push(
      `warning: ${lies}: ` +
        (moved
          ? 'compared as if in line; links are better where the stack is aligned first'
          : 'links there are doubtful, align the stack first'),
    );
  }
  const alone = where((r) => r.frontAlone);
  if (alone.length > 0)
    notes.push(`${named(alone)} seen from the front alone: a section there is shifted or displaced in parts`);
  return notes;
}

/** How a section lies against the one below, where that is not in line. */
function howItLies(
  { z, shiftNm, partsNm }: SectionSummary,
  info: VolumeInfo,
  below: number,
): string | undefined {
  const [here, there] = [name(info, z), name(info, below)];
  const far = Math.round(Math.max(0, ...partsNm.map((by) => Math.hypot(...by))));
  if (shiftNm) {
    const [y, x] = shiftNm.map(Math.round);
    const shift = `section ${here} is shifted against ${there} by about ${Math.round(Math.hypot(...shiftNm))} nm (x ${x}, y ${y})`;
    return far > 0 ? `${shift}, parts of it by up to ${far} nm otherwise, as beside a fold or crack` : shift;
  }
  if (far === 0) return undefined;
  return `parts of section ${here} are displaced against ${there} by up to ${far} nm, as beside a fold or crack`;
}

function previousWithTissue(records: readonly SectionSummary[], z: number): number {
  let below = z - 1;
  while (below > 0 && records[below].state !== 'tissue') below--;
  return below;
}

function name(info: VolumeInfo, z: number): string {
  const given = info.sectionNames?.[z];
  return given === undefined ? `${z}` : `${z} (${given})`;
}

function gapNotes({ sectionPositions }: VolumeInfo): string[] {
  if (!sectionPositions) return [];
  const gaps: number[] = [];
  for (let z = 1; z < sectionPositions.length; z++) {
    if (sectionPositions[z] - sectionPositions[z - 1] > GAP) gaps.push(z);
  }
  if (gaps.length === 0) return [];
  const one = gaps.length === 1;
  return [`missing sections before ${named(gaps)}: linked across the ${one ? 'gap' : 'gaps'}`];
}
