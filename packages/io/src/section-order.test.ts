import { describe, expect, it } from 'vitest';
import { compareNatural, orderSections } from './section-order.ts';

describe('orderSections', () => {
  it('orders by number, not by text', () => {
    expect(orderSections(['z10.png', 'z9.png', 'z100.png', 'z11.png']).names).toEqual([
      'z9.png',
      'z10.png',
      'z11.png',
      'z100.png',
    ]);
  });

  it('takes the number that varies', () => {
    const order = orderSections(['w2_s001_of_5.tif', 'w2_s002_of_5.tif', 'w2_s004_of_5.tif']);
    expect(order.positions).toEqual([0, 1, 3]);
    expect(order.notes[0]).toContain('3');
  });

  it('names runs of missing sections', () => {
    expect(orderSections(['1.png', '2.png', '7.png', '9.png']).notes[0]).toMatch(/: 3-6, 8$/);
  });

  it('takes equal steps as numbering', () => {
    const order = orderSections(['0.png', '4.png', '8.png']);
    expect(order.positions).toBeUndefined();
    expect(order.notes).toEqual(['file numbers go up by 4: taken as neighbouring sections']);
    expect(orderSections(['10.png', '13.png']).positions).toEqual([0, 3]);
  });

  it('finds gaps in numbers that go up by more than one', () => {
    const order = orderSections(['10.png', '20.png', '30.png', '50.png', '60.png']);
    expect(order.positions).toEqual([0, 1, 2, 4, 5]);
    expect(order.notes.join()).toMatch(/up by 10: .*missing sections .*: 40$/);
    expect(orderSections(['10.png', '20.png', '40.png', '80.png']).positions).toEqual([0, 10, 30, 70]);
  });

  it('falls back on the names where numbers do not tell', () => {
    for (const names of [
      ['a.png', 'b.png'],
      ['a1_b1.png', 'a2_b2.png'],
      ['1.png', '01.png'],
      ['x1.png', 'y2.png'],
    ]) {
      const order = orderSections(names);
      expect(order.positions).toBeUndefined();
      expect(order.notes).toHaveLength(1);
    }
  });

  it('has nothing to say of one file', () => {
    expect(orderSections(['5.png'])).toEqual({ names: ['5.png'], positions: undefined, notes: [] });
  });
});

describe('compareNatural', () => {
  it('is a total order', () => {
    const names = ['a', 'a1', 'a01', 'a1b', 'a2', 'A1', '1', '01', ''];
    for (const a of names) {
      for (const b of names) {
        expect(Math.sign(compareNatural(a, b))).toBe(-Math.sign(compareNatural(b, a)) + 0);
        expect(compareNatural(a, b) === 0).toBe(a === b);
      }
    }
  });
});
