import { expect, it } from 'vitest';
import { browserCache } from '../../src/gpu/cache.browser.ts';

it('keeps texts in the private file system of the origin', async () => {
  const cache = browserCache(`cache-${crypto.randomUUID()}`);
  expect(await cache.read('tuning-0.json')).toBeUndefined();
  await cache.write('tuning-0.json', 'longer than the next');
  await cache.write('tuning-0.json', 'short');
  expect(await cache.read('tuning-0.json')).toBe('short');
});
