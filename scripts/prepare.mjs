// Runs at the end of `npm ci`: builds, and makes `npx trimtab` find this package's own command.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

let vite;
try {
  vite = join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js');
} catch {
  console.warn('trimtab is not built, because vite is not installed (npm ci --omit=dev).');
  process.exit(0);
}
const { status } = spawnSync(process.execPath, [vite, 'build', '--app'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// Whoever installs the package gets types; the build before this has emptied dist/.
if (['pack', 'publish'].includes(process.env.npm_command)) await import('./types.mjs');

if (process.platform !== 'win32') {
  const bin = join(root, 'node_modules/.bin');
  mkdirSync(bin, { recursive: true });
  rmSync(join(bin, 'trimtab'), { force: true });
  symlinkSync('../../bin/trimtab.js', join(bin, 'trimtab'));
}
