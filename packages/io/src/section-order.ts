/**
 * Section files in order: by name, with runs of digits compared as numbers. Where the names differ in one
 * number only, that number is the section's, and gaps in it are missing sections.
 */
export interface SectionOrder {
  readonly names: readonly string[];
  /** Positions in section thicknesses, from 0; undefined where they are 0, 1, 2, ... */
  readonly positions: readonly number[] | undefined;
  readonly notes: readonly string[];
}

/** Orders file names and finds the gaps. */
export function orderSections(files: readonly string[]): SectionOrder {
  const names = [...files].sort(compareNatural);
  const notes: string[] = [];
  const numbers = sectionNumbers(names);
  if (numbers === undefined) {
    if (names.length > 1)
      notes.push('file names follow no one pattern: sections are in the order of their names');
    return { names, positions: undefined, notes };
  }
  const steps = numbers.slice(1).map((number, i) => number - numbers[i]);
  const step = numberStep(steps);
  if (step > 1) notes.push(`file numbers go up by ${step}: taken as neighbouring sections`);
  const positions = numbers.map((number) => (number - numbers[0]) / step);
  const gaps = missingNumbers(numbers, step);
  if (gaps.length === 0) return { names, positions: undefined, notes };
  notes.push(
    `missing sections (gaps in the file numbers): ${gaps.slice(0, 8).join(', ')}${gaps.length > 8 ? ', ...' : ''}`,
  );
  return { names, positions, notes };
}

/**
 * By how much file numbers go up from section to section. Steps that are nearly all equal (0, 4, 8, 16, ...) are how the files were
 * numbered, and multiples of them are gaps; two files alone cannot tell.
 */
function numberStep(steps: readonly number[]): number {
  const least = steps.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const usual = steps.filter((step) => step === least).length;
  const regular = steps.length > 1 && steps.every((step) => step % least === 0) && usual > steps.length / 2;
  return regular ? least : 1;
}

/** Digit runs as numbers, the rest by code unit; equal numbers fall back on the text. */
export function compareNatural(a: string, b: string): number {
  const left = a.split(/(\d+)/);
  const right = b.split(/(\d+)/);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = i % 2 === 1 ? Number(left[i]) - Number(right[i]) : compareText(left[i], right[i]);
    if (order !== 0) return order;
  }
  return left.length - right.length || compareText(a, b);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The one number in which sorted names differ; undefined where they differ in more, or a number repeats. */
function sectionNumbers(names: readonly string[]): number[] | undefined {
  const tokens = names.map((name) => name.split(/(\d+)/));
  const first = tokens[0];
  if (first === undefined || names.length < 2) return undefined;
  let varying: number | undefined;
  for (let i = 0; i < first.length; i++) {
    if (tokens.every((token) => token[i] === first[i])) continue;
    if (i % 2 === 0 || varying !== undefined) return undefined;
    varying = i;
  }
  if (varying === undefined || tokens.some((token) => token.length !== first.length)) return undefined;
  const at = varying;
  const numbers = tokens.map((token) => Number(token[at]));
  return new Set(numbers).size === numbers.length ? numbers : undefined;
}

/** `12` or `14-17` for what lies between neighbouring numbers. */
function missingNumbers(numbers: readonly number[], step: number): string[] {
  const gaps: string[] = [];
  for (let i = 1; i < numbers.length; i++) {
    const from = numbers[i - 1] + step;
    const to = numbers[i] - step;
    if (from <= to) gaps.push(from === to ? `${from}` : `${from}-${to}`);
  }
  return gaps;
}
