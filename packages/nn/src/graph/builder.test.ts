import { describe, expect, it } from 'vitest';
import { tensorsOf } from '../onnx/proto.ts';
import { GraphBuilder } from './builder.ts';

describe('constants by name', () => {
  it('are found by it, and have it to themselves', () => {
    const graph = new GraphBuilder('g');
    const values = Float32Array.of(1.5, -2);
    graph.output('y', graph.stored('a.weight', values, [2], 'float16'));
    expect(tensorsOf(graph.encode()).get('a.weight')).toMatchObject({ dtype: 'float16', shape: [2] });
    expect(() => graph.stored('a.weight', values, [2], 'float32')).toThrow(/two constants a.weight/);
  });
});
