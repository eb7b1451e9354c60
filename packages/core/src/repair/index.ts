export { type NextDoor, REPAIR_DEFAULTS, type Repaired, type RepairOptions, repair } from './repair.ts';
