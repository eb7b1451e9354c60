/**
 * Keeps compiled code. V8 drops the machine code of a method, and compiles it again, once a full garbage collection
 * finds no object of its class; the pipeline makes such objects anew for every section, and lets go of large arrays in
 * between, so that such collections are frequent. One small object a class that is never let go prevents it.
 */
const KEPT: object[] = [];

/** @param object one of the class, as its users make it */
export function keepCompiled(object: object): void {
  KEPT.push(object);
}
