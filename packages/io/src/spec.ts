/** Volume names as users write them: a path or URL, and for containers `FILE.h5:/volumes/raw`. */
export interface VolumeSpec {
  /** Path or URL of the file, folder or container. */
  readonly location: string;
  /** Path inside, with a leading slash; undefined where none is given. */
  readonly dataset: string | undefined;
  readonly isUrl: boolean;
}

/** Splits at the last `:/` that is no `://` and no drive letter. */
export function parseVolumeSpec(spec: string): VolumeSpec {
  const isUrl = /^https?:\/\//i.test(spec);
  const at = spec.lastIndexOf(':/');
  if (at <= 1 || spec[at + 2] === '/') return { location: spec, dataset: undefined, isUrl };
  const dataset = spec.slice(at + 1).replace(/\/+$/, '');
  return { location: spec.slice(0, at), dataset: dataset === '' ? '/' : dataset, isUrl };
}
