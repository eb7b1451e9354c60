import { expect, it } from 'vitest';
import { shellWord } from './shell-word.ts';

it.each([
  ['a/b-c_1.h5:/raw', 'a/b-c_1.h5:/raw'],
  ['8,8,40', '8,8,40'],
  ['two words.h5', "'two words.h5'"],
  ["it's", "'it'\\''s'"],
  ['$HOME', "'$HOME'"],
  ['~/a', "'~/a'"],
  ['', "''"],
])('%s is a word as a shell takes it', (word, quoted) => {
  expect(shellWord(word)).toBe(quoted);
});
