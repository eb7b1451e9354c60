import {
  type BlockPredictor,
  checkPipelineInput,
  isBlockPredictor,
  isKynError,
  KynError,
  keepsGiven,
  type LabelSection,
  type LabelSource,
  type PipelineInput,
  type PipelineOptions,
  type PipelineReport,
  type Predictor,
  pipelineDefaults,
  type RawSection,
  runPipeline,
  type SectionSource,
  type Vec3,
} from '@kyn/core';
import { type RunIdentity, type SegmentationFolder, takeSegmentationFolder } from '@kyn/io/node';
import { type CommandContext, defineCommand } from '../command.ts';
import { type CpuShare, startCpuCount, threadClock } from '../cpu-clock.ts';
import { explainError } from '../explain-error.ts';
import { DEFAULT_MODEL, type ModelFile } from '../model-file.ts';
import { type LoadedNetwork, loadNetwork } from '../network.ts';
import {
  checkSectionsDone,
  digest,
  digestOfImage,
  digestOfLabels,
  madeFrom,
  NotedSource,
} from '../noted-source.ts';
import {
  choice,
  flag,
  membranesOption,
  output,
  required,
  text,
  usageError,
  type VolumeValues,
  volumeOptions,
} from '../options.ts';
import { peakMemoryBytes } from '../peak-memory.ts';
import { refuseSamePlace } from '../same-place.ts';
import { columns } from '../text-table.ts';
import { version } from '../version.ts';
import { openFragments, openRawVolume, refuseLabels } from '../volumes.ts';

