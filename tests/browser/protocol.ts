/** What the page and the worker say to each other. */
import type { PhantomOptions, Progress, Vec3 } from '@kyn/core';
import type { Device } from '@kyn/nn';

export type Request =
  /** Makes the phantom and runs the pipeline over it. */
  | {
      readonly kind: 'segment';
      readonly phantom: Partial<PhantomOptions>;
      readonly device: Device;
      readonly threads: number;
      readonly model: string;
    }
  /** Stops the run under way. */
  | { readonly kind: 'cancel' }
  /** Opens served files with `@kyn/io/web`. */
  | { readonly kind: 'open'; readonly files: readonly ServedFile[] };

export interface ServedFile {
  readonly url: string;
  /** Path inside the folder that the user would have picked, its name first. */
  readonly path: string;
}

export type Answer =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | ({ readonly kind: 'segmented' } & Segmented)
  | { readonly kind: 'opened'; readonly shape: Vec3; readonly sections: readonly (readonly number[])[] }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string };

export interface Segmented {
  readonly runtime: string;
  readonly notes: readonly string[];
  /** The phantom's images and the labels, section after section. */
  readonly raw: Uint8Array;
  readonly labels: Uint32Array;
  readonly fragments: number;
  readonly seconds: { readonly phantom: number; readonly load: number; readonly pipeline: number };
}
