export type { NextDoor, RepairOptions } from './partners.ts';
export { REPAIR_DEFAULTS, type Repaired, repair } from './repair.ts';
