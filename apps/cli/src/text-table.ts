/** Plain text tables for the terminal. */

/** Rows of two columns; a first cell wider than `width` gets a line of its own. */
export function columns(rows: readonly (readonly string[])[], width: number): string {
  return rows
    .map(([left, right]) =>
      left.length > width ? `${left}\n${' '.repeat(width + 2)}${right}` : `${left.padEnd(width)}  ${right}`,
    )
    .join('\n');
}

/** A table with a heading row; cells that are numbers are put flush right. */
export function textTable(
  heading: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = [heading, ...rows.map((row) => row.map(String))];
  const right = heading.map((_, c) => rows.length > 0 && rows.every((row) => typeof row[c] === 'number'));
  const widths = heading.map((_, c) => Math.max(...cells.map((row) => row[c].length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, c) => (right[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
      .join('  ')
      .trimEnd();
  return cells.map(line).join('\n');
}
