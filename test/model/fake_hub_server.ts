import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FakeHub } from './fake_hub.ts';

export interface ServedHub {
  readonly address: string;
  close(): void;
}

/** Serves the hub on a free port of this machine. A connection that is to break is cut after its bytes. */
export async function serveHub(hub: FakeHub): Promise<ServedHub> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url as string, 'http://hub');
    const headers = new Headers(request.headers as Record<string, string>);
    const { status, headers: answered, body, breakAt } = await hub.answer(url, headers);
    response.writeHead(status, answered);
    if (breakAt === undefined) response.end(body);
    else response.write(body.subarray(0, breakAt), () => setTimeout(() => response.destroy(), 20));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