export const segmentCommand = defineCommand({
  name: 'segment',
  summary: 'a stack of sections to 3D neurons',
  description: `Segments every section of INPUT in 2D, links the fragments of neighbouring sections, and writes to DIR:

  segmentation.zarr  neurons (OME-Zarr label image, one plane a section; 0 only outside the tissue)
  fragments.zarr     the 2D fragments they are made of
  graph.arrow        edges between fragments: a, b, kind, area, probability
  assignment.arrow   fragment -> neuron
  neurons.csv        size, extent and place of every neuron
  doubts.csv         where to look first: the doubtful decisions with the largest effect
  preview.png        a few sections beside their neurons
  report.json        what was done, and how long it took

A run that was stopped or killed is finished by the same command with --resume, with the same result.`,
  operands: [{ name: 'INPUT', summary: 'the raw volume: HDF5, Zarr, TIFF, or a folder of images' }],
  options: {
    ...volumeOptions,
    out: required(output(text('DIR', 'where the result goes; made if it is not there'))),
    model: text('M', 'a shipped model, or a .kyn or .onnx file (default: base)', DEFAULT_MODEL),
    fragments: text(
      'FILE',
      'take these 2D labels (or those of another result) as fragments, each connected piece as one, and only link them',
    ),
    repair: flag(
      'take the given fragments for another tool’s, not for true profiles: mend them where neighbouring sections show that ' +
        'they are wrong, and join pieces that touch where all speaks for it',
    ),
    link: choice(
      ['learned', 'overlap'],
      'how sections are linked: by the model’s linker if it has one, or by plain overlap',
      'learned',
    ),
    membranes: membranesOption,
    accurate: flag('average over mirrored copies: four times the work of the network'),
    fast: flag('where voxels are cubes, look at the sections alone: a third of the network’s work or less'),
    resume: flag('finish a run that was stopped'),
    overwrite: flag('replace the segmentation in DIR when the new one is complete; files of others stay'),
  },
  examples: [
    { line: 'kyn segment stack.h5 --out result', says: 'a stack in CREMI layout' },
    { line: 'kyn segment sections/ --out result --voxel-size 4.6,4.6,45', says: 'a folder of TIFF or PNG' },
    { line: 'kyn segment stack.h5 --out result --resume', says: 'go on after a stop' },
    { line: 'kyn segment big.zarr --out try --bbox 0:1024,0:1024,0:20', says: 'a corner, to try it out' },
  ],
  async run({ operands: [input], values, given }, context) {
    if (values.fast && values.accurate) {
      throw usageError('--fast', 'does not go with --accurate', 'choose one of them');
    }
    if (values.resume && values.overwrite) {
      throw usageError('--resume', 'does not go with --overwrite', 'go on with a run, or begin anew');
    }
    refuseSamePlace(input, values.out);
    refuseSamePlace(values.fragments, values.out);
    const countCpu = await startCpuCount(); // before anything else makes threads
    const source = new NotedSource(await openRawVolume(input, values), digestOfImage);
    let fragments: NotedSource<LabelSection> | undefined;
    let network: LoadedNetwork | undefined;
    try {
      if (values.fragments !== undefined) {
        const given = await openFragments(values.fragments, source.info.shape, values);
        fragments = new NotedSource(given, digestOfLabels);
      }
      const learned = values.link === 'learned';
      if (!fragments || learned) {
        const { threads, device } = values;
        const { onNote } = context.stage;
        network = await loadNetwork(values.model, { threads, device, onNote, wait: values.overwrite });
      }
      const unused = network
        ? []
        : ['model', 'membranes', 'accurate', 'fast', 'device'].filter((key) => given.has(key));
      for (const key of unused) {
        context.stage.onNote(
          `--${key} changes nothing: given fragments are linked by overlap, without a network`,
        );
      }
      const predictor = network?.predictor;
      const in3d = isBlockPredictor(predictor);
      const linker = learned && !in3d ? predictor?.linker : undefined;
      if (learned && !in3d && !linker) {
        if (given.has('link')) {
          throw new KynError('model', 'it has no linker', {
            where: values.model,
            hint: 'leave --link learned out, or give a model that kyn train linker has made',
          });
        }
        context.stage.onNote(`${values.model} has no linker: linked by plain overlap`);
      }
      for (const key of ['accurate', 'fast'] as const) {
        if (in3d && values[key]) context.stage.onNote(`--${key} changes nothing for a 3D network`);
      }
      checkPipelineInput({ source, predictor, fragments });
      const input = { source, predictor, linker, fragments, mendFragments: values.repair };
      const defaults = pipelineDefaults(input);
      const options: PipelineOptions = {
        ...defaults,
        predict: { flips: values.accurate, sideViews: !values.fast },
        across: learned ? defaults.across : undefined,
        membranes: values.membranes,
      };
      if (values.repair && !fragments) {
        throw usageError('--repair', 'there are no given fragments', 'the model’s own are repaired anyway');
      }
      if (values.repair && keepsGiven(input)) {
        const missing = learned ? 'a model that links' : 'learned links, not --link overlap';
        context.stage.onNote(`--repair needs ${missing}: the fragments stay as they are`);
      }
      if (values.membranes === undefined) await refuseLabels(source);
      const run = await identify(source, values, fragments, network?.model, options);
      const voxelSizeNm = outputVoxelSize(source, fragments, predictor);
      const describe = (report: PipelineReport) => ({
        version,
        input: { location: source.info.location, format: source.info.format, dtype: source.info.dtype },
        ...reportTimes(report, countCpu()),
        peakMemoryBytes: peakMemoryBytes(),
        network: network && networkInfo(network, report),
      });
      const { resume, overwrite, out } = values;
      const volumes = fragments ? [source, fragments] : [source];
      const taken = await takeSegmentationFolder(out, {
        shape: source.info.shape,
        voxelSizeNm,
        originNm: source.info.originNm,
        run,
        resume,
        overwrite,
        describe,
        madeFrom: (z) => madeFrom(volumes, z),
      });
      if (taken.complete) {
        context.stage.onNote(`${out} is complete already`);
        context.result({ out, ...(taken.report as object) }, '');
        return;
      }
      const { store } = taken;
      if (store.sectionsDone > 0) {
        const before = (z: number) => store.madeFrom(z);
        await checkSectionsDone(volumes, store.sectionsDone, before, out, context.stage).catch(
          async (error: unknown) => {
            await store.release();
            throw isKynError(error) && error.code === 'output' ? error : resumable(error);
          },
        );
      }
      const report = await runInto(store, { ...input, onPredicted: network?.close }, options, context);
      context.endProgress();
      context.result({ out, ...report, ...describe(report) }, summary(out, report, peakMemoryBytes()));
    } finally {
      await Promise.all([source.close(), fragments?.close(), network?.close()]);
    }
  },
});

async function runInto(
  store: SegmentationFolder,
  input: PipelineInput,
  options: PipelineOptions,
  context: CommandContext,
): Promise<PipelineReport> {
  if (store.sectionsDone > 0) context.stage.onNote(`${store.sectionsDone} sections are done already`);
  try {
    return await runPipeline(input, store, options, context.stage, threadClock);
  } catch (error) {
    if (await store.worthResuming()) throw resumable(error);
    await store.discard();
    throw error;
  } finally {
    await store.release();
  }
}

