/** What a training recipe says: which volumes, how often each, and which settings differ from the defaults. */
import type { PhantomOptions, RenderOverOptions, SubvolumeOptions } from '@kyn/core';
import type { ScheduleOptions, VolumeOptions } from '@kyn/nn';

/**
 * One volume: real (`source`), grown (`phantom`), or EM drawn over given labels (`render`). `voxelSizeNm` takes the place of what
 * the file says, before `zStep`.
 */
export interface RecipeVolume extends VolumeOptions, SubvolumeOptions {
  /** File with raw and labels, relative to the data folder; `labels` where they lie elsewhere. */
  readonly source?: string;
  readonly labels?: string;
  readonly phantom?: Partial<PhantomOptions>;
  readonly render?: RenderOverOptions;
}

/** A volume whose pairs of fragments teach the linker. */
export interface PairVolume extends RecipeVolume {
  /** Noise added before it is segmented, in grey values: fragments as bad as on data never seen. */
  readonly noise?: number;
  /** How fragments of our own are linked, or how given ones are (by its true profiles; not with noise); both if it does not say. */
  readonly teaches?: 'own' | 'given';
}

/** @typeParam O options of the network that is trained */
export interface Recipe<O> {
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  /** Attributions, one a data set. */
  readonly data: readonly string[];
  readonly options?: Partial<Omit<O, 'schedule'>> & { readonly schedule?: Partial<ScheduleOptions> };
  readonly volumes: readonly RecipeVolume[];
  readonly validation?: readonly RecipeVolume[];
  /** Where a linker's classifier meets pairs of fragments. */
  readonly pairs?: readonly PairVolume[];
}
