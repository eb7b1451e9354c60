export {
  type ContractionOptions,
  contract,
  type Demand,
  type Linkage,
  type SignedGraph,
} from './contraction.ts';
export {
  CROSS,
  EDGE_KINDS,
  type EdgeColumns,
  EdgeList,
  IN_PLANE,
  SKIP,
} from './edge-list.ts';
export { UnionFind } from './union-find.ts';