/** The same error, which says that a part of the work is kept. */
function resumable(error: unknown): KynError {
  const { code, message, where, hint } = isKynError(error) ? error : explainError(error);
  const goOn = 'sections that are done stay: kyn segment with the same options and --resume goes on';
  return new KynError(code, message, { where, hint: hint ? `${hint}; ${goOn}` : goOn, cause: error });
}

/** Voxel size of the result: the input's, else what the pipeline assumes. */
function outputVoxelSize(
  source: SectionSource,
  fragments?: LabelSource,
  predictor?: Predictor | BlockPredictor,
): Vec3 {
  return source.info.voxelSizeNm ?? predictor?.info.voxelSizeNm ?? fragments?.info.voxelSizeNm ?? [1, 1, 1];
}

/** What two runs must have in common for one to finish the other. */
async function identify(
  source: NotedSource<RawSection>,
  values: VolumeValues & { fragments: string | undefined; link: string; repair: boolean },
  fragments: NotedSource<LabelSection> | undefined,
  model: ModelFile | undefined,
  options: PipelineOptions,
): Promise<RunIdentity> {
  const { info } = source;
  const middle = info.shape[0] >> 1;
  await Promise.all([source.read(middle), fragments?.read(middle)]);
  return {
    version,
    input: { shape: info.shape, dtype: info.dtype, sample: source.digests.get(middle) },
    'voxel size': info.voxelSizeNm ?? null,
    box: values.bbox ?? null,
    'z step': values.zStep,
    fragments: fragments?.digests.get(middle) ?? null,
    model: model ? { name: model.name, sha256: digest(model.bytes) } : null,
    link: values.link,
    repair: values.repair,
    options,
  };
}

/** Stage times, with the processor time of the network: what nobody else used. */
function reportTimes({ stages }: PipelineReport, cpu: CpuShare) {
  const ours = Object.values(stages).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const files = cpu.pool ?? 0;
  const network = Math.max(0, cpu.process - ours - files - (cpu.helpers ?? 0));
  const seconds = (value: number) => Number(value.toFixed(3));
  const table = Object.fromEntries(
    Object.entries(stages).map(([name, time]) => [
      name,
      {
        seconds: seconds(time.seconds),
        cpuSeconds: seconds(time.cpuSeconds + (name === 'predict' ? network : 0)),
      },
    ]),
  );
  return {
    stages: table,
    cpuSeconds: {
      total: seconds(cpu.process),
      network: seconds(network),
      readingAndCompressing: seconds(files),
      engine: seconds(cpu.helpers ?? 0),
      otherStages: seconds(ours),
    },
  };
}

/** In which a stack is cut into planes. */
const DIRECTIONS = 3;

function networkInfo({ predictor: { info }, runtime }: LoadedNetwork, report: PipelineReport) {
  const [depth, height, width] = report.shape;
  const [fy, fx] = report.resampledBy ?? [1, 1];
  return {
    name: info.name,
    runtime: runtime(),
    voxelSizeNm: info.voxelSizeNm ?? null,
    flopPerPixel: info.flopPerPixel * (report.sideViews ? DIRECTIONS : 1),
    pixels: Math.round((depth * height * width) / (fy * fx)),
  };
}

function summary(out: string, report: PipelineReport, peakBytes: number): string {
  const [depth, height, width] = report.shape;
  const voxels = depth * height * width;
  const { inPlane, cross, skip } = report.edges;
  const across = report.links === 'none' ? '' : `, ${cross} cross, ${skip} skip`;
  const rows = [
    ['sections', `${depth} of ${height}×${width} (${(voxels / 1e6).toFixed(1)} MVx)`],
    ['fragments', `${report.fragments}`],
    ['edges', `${inPlane} in-plane${across}`],
    ['links', report.links],
    ['repaired', `${report.repaired.split} fragments split, ${report.repaired.merged} merged`],
    ['neurons', `${report.neurons}`],
    ['time', `${report.seconds.toFixed(1)} s (${(voxels / 1e6 / report.seconds).toFixed(2)} MVx/s)`],
    ['peak memory', `${Math.round(peakBytes / 1e6)} MB`],
    ['written to', out],
  ];
  return columns(rows, 12);
}
