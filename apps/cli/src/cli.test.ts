import { KynError } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { runCli } from './cli.ts';
import { type Command, defineCommand } from './command.ts';
import {
  bbox,
  choice,
  commonOptions,
  flag,
  number,
  required,
  text,
  texts,
  volumeOptions,
} from './options.ts';
import { commands } from './registry.ts';

/** A command that says what it was given, or throws what it is told to. */
const echo = defineCommand({
  name: 'echo',
  summary: 'says what it was given',
  operands: [
    { name: 'WHAT', summary: 'anything' },
    { name: 'MORE', summary: 'anything', optional: true },
  ],
  options: {
    ...volumeOptions,
    mode: choice(['one', 'two'], 'which', 'one'),
    rate: number('R', 'a number', { min: 0, max: 1 }, 0.5),
    tag: texts('T', 'tags'),
    loud: flag('loud'),
  },
  examples: [{ line: 'kyn echo hello', says: 'hello' }],
  async run({ operands, values, given }, context) {
    if (operands[0] === 'defect') throw new TypeError('x is not a function\nat line 3');
    if (operands[0] === 'wrong') {
      throw new KynError('format', 'not a volume', { where: 'a.h5', hint: 'give\nanother' });
    }
    if (operands[0] === 'full') {
      throw Object.assign(new Error('write'), { code: 'ENOSPC', path: 'out/x' });
    }
    context.stage.onNote('a note');
    context.result({ operands, values, given: [...given] }, `said ${operands.join(' ')}`);
  },
});
const needy = defineCommand({
  name: 'train one',
  summary: 'needs an output',
  operands: [],
  options: { out: required(text('FILE', 'where to')) },
  examples: [],
  run: async ({ values }, context) => context.result({ out: values.out }, values.out),
});
const other: Command = { ...needy, name: 'train two' };

async function kyn(line: string | string[], more: { abort?: boolean; debug?: boolean } = {}) {
  const words = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line;
  const out = { stdout: '', stderr: '' };
  const controller = new AbortController();
  if (more.abort) controller.abort();
  const code = await runCli(words, {
    stdout: { write: (part) => (out.stdout += part) },
    stderr: { write: (part) => (out.stderr += part) },
    env: more.debug ? { KYN_DEBUG: '1' } : {},
    signal: controller.signal,
    version: '1.2.3',
    commands: [echo, needy, other].map((each) => ({ name: each.name, load: async () => each })),
  });
  return { code, ...out };
}

