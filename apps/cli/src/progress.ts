/**
 * Progress on stderr: on a terminal one line that is redrawn, elsewhere a plain line every few seconds.
 * Stages that overlap in time report side by side; the one that is least far is shown.
 */
import type { Progress } from '@kyn/core';

export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

interface StageState {
  progress: Progress;
  readonly startedMs: number;
  /** Units done when first heard of, so that a resumed run's rate is its own. */
  readonly startedAt: number;
}

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;
const BAR_WIDTH = 24;

export class ProgressDisplay {
  private readonly stages = new Map<string, StageState>();
  private lastMs: number;
  private drawn = 0;

  constructor(
    private readonly stream: TextStream,
    private readonly quiet: boolean,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.lastMs = now() - (stream.isTTY ? REDRAW_MS : 0);
  }

  update(progress: Progress): void {
    if (this.quiet) return;
    const time = this.now();
    const state = this.stages.get(progress.stage);
    if (state && progress.done >= state.startedAt) state.progress = progress;
    else this.stages.set(progress.stage, { progress, startedMs: time, startedAt: progress.done });
    if (time - this.lastMs < (this.stream.isTTY ? REDRAW_MS : PLAIN_LINE_MS)) return;
    this.lastMs = time;
    this.draw(time);
  }

  /** One line for the user; the bar steps aside for it. */
  note(text: string): void {
    if (this.quiet) return;
    this.clear();
    this.stream.write(`note: ${text.replace(/\s*\n\s*/g, ' ')}\n`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.drawn > 0) this.stream.write(`\r${' '.repeat(this.drawn)}\r`);
    this.drawn = 0;
  }

  private draw(time: number): void {
    let shown: StageState | undefined;
    for (const state of this.stages.values()) {
      if (state.progress.done >= state.progress.total) continue;
      if (!shown || fraction(state.progress) < fraction(shown.progress)) shown = state;
    }
    if (!shown) return;
    const line = progressLine(shown.progress, rate(shown, time));
    if (!this.stream.isTTY) {
      this.stream.write(`${line}\n`);
      return;
    }
    const filled = Math.round(fraction(shown.progress) * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const full = `${bar} ${line}`.slice(0, Math.max(10, (this.stream.columns ?? 80) - 1));
    this.stream.write(`\r${full.padEnd(this.drawn)}`);
    this.drawn = full.length;
  }
}

function fraction({ done, total }: Progress): number {
  return total > 0 ? Math.min(1, done / total) : 1;
}

function rate({ progress, startedMs, startedAt }: StageState, time: number): number {
  const seconds = (time - startedMs) / 1000;
  return seconds > 0 ? (progress.done - startedAt) / seconds : 0;
}

export function progressLine(progress: Progress, perSecond: number): string {
  const { stage, done, total, unit } = progress;
  const head = `${stage}: ${Math.floor(done)}/${total} ${unit}`;
  if (perSecond <= 0) return head;
  const speed = perSecond >= 1 ? `${threeDigits(perSecond)}/s` : `${threeDigits(1 / perSecond)} s each`;
  return `${head}, ${speed}, ${duration((total - done) / perSecond)} left`;
}

function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** `42 s`, `3:05 min`, `2:10 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))} h`;
}
