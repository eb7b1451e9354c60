/** How far apart, in section thicknesses, sections are still neighbours. */

/** Sections further apart than this, in section thicknesses, have one missing between them. */
export const GAP = 1.5;

/** Neighbours further apart than this are not shown together: the network has met one missing section, not more. */
export const SIGHT = 2.5;

/** True where the network is shown one of two neighbouring sections with the other; positions in section thicknesses. */
export function withinSight(lower: number, upper: number): boolean {
  return upper - lower <= SIGHT;
}

/** How many sections away one may lie that is shown with another. */
export function sectionsInSight(contextSections: number): number {
  return contextSections * Math.floor(SIGHT);
}
