/** Units of length as file formats spell them, in nm. */
const nmPer: Readonly<Record<string, number>> = {
  angstrom: 0.1,
  Å: 0.1,
  nanometer: 1,
  nanometre: 1,
  nm: 1,
  micrometer: 1e3,
  micrometre: 1e3,
  micron: 1e3,
  microns: 1e3,
  um: 1e3,
  µm: 1e3, // micro sign
  μm: 1e3, // Greek mu
  millimeter: 1e6,
  millimetre: 1e6,
  mm: 1e6,
  centimeter: 1e7,
  centimetre: 1e7,
  cm: 1e7,
  inch: 2.54e7,
  meter: 1e9,
  metre: 1e9,
  m: 1e9,
};

/** nm in one `unit`; undefined for a unit that is not a length ("pixel"). */
export function nmPerUnit(unit: string): number | undefined {
  const name = unit.trim();
  return nmPer[name] ?? nmPer[name.toLowerCase()];
}

/** Pixels larger than this are a printer's or a screen's resolution, not a microscope's. */
const largestPixelNm = 20_000;

/** `nm` where it can be the pixel size of a micrograph, else undefined. */
export function plausiblePixelNm(nm: number): number | undefined {
  return Number.isFinite(nm) && nm > 0 && nm < largestPixelNm ? nm : undefined;
}

/** Rounds away the noise that storing 1/size as a fraction leaves (4.600000000037 -> 4.6). */
export function tidyNm(nm: number): number {
  return Number(nm.toPrecision(7));
}
