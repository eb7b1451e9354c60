export type { DefectFractions, DefectKind } from './defects.ts';
export {
  GEOMETRIES,
  type GeometryChoice,
  type GeometryName,
  type NeuriteKind,
  type PhantomGeometry,
} from './geometry.ts';
export { LOOKS, type LookChoice, type LookName, type PhantomLook, resolveLook } from './look.ts';
export {
  createPhantom,
  PHANTOM_DEFAULTS,
  type Phantom,
  type PhantomOptions,
  type RenderOverOptions,
  renderOver,
} from './phantom.ts';
