import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('docs/api describes every name that the library exports, and no other (npm run docs makes it)', () => {
  const lists = text('src/index.ts').matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  const exported = [...lists].flatMap(([, names = '']) =>
    names
      .split(',')
      .map((name) => name.replace('type ', '').trim())
      .filter(Boolean),
  );
  const headings = text('docs/api/README.md')
    .replaceAll('\\_', '_')
    .matchAll(/^### (\w+)/gm);
  const described = [...headings].map(([, name]) => name).filter((name) => name !== 'folderStore');
  expect(exported.length).toBeGreaterThan(40);
  expect(described.sort()).toEqual(exported.sort());
});
