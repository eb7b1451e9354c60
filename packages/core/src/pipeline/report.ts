/** What a run tells about itself: `report.json` holds this and what the application adds. */
import type { Vec3 } from '../volume/array.ts';

/** Time of the stages. */
export interface StageTime {
  /** Wall clock of the pipeline's thread, waiting included. */
  readonly seconds: number;
  /** Processor time of the pipeline's thread, where the clock tells it. */
  readonly cpuSeconds: number;
}

export type StageName =
  | 'survey'
  | 'read'
  | 'normalise'
  | 'predict'
  | 'segment'
  | 'link'
  | 'repair'
  | 'partition'
  | 'project'
  | 'write'
  | 'preview';

export type LinkKind = 'learned' | 'affinities' | 'overlap' | 'none';

export interface PipelineReport {
  /** Sections, rows, columns. */
  readonly shape: Vec3;
  readonly voxelSizeNm: Vec3;
  /** Section pixels a network pixel, y and x; undefined where there is no network. */
  readonly resampledBy: readonly [number, number] | undefined;
  readonly contrastTurned: boolean;
  /** True where the network was shown planes across the sections as well. */
  readonly sideViews: boolean;
  readonly sections: number;
  readonly emptySections: readonly number[];
  readonly fragments: number;
  readonly edges: {
    readonly inPlane: number;
    readonly cross: number;
    readonly skip: number;
  };
  /** What tells of neighbouring sections which fragments are one neuron; none where only one section has tissue. */
  readonly links: LinkKind;
  readonly neurons: number;
  /** Fragments that repair cut, and pairs that it put together. */
  readonly repaired: { readonly split: number; readonly merged: number };
  readonly notes: readonly string[];
  readonly stages: Readonly<Partial<Record<StageName, StageTime>>>;
  readonly seconds: number;
}

/** The pipeline's clocks, in seconds. */
export interface Clock {
  wall(): number;
  /** Processor time of this thread; where unknown, the wall clock. */
  cpu(): number;
}

export const SYSTEM_CLOCK: Clock = { wall: () => Date.now() / 1000, cpu: () => Date.now() / 1000 };

/** Adds up the time of the stages. */
export class StageTimer {
  private readonly times = new Map<StageName, { seconds: number; cpuSeconds: number }>();
  /** Waits under way, and when the first of them began. */
  private readonly waits = new Map<StageName, { open: number; since: number }>();
  readonly started: number;

  constructor(private readonly clock: Clock) {
    this.started = clock.wall();
  }

  /** Times work that does not yield. */
  run<T>(stage: StageName, work: () => T): T {
    const wall = this.clock.wall();
    const cpu = this.clock.cpu();
    const result = work();
    this.add(stage, this.clock.wall() - wall, this.clock.cpu() - cpu);
    return result;
  }

  /**
   * Times a wait; other work of this thread may go on in it, so it counts no processor time. Waits of one stage that overlap
   * count once.
   */
  async wait<T>(stage: StageName, promise: Promise<T>): Promise<T> {
    const waits = this.waits.get(stage) ?? { open: 0, since: 0 };
    this.waits.set(stage, waits);
    if (waits.open++ === 0) waits.since = this.clock.wall();
    try {
      return await promise;
    } finally {
      if (--waits.open === 0) this.add(stage, this.clock.wall() - waits.since, 0);
    }
  }

  private add(stage: StageName, seconds: number, cpuSeconds: number): void {
    const time = this.times.get(stage) ?? { seconds: 0, cpuSeconds: 0 };
    this.times.set(stage, { seconds: time.seconds + seconds, cpuSeconds: time.cpuSeconds + cpuSeconds });
  }

  get seconds(): number {
    return this.clock.wall() - this.started;
  }

  get stages(): Partial<Record<StageName, StageTime>> {
    return Object.fromEntries(this.times);
  }
}
