#!/usr/bin/env node
import { existsSync } from 'node:fs';

const cli = new URL('../dist/cli.js', import.meta.url);
if (!existsSync(cli)) {
  process.stderr.write('error: trimtab is not built: run `npm ci` (or `npm run build`) in its folder\n');
  process.exit(2);
}
await import(cli.href);
