/** A tiny 3 × 5 font for scale bars and section numbers. */

/** Rows of a glyph, three bits each, top first. */
const glyphs: Readonly<Record<string, readonly number[]>> = {
  '0': [7, 5, 5, 5, 7],
  '1': [2, 6, 2, 2, 7],
  '2': [7, 1, 7, 4, 7],
  '3': [7, 1, 7, 1, 7],
  '4': [5, 5, 7, 1, 1],
  '5': [7, 4, 7, 1, 7],
  '6': [7, 4, 7, 5, 7],
  '7': [7, 1, 1, 2, 2],
  '8': [7, 5, 7, 5, 7],
  '9': [7, 5, 7, 1, 7],
  '.': [0, 0, 0, 0, 2],
  ' ': [0, 0, 0, 0, 0],
  z: [0, 7, 1, 2, 7],
  n: [0, 6, 5, 5, 5],
  µ: [0, 5, 5, 7, 4],
};

/** `m` is wider than the others. */
const wide: Readonly<Record<string, readonly number[]>> = { m: [0, 26, 21, 21, 21] };

/** Pixels a glyph is wide, the gap after it included. */
function advance(letter: string): number {
  return letter in wide ? 6 : 4;
}

/** Size of a line of text in pixels. */
export function textSize(text: string, scale: number): { width: number; height: number } {
  let width = -1;
  for (const letter of text) width += advance(letter);
  return { width: Math.max(0, width) * scale, height: 5 * scale };
}

/** Calls `dot` for every pixel of the text whose upper left corner is at x, y. Unknown letters are left blank. */
export function drawText(
  text: string,
  x: number,
  y: number,
  scale: number,
  dot: (x: number, y: number) => void,
): void {
  let left = x;
  for (const letter of text) {
    const rows = glyphs[letter] ?? wide[letter] ?? [];
    const bits = letter in wide ? 5 : 3;
    rows.forEach((row, r) => {
      for (let c = 0; c < bits; c++) {
        if (((row >> (bits - 1 - c)) & 1) === 0) continue;
        for (let i = 0; i < scale * scale; i++)
          dot(left + c * scale + (i % scale), y + r * scale + Math.floor(i / scale));
      }
    });
    left += advance(letter) * scale;
  }
}
