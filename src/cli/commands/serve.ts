import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { UserError } from '../../gpu/errors.ts';
import { defineCommand } from '../command.ts';
import { integer } from '../options.ts';
import { packageRoot } from '../package_root.ts';
import { staticServer } from '../static_server.ts';

export { HEADERS } from '../page_policy.ts';

/** What opens an address in the user's browser, by `process.platform`; the last is for every other system. */
const OPENERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
  other: ['xdg-open'],
};

export const command = defineCommand<{ port: number; open?: boolean }>({
  examples: [
    ['trimtab serve --open', 'the app, in your browser'],
    ['trimtab serve', 'the app on http://127.0.0.1:8137, for browsers on this machine only'],
    ['trimtab serve --port 0 --json', 'on any free port; prints {"url": ...}'],
  ],
  configure(command) {
    command
      .option('--port <number>', 'TCP port, 0 for any free one', integer({ min: 0, max: 65535 }), 8137)
      .option('--open', 'open it in the browser');
  },
  async run(context, options) {
    const app = join(packageRoot(), 'dist/web');
    if (!existsSync(join(app, 'index.html')))
      throw new UserError(`${app} has no app in it: run \`npm run build\` first`);
    const server = staticServer(app);
    const url = await listening(server, options.port);
    context.print(`trimtab is at ${url} for browsers on this machine (Ctrl-C ends it).`);
    context.print(
      'It needs WebGPU: Chrome or Edge 113 and later, Safari 26; `trimtab doctor` says what this GPU can do.',
    );
    context.printJson({ url });
    if (options.open) openInBrowser(url, (line) => context.note(line));
    const { signal } = context;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    server.close();
    server.closeAllConnections();
  },
});

/** @returns its address. @throws UserError where the port is not to be had */
async function listening(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${error.message})`;
      reject(new UserError(`Port ${port} ${reason}: give another one with --port, or --port 0 for any free one`));
    });
    server.listen(port, '127.0.0.1');
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : port}/`;
}

function openInBrowser(url: string, note: (line: string) => void): void {
  const [program, ...args] = OPENERS[process.platform] ?? (OPENERS.other as readonly [string]);
  const failed = () => note(`No browser could be opened with ${program}: open ${url} yourself.`);
  const opener = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
  opener.once('error', failed);
  opener.once('exit', (code) => code !== 0 && failed());
  opener.unref();
}
