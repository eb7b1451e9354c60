/**
 * Neurites as chains of balls: persistent random walks with log-normal radii that swell, branch, taper and bear
 * spines, grown in a periodic box until each kind has its share of the volume. They may run through one another;
 * `packing.ts` sorts that out.
 */
import type { Vec3 } from '../volume/array.ts';
import { type Balls, createBalls } from './ball-grid.ts';
import type { NeuriteKind, PhantomGeometry } from './geometry.ts';
import { deriveSeed, type Random, randomSequence } from './random.ts';

/** Distance between the balls of a chain, relative to their radius. */
const SPACING = 0.75;
/** Steps of this size fill 0..1 evenly; log(u / (1 - u)) / 1.702 turns them into normal deviates (to 1 %). */
const GOLDEN = 0.6180339887;
const MIN_RADIUS_NM = 32;
const MAX_RADIUS_NM = 620;

interface Tip {
  at: [number, number, number];
  direction: [number, number, number];
  parent: number;
  radius: number;
  lengthLeft: number;
  swell: number;
  spine: boolean;
}

function randomDirection(random: Random, acrossBias: number): [number, number, number] {
  const z = random.normal() * acrossBias;
  const y = random.normal();
  const x = random.normal();
  const norm = Math.hypot(z, y, x) || 1;
  return [z / norm, y / norm, x / norm];
}

function turned(tip: Tip, random: Random, amount: number): [number, number, number] {
  const d = tip.direction.map((c) => c + amount * random.normal());
  const norm = Math.hypot(d[0], d[1], d[2]) || 1;
  return [d[0] / norm, d[1] / norm, d[2] / norm];
}

/** Grows one neurite into `balls` until `room` (nm³) is used up; returns the volume it takes. */
function growNeurite(
  balls: Balls,
  owner: number,
  kind: NeuriteKind,
  geometry: PhantomGeometry,
  period: Vec3,
  random: Random,
  thickness: number,
  room: number,
): number {
  const { scale } = geometry;
  const radius = kind.radiusNm * scale * Math.exp(kind.radiusSpread * thickness);
  const start: [number, number, number] = [
    random.next() * period[0],
    random.next() * period[1],
    random.next() * period[2],
  ];
  const direction = randomDirection(random, geometry.acrossBias);
  const lengthLeft = kind.lengthNm * scale * (0.4 + 0.6 * random.next());
  const tip = { at: start, parent: -1, radius, lengthLeft, swell: random.normal(), spine: false };
  const tips: Tip[] = [{ ...tip, direction }];
  // The second half of the same neurite starts at the same ball and runs the other way.
  let backwards: Tip | undefined = {
    ...tip,
    at: [start[0], start[1], start[2]],
    direction: [-direction[0], -direction[1], -direction[2]],
  };
  let volume = 0;
  while (tips.length > 0 && volume < room && balls.count < balls.x.length) {
    const now = tips[tips.length - 1];
    const swelling = now.spine ? 0.1 : kind.swelling;
    let r = now.radius * Math.exp(swelling * now.swell);
    if (now.spine && now.lengthLeft < 190 * scale) r *= 2.4; // the head of a spine
    r = Math.min(MAX_RADIUS_NM * scale, Math.max(MIN_RADIUS_NM * scale, r));
    const step = Math.min(SPACING * r, 190 * scale);
    const ball = balls.count++;
    balls.z[ball] = now.at[0];
    balls.y[ball] = now.at[1];
    balls.x[ball] = now.at[2];
    balls.radius[ball] = r;
    balls.owner[ball] = owner;
    balls.parent[ball] = now.parent;
    volume += Math.PI * r * r * step;
    if (backwards) {
      backwards.parent = ball;
      tips.unshift(backwards);
      backwards = undefined;
    }
    now.lengthLeft -= step;
    if (now.lengthLeft <= 0) {
      tips.splice(tips.indexOf(now), 1);
      continue;
    }
    now.parent = ball;
    const keep = Math.exp(-step / (kind.swellingNm * scale));
    now.swell = now.swell * keep + Math.sqrt(1 - keep * keep) * random.normal();
    now.direction = turned(now, random, Math.sqrt(step / ((now.spine ? 600 : kind.persistenceNm) * scale)));
    for (let axis = 0; axis < 3; axis++) now.at[axis] += step * now.direction[axis];
    if (now.spine) continue;
    if (kind.spineNm > 0 && random.next() < step / (kind.spineNm * scale)) {
      const side = turned(now, random, 2);
      const neck = (45 + 25 * random.next()) * scale;
      // A neck starts at the wall of its trunk.
      const at = now.at.map((c, axis) => c + side[axis] * r * 0.8);
      tips.push({
        at: [at[0], at[1], at[2]],
        direction: side,
        parent: ball,
        radius: neck,
        lengthLeft: (450 + 500 * random.next()) * scale,
        swell: 0,
        spine: true,
      });
    } else if (random.next() < step / (kind.branchNm * scale)) {
      tips.push({
        ...now,
        at: [now.at[0], now.at[1], now.at[2]],
        direction: turned(now, random, 0.9),
        radius: now.radius * kind.branchTaper * (0.75 + 0.4 * random.next()),
        lengthLeft: now.lengthLeft * (0.4 + 0.6 * random.next()),
      });
      now.radius *= 0.85 + 0.15 * kind.branchTaper;
    }
  }
  return volume;
}

/** All neurites of a periodic box, with the kind of each. */
export function growNeurites(
  geometry: PhantomGeometry,
  period: Vec3,
  seed: number,
): { balls: Balls; kinds: number[] } {
  const boxVolume = period[0] * period[1] * period[2];
  const random = randomSequence(deriveSeed(seed, 'growth'));
  // Generous bound on the number of balls: every share filled by balls of its thin end.
  let capacity = 4096;
  for (const kind of geometry.kinds) {
    const thin = kind.radiusNm * geometry.scale * 0.55;
    capacity += Math.ceil((kind.share * boxVolume) / (Math.PI * SPACING * thin ** 3));
  }
  const balls = createBalls(capacity);
  const kinds: number[] = [];
  geometry.kinds.forEach((kind, index) => {
    let room = kind.share * boxVolume;
    const first = random.next();
    for (let k = 0; room > 0 && balls.count < capacity; k++) {
      // Radii are spread evenly over their distribution, so that small boxes are as good a sample as large ones.
      const u = 0.002 + 0.996 * ((first + k * GOLDEN) % 1);
      const thickness = Math.log(u / (1 - u)) / 1.702;
      room -= growNeurite(balls, kinds.length, kind, geometry, period, random, thickness, room);
      kinds.push(index);
    }
  });
  return { balls, kinds };
}
