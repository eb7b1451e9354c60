/** Sources and sinks on Node: `@kyn/io/node`. */
export { checkWritable, makeFolder, writeFileAtomic } from './atomic.ts';
export {
  type CremiWriter,
  type CremiWriterOptions,
  createCremiHdf5,
} from './hdf5-writer.ts';
export { describeVolume, type OpenOptions, openLabels, openSections } from './open.ts';
export { encodePng, type PngPicture } from './png-encode.ts';
export * from './result/index.ts';
export { createLabelTiff, type LabelTiffOptions } from './tiff-writer.ts';
export { createLabelZarr, createRawZarr, type LabelZarrOptions, type RawZarrOptions } from './zarr-writer.ts';