describe('the command line', () => {
  it('prints help, the version, and help on a command', async () => {
    expect(await kyn('--version')).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
    const general = await kyn('--help');
    expect(general.code).toBe(0);
    expect(general.stdout).toContain('echo       says what it was given');
    expect((await kyn('')).code).toBe(2);
    const own = await kyn('echo --help');
    expect(own.code).toBe(0);
    for (const part of ['WHAT', '[MORE]', '--z-step N', '--mode one|two', '--json', '# hello']) {
      expect(own.stdout).toContain(part);
    }
    expect((await kyn('help echo')).stdout).toBe(own.stdout);
    expect((await kyn('echo --nonsense -h')).code).toBe(2);
  });

  it('takes options in every form, and operands between them', async () => {
    const line = 'echo a --z-step 3 --rate=.25 b --mode two --tag x --tag y,z --loud --json --bbox 1:2,:4,3:';
    const { code, stdout } = await kyn(line);
    expect(code).toBe(0);
    const { operands, values, given } = JSON.parse(stdout);
    expect(operands).toEqual(['a', 'b']);
    expect(values).toMatchObject({ zStep: 3, rate: 0.25, mode: 'two', tag: ['x', 'y', 'z'], loud: true });
    expect(values.bbox).toEqual({ min: [3, 0, 1], max: [null, 4, 2] });
    expect(given).toContain('zStep');
    expect(given).not.toContain('device');
    expect(values.device).toBe('auto');
  });

  it('reads voxel sizes as X,Y,Z and keeps them as z, y, x', async () => {
    const { stdout } = await kyn('echo a --voxel-size 4.6,5,50 --json');
    expect(JSON.parse(stdout).values.voxelSize).toEqual([50, 5, 4.6]);
  });

  it('takes a flag back with --no-, and everything after -- as operands', async () => {
    const { stdout } = await kyn('echo --loud --no-loud --json -- --odd');
    expect(JSON.parse(stdout)).toMatchObject({ operands: ['--odd'], values: { loud: false } });
  });

  it('puts nothing but the document on stdout with --json, and notes on stderr unless --quiet', async () => {
    const loud = await kyn('echo a');
    expect(loud).toEqual({ code: 0, stdout: 'said a\n', stderr: 'note: a note\n' });
    const json = await kyn('echo a --json --quiet');
    expect(json.stderr).toBe('');
    expect(JSON.parse(json.stdout).operands).toEqual(['a']);
  });

  it.each([
    ['ecko a', 'ecko: no such command; did you mean kyn echo?'],
    ['zzzzzz', 'zzzzzz: no such command; see kyn --help'],
    ['train', 'train: needs a second word; give one of train one, train two'],
    ['train tow', 'train tow: no such command; did you mean kyn train two?'],
    ['train one', 'train one: --out missing; give --out FILE'],
    ['echo', 'echo: WHAT missing; see kyn echo --help'],
    ['echo a b c', "echo: 'c' is one too many; see kyn echo --help"],
    [['echo', ''], 'echo: an operand is empty; see kyn echo --help'],
    ['echo a --zstep 2', '--zstep: no such option; did you mean --z-step?'],
    ['echo a --modus 2', '--modus: no such option; did you mean --mode?'],
    ['echo a -x', '-x: no such option; see kyn echo --help'],
    ['echo a --mode', '--mode: a value is missing; give --mode one|two'],
    ['echo a --mode --loud', '--mode: a value is missing; give --mode one|two'],
    ['echo a --mode three', "--mode: 'three' is not one of one, two; see kyn echo --help"],
    ['echo a --loud=yes', "--loud: takes no value; leave out '=yes'"],
    ['echo a --rate 1.5', "--rate: '1.5' is not a number from 0 to 1; see kyn echo --help"],
    ['echo a --rate x', "--rate: 'x' is not a number from 0 to 1; see kyn echo --help"],
    ['echo a --z-step 0', "--z-step: '0' is not a whole number of at least 1; see kyn echo --help"],
    ['echo a --z-step 1.5', "--z-step: '1.5' is not a whole number of at least 1; see kyn echo --help"],
    ['echo a --threads 1e9', "--threads: '1e9' is not a whole number from 1 to 1024; see kyn echo --help"],
    [
      'echo a --voxel-size 8,8',
      "--voxel-size: '8,8' is not three sizes in nm as X,Y,Z, like 8,8,40; see kyn echo --help",
    ],
    [
      'echo a --voxel-size 8,0,40',
      "--voxel-size: '8,0,40' is not three sizes in nm as X,Y,Z, like 8,8,40; see kyn echo --help",
    ],
    ['echo a --bbox 5:5,0:1,0:1', "--bbox: '5:5,0:1,0:1' is not a box: 5:5 is empty; see kyn echo --help"],
  ])('refuses `%s` with one line and exit code 2', async (line, message) => {
    expect(await kyn(line)).toEqual({ code: 2, stdout: '', stderr: `kyn: ${message}\n` });
  });

  it('says errors in one line with exit code 1, a stack only when debugging', async () => {
    const wrong = { code: 1, stdout: '', stderr: 'kyn: a.h5: not a volume; give another\n' };
    expect(await kyn('echo wrong')).toEqual(wrong);
    expect((await kyn('echo full')).stderr).toMatch(/^kyn: out\/x: the disk is full; free .*\n$/);
    const defect = await kyn('echo defect');
    expect(defect.code).toBe(1);
    expect(defect.stderr).toMatch(/^kyn: unexpected: x is not a function at line 3; .*KYN_DEBUG=1.*\n$/);
    expect((await kyn('echo defect', { debug: true })).stderr).toContain('cli.test.ts');
  });

  it('ends with 130 where it was stopped, whatever the command made of it', async () => {
    expect(await kyn('echo a', { abort: true })).toMatchObject({ code: 130, stdout: '' });
    expect(await kyn('echo wrong', { abort: true })).toMatchObject({ code: 130 });
    expect((await kyn('echo wrong', { abort: true })).stderr).toBe('kyn: stopped\n');
  });
});

describe('every registered command', () => {
  it.each(commands.map((entry) => [entry.name, entry] as const))(
    '%s has what help needs, and the name it is listed by',
    async (_, entry) => {
      const command = await entry.load();
      expect(command.name).toBe(entry.name);
      expect(command.summary).toMatch(/^[a-z].*[^.]$/);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const { line } of command.examples) expect(line).toMatch(new RegExp(`^kyn ${command.name}( |$)`));
      for (const key of Object.keys(command.options)) expect(Object.keys(commonOptions)).not.toContain(key);
    },
  );
});

describe('boxes', () => {
  it('may leave ends open', () => {
    const option = bbox('');
    expect(option.read(':,:,:', undefined)).toEqual({
      min: [0, 0, 0],
      max: [undefined, undefined, undefined],
    });
  });
});
