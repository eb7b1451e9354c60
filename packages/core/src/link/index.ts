export {
  countOverlaps,
  LINK_DEFAULTS,
  linkByOverlap,
  type OverlapLinkOptions,
  type Overlaps,
  type SectionFragments,
} from './overlap.ts';
