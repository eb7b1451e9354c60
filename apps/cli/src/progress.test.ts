import { describe, expect, it } from 'vitest';
import { duration, ProgressDisplay, progressLine } from './progress.ts';

function display(isTTY: boolean, quiet = false) {
  const state = { text: '', ms: 0 };
  const stream = { write: (part: string) => (state.text += part), isTTY, columns: 60 };
  return { state, display: new ProgressDisplay(stream, quiet, () => state.ms) };
}

const sections = (done: number, stage = 'predict') => ({ stage, done, total: 100, unit: 'sections' });

describe('progress', () => {
  it('writes a plain line every five seconds at most where there is no terminal', () => {
    const { state, display: d } = display(false);
    for (let i = 0; i <= 100; i++) {
      state.ms = i * 200;
      d.update(sections(i));
    }
    const lines = state.text.trimEnd().split('\n');
    expect(lines.length).toBe(3);
    expect(lines[0]).toBe('predict: 25/100 sections, 5.00/s, 15 s left');
  });

  it('redraws one line on a terminal, within its width, and takes it away', () => {
    const { state, display: d } = display(true);
    for (let i = 0; i < 100; i++) {
      state.ms = i * 50;
      d.update(sections(i));
    }
    expect(state.text).not.toContain('\n');
    const drawings = state.text.split('\r').filter((part) => part !== '');
    expect(drawings.length).toBeGreaterThan(40);
    for (const drawing of drawings) expect(drawing.length).toBeLessThan(60);
    d.clear();
    expect(state.text).toMatch(/\r +\r$/);
  });

  it('shows the stage that is least far', () => {
    const { state, display: d } = display(true);
    d.update(sections(90, 'predict'));
    state.ms = 1000;
    d.update(sections(10, 'write'));
    state.ms = 2000;
    d.update(sections(95, 'predict'));
    expect(state.text.split('\r').pop()).toContain('write: 10/100');
  });

  it('says nothing when quiet, and puts notes on lines of their own', () => {
    const silent = display(true, true);
    silent.display.update(sections(1));
    silent.display.note('x');
    expect(silent.state.text).toBe('');
    const { state, display: d } = display(true);
    d.update(sections(1));
    d.note('two\nlines');
    expect(state.text).toMatch(/\rnote: two lines\n$/);
  });

  it('speaks of seconds, minutes, hours, and of slow work by the piece', () => {
    expect([0.4, 59, 61, 3600 + 125].map(duration)).toEqual(['0 s', '59 s', '1:01 min', '1:02 h']);
    expect(progressLine(sections(50), 0.1)).toBe('predict: 50/100 sections, 10.0 s each, 8:20 min left');
    expect(progressLine(sections(0), 0)).toBe('predict: 0/100 sections');
  });
});
