/**
 * Reverse-mode differentiation on the graph: walks the tape backwards from a scalar and lets every entry's rule
 * append the nodes that compute the gradients of its inputs; contributions to one value are added up.
 */
import type { GraphBuilder, Value } from './builder.ts';

/**
 * Writes the nodes for d(loss)/d(each of `wrt`) into the graph.
 * @param loss a scalar (shape `[]`).
 * @throws RangeError if the loss does not depend on one of `wrt`.
 */
export function gradients(graph: GraphBuilder, loss: Value, wrt: readonly Value[]): Value[] {
  const wanted = new Set(wrt.map((value) => value.name));
  const depends = new Set(wanted);
  for (const entry of graph.tape) {
    if (entry.inputs.some((input) => depends.has(input.name))) depends.add(entry.output.name);
  }
  const gradient = new Map<string, Value>([[loss.name, graph.scalar(1)]]);
  for (const entry of [...graph.tape].reverse()) {
    const flowing = gradient.get(entry.output.name);
    if (!flowing) continue;
    const needed = entry.inputs.map((input) => depends.has(input.name));
    if (!needed.some(Boolean)) continue;
    const contributions = entry.backward(flowing, needed);
    entry.inputs.forEach((input, i) => {
      const contribution = contributions[i];
      if (!contribution || !needed[i]) return;
      const sum = gradient.get(input.name);
      gradient.set(input.name, sum ? graph.binary('Add', sum, contribution) : contribution);
    });
    if (!wanted.has(entry.output.name)) gradient.delete(entry.output.name);
  }
  return wrt.map((value) => {
    const found = gradient.get(value.name);
    if (!found) throw new RangeError(`the loss does not depend on ${value.name}`);
    return found;
  });
}
