// Runs within `npm pack`: the library's type declarations, with specifiers that resolve outside of this repository.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'dist/types');
rmSync(out, { recursive: true, force: true });
const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
const tsc = join(dirname(typescript), JSON.parse(readFileSync(typescript, 'utf8')).bin.tsc);
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.types.json'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

for (const name of readdirSync(out, { recursive: true })) {
  if (!name.endsWith('.d.ts')) continue;
  const file = join(out, name);
  const platform = `./${relative(dirname(file), join(out, 'gpu/platform.node.js'))}`.replaceAll('\\', '/');
  const text = readFileSync(file, 'utf8')
    .replaceAll("'#platform'", `'${platform}'`)
    .replace(/(from |import\()'(\.[^']*)\.ts'/g, "$1'$2.js'");
  // What the declarations name besides, and a project may not know by itself.
  const known = '/// <reference lib="dom" />\n/// <reference lib="esnext.disposable" />\n';
  writeFileSync(file, /^index/.test(name) ? known + text : text);
}
