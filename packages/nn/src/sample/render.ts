/** The sections of a sample as the network sees them, and their labels. */
import type { Random } from '@kyn/core';
import { changeLooksInPlace, drawGreyCurve } from './appearance.ts';
import { damageInPlace } from './defects.ts';
import { normalisingTable, sectionHistogram } from './normalise.ts';
import type { Place } from './place.ts';
import { type LabelPatch, resampleLabels, resampleRaw } from './resample.ts';
import type { SampleSpec } from './spec.ts';
import { sectionView } from './volume.ts';

/** Normalised grey values of every section, `size` × `size`, changed in their looks and damaged. */
export function renderTiles(place: Place, spec: SampleSpec, random: Random): Float32Array[] {
  const { size, sections, augment } = spec;
  // Sections of one sample were stained and imaged alike: they share the grey curve, not the rest.
  const curve = drawGreyCurve(random, augment);
  return Array.from({ length: sections }, (_, k) => {
    const view = sectionView(place.volume.raw, place.cut, place.section + k * place.step);
    const table = normalisingTable(sectionHistogram(view), curve);
    const tile = resampleRaw(view, place.field, place.margin, size, table, place.shifts[k]);
    const looks = random.fork(k);
    changeLooksInPlace(tile, size, looks, augment);
    damageInPlace(tile, size, looks, augment, sections === 1);
    return tile;
  });
}

/** Labels of section `k`, with the margin around them. */
export function renderLabels(place: Place, k: number): LabelPatch {
  const view = sectionView(place.volume.labels, place.cut, place.section + k * place.step);
  return resampleLabels(view, place.field, place.volume, place.shifts[k]);
}
