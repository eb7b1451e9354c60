/** The 3D baseline as a model file: one ONNX graph and what it was trained for. */
import type { Offset2, Vec3 } from '@kyn/core';
import { unzipSync } from 'fflate';
import { baseline3dLayout } from '../nets/baseline3d.ts';
import type { ParameterLayout, Weights } from '../nets/layers.ts';
import {
  type CommonDescription,
  looksLikeKynModel,
  packModel,
  readTraining,
  unpackModel,
} from './kyn-model.ts';
import { encodeTraining } from './training-weights.ts';

export interface Baseline3dSettings {
  /** nm, zyx; z is what a section typically is. */
  readonly voxelSizeNm: Vec3;
  /** In-plane affinities, the first channels. */
  readonly offsets: readonly Offset2[];
  /** Then those of a section with the ones that lie this many before it. */
  readonly zReach: readonly number[];
  readonly network: { readonly widths: readonly number[] };
  /** Rows and columns of a block are multiples of this. */
  readonly tileMultiple: number;
  /** Side of a block, and pixels at each edge that lack context and are blended away. */
  readonly tileSize: number;
  readonly halo: number;
  /** The same in sections. */
  readonly blockDepth: number;
  readonly haloDepth: number;
  readonly flopPerPixel: number;
}

export interface Baseline3dDescription extends CommonDescription {
  readonly baseline3d: Baseline3dSettings;
}

export interface Baseline3dModel {
  readonly description: Baseline3dDescription;
  /** ONNX graph: `input` `[n, 1, d, h, w]` to `affinities` `[n, offsets + zReach, d, h, w]`. */
  readonly graph: Uint8Array;
  /** The weights before batch normalisation is folded away, as in a {@link import('./kyn-model.ts').KynModel}. */
  readonly weights?: Weights;
}

const GRAPH = 'baseline3d.onnx';
const TRAINING = 'baseline3d.training';

export function encodeBaseline3d({ description, graph, weights }: Baseline3dModel): Uint8Array {
  return packModel(description, {
    [GRAPH]: graph,
    ...(weights ? { [TRAINING]: encodeTraining(layoutOf(description), weights, graph) } : {}),
  });
}

function layoutOf({ baseline3d }: Baseline3dDescription): ParameterLayout {
  const { network, offsets, zReach } = baseline3d;
  return baseline3dLayout(network.widths, offsets.length + zReach.length);
}

/**
 * @param parts weights are only of use for training: they can be left out
 * @throws KynError `model` if the bytes are not a 3D baseline of a format that we know.
 */
export function decodeBaseline3d(
  bytes: Uint8Array,
  where: string,
  parts = { weights: true },
): Baseline3dModel {
  const leftOut = parts.weights ? [] : [TRAINING];
  const { description, files } = unpackModel<Baseline3dDescription>(bytes, GRAPH, where, leftOut);
  const [graph, rest] = [files[GRAPH], files[TRAINING]];
  const weights = rest && readTraining(() => layoutOf(description), graph, rest, where);
  return { description, graph, ...(weights ? { weights } : {}) };
}

/** True for a model file that holds a 3D baseline. */
export function looksLikeBaseline3d(bytes: Uint8Array): boolean {
  if (!looksLikeKynModel(bytes)) return false;
  let found = false;
  const note = ({ name }: { name: string }): boolean => {
    found ||= name === GRAPH;
    return false;
  };
  try {
    unzipSync(bytes, { filter: note });
  } catch {
    return false; // a broken file is told of where it is decoded
  }
  return found;
}
