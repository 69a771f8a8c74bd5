import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configFields } from '../../src/train/config.ts';

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

it('docs/api lists every field of the training configuration, checked and as it is given', () => {
  const listed = (type: string) => {
    const [, section = ''] = text('docs/api/README.md').split(`### ${type}\n`);
    const rows = (section.split('\n***\n')[0] as string)
      .replaceAll('\\_', '_')
      .matchAll(/^\| <a[^>]*><\/a> `(\w+)\??` \|/gm);
    return [...rows].map(([, name]) => name).sort();
  };
  const fields = configFields().map(({ name }) => name as string);
  expect(listed('TrainConfig')).toEqual(fields.sort());
  expect(listed('TrainConfigInput')).toEqual(fields);
});
