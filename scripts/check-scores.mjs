/** Holds the JSON of `kyn evaluate` against upper bounds. usage: check-scores.mjs SCORES.json voi=1.5,arand=0.2 */
import { readFileSync } from 'node:fs';

const [path, bounds] = process.argv.slice(2);
const scores = JSON.parse(readFileSync(path, 'utf8'));
let wrong = 0;
for (const [key, bound] of bounds.split(',').map((each) => each.split('='))) {
  const fits = scores[key] <= Number(bound);
  console.log(`${key} ${scores[key]} ${fits ? '<=' : 'is above'} ${bound}`);
  if (!fits) wrong++;
}
process.exit(wrong > 0 ? 1 : 0);
