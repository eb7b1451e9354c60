/**
 * Files that go with sections by name. A file belongs to the section whose name its own contains: `07-labels.png` and
 * `labels00000007.png` to `07.tif`, `s12.png` to section 12 of a volume without file names. Extensions, capitals and
 * leading zeros don't count, and a number is only contained as a whole: `17.png` does not contain 7.
 */
import { KynError } from '@kyn/core';

/** A name without what doesn't count. */
function essence(name: string): string {
  return name
    .replace(/\.[^./\\]*$/, '')
    .toLowerCase()
    .replace(/0+(?=\d)/g, (zeros, at: number, whole: string) =>
      /\d/.test(whole[at - 1] ?? '') ? zeros : '',
    );
}

/** Place of `part` in `whole`, where no number is cut in two; -1 where it is not contained. */
function placeIn(whole: string, part: string): number {
  const digit = (character: string | undefined): boolean => character !== undefined && /\d/.test(character);
  for (let at = whole.indexOf(part); at >= 0; at = whole.indexOf(part, at + 1)) {
    const end = at + part.length;
    const cutBefore = digit(whole[at - 1]) && digit(whole[at]);
    const cutAfter = digit(whole[end - 1]) && digit(whole[end]);
    if (!cutBefore && !cutAfter) return at;
  }
  return -1;
}

/**
 * The section of every file: the one with the longest name that fits; of several, the one the file's name begins with.
 * @param sections names of all sections, in order
 * @returns an index into `sections` for each of `files`, undefined where none fits
 * @throws KynError `usage` where a file fits several sections equally well, or a section two files
 */
export function pairNames(
  files: readonly string[],
  sections: readonly string[],
): readonly (number | undefined)[] {
  const names = sections.map(essence);
  const fileOf = new Map<number, string>();
  return files.map((file) => {
    const section = sectionOf(file, names, sections);
    if (section === undefined) return undefined;
    const other = fileOf.get(section);
    if (other !== undefined) {
      throw new KynError('usage', `${other} and ${file} both fit section ${sections[section]}`, {
        hint: 'give one file a section',
      });
    }
    fileOf.set(section, file);
    return section;
  });
}

function sectionOf(file: string, names: readonly string[], sections: readonly string[]): number | undefined {
  const whole = essence(file);
  const fits = names.flatMap((name, section) => {
    const at = name === '' ? -1 : placeIn(whole, name);
    return at < 0 ? [] : [{ section, length: name.length, first: at === 0 ? 1 : 0 }];
  });
  fits.sort((a, b) => b.length - a.length || b.first - a.first);
  const [best, next] = fits;
  if (best && next && best.length === next.length && best.first === next.first) {
    const both = `${sections[best.section]} and ${sections[next.section]}`;
    throw new KynError('usage', `${file} fits several sections by its name (${both})`, {
      hint: 'name it as its section is named',
    });
  }
  return best?.section;
}
