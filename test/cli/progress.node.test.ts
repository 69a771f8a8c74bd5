import { describe, expect, it } from 'vitest';
import { displayWidth, table } from '../../src/cli/output.ts';
import { bar, Progress, sparkline } from '../../src/cli/progress.ts';

function screen(isTTY: boolean, columns = 120) {
  const written: string[] = [];
  let time = 0;
  return {
    written,
    stream: { isTTY, columns, write: (text: string) => written.push(text) },
    now: () => time,
    wait: (seconds: number) => {
      time += seconds;
    },
  };
}

describe('sparkline', () => {
  it('spans the lowest to the highest value', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([-1, 1])).toBe('▁█');
  });

  it('averages a long history down to its width and draws a flat one flat', () => {
    expect([...sparkline(Array.from({ length: 1000 }, (_, i) => i))]).toHaveLength(24);
    expect(sparkline([2, 2, 2])).toBe('▄▄▄');
    expect(sparkline([])).toBe('');
    expect(sparkline([Number.NaN, 1])).toBe('▄');
  });
});

describe('bar', () => {
  it('keeps its width at every share', () => {
    for (let share = -0.1; share < 1.2; share += 0.013) expect([...bar(share, 10)]).toHaveLength(10);
    expect(bar(0.5, 4)).toBe('██  ');
    expect(bar(1, 4)).toBe('████');
    expect(bar(0.125, 1)).toBe('▏');
  });
});

describe('Progress', () => {
  it('draws over one line on a terminal, with time left and rewards', () => {
    const { written, stream, now, wait } = screen(true);
    const progress = new Progress({ label: 'train', total: 10, stream, now });
    wait(2);
    progress.update(1, { series: [-0.5] });
    wait(2);
    progress.update(2, { series: [-0.5, 0.5], text: '300 tok/s' });
    expect(written.at(-1)).toBe(`\rtrain  2/10 ▕████                ▏  16 s left  ▁█  300 tok/s\x1b[K`);
    wait(1);
    progress.tick('rollout 3/64');
    expect(written.at(-1)).toContain('2/10');
    expect(written.at(-1)).toContain('rollout 3/64');
    progress.finish();
    progress.finish();
    progress.update(3);
    progress.tick('late');
    expect(written.at(-1)).toBe('\n');
  });

  it('writes a line above the bar and draws the bar again', () => {
    const { written, stream, now } = screen(true);
    const progress = new Progress({ label: 'train', total: 10, stream, now });
    const [bar = ''] = written;
    progress.log('saved a checkpoint');
    expect(written.slice(1)).toEqual(['\r\x1b[K', 'saved a checkpoint\n', bar]);
  });

  it('never writes past the right edge of the terminal', () => {
    const { written, stream, now } = screen(true, 30);
    new Progress({ label: 'a label that is longer than the terminal', total: 10, stream, now });
    expect([...(written[0] as string).replace('\r', '').replace('\x1b[K', '')].length).toBeLessThan(30);
  });

  it('writes a plain line every few seconds where there is no terminal', () => {
    const { written, stream, now, wait } = screen(false);
    const progress = new Progress({ label: 'train', total: 100, stream, now });
    for (let step = 1; step <= 100; step += 1) {
      wait(0.5);
      progress.update(step);
    }
    progress.finish();
    expect(written.length).toBeGreaterThan(8);
    expect(written.length).toBeLessThan(14);
    for (const sign of ['\r', '\x1b', '█']) expect(written.join('')).not.toContain(sign);
    expect(written.at(-1)).toBe('train 100/100 100 %  50 s\n');
  });

  it('takes the time left from the latest steps and from where a resumed run began', () => {
    const { written, stream, now, wait } = screen(true);
    const progress = new Progress({ label: 'train', total: 100, start: 90, stream, now });
    wait(10);
    progress.update(91);
    expect(written.at(-1)).toContain('1 min 30 s left');
  });
});

describe('output', () => {
  it('aligns numbers to the right and wide characters by their columns', () => {
    expect(
      table(
        ['name', 'ms'],
        [
          ['gemm', '1.25'],
          ['日本', 10],
        ],
      ),
    ).toBe('name    ms\n────  ────\ngemm  1.25\n日本    10');
    expect(displayWidth('\x1b[31mré\x1b[0m')).toBe(2);
    expect(table(['a'], [])).toBe('a\n─');
  });
});
