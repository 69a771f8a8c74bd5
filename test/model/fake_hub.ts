/** What the Hub answers, as far as it is asked: information, listing, files with ranges, refusals, broken connections. */
export interface FakeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Where the connection breaks, in bytes of the body. */
  readonly breakAt?: number;
}

export interface FakeRepository {
  readonly type?: 'model' | 'dataset';
  readonly name: string;
  readonly commit: string;
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Needs this token. */
  readonly token?: string;
}

const hex = (bytes: ArrayBuffer) =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const bytesOf = (content: string | Uint8Array) =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;
/** Files from this size on are stored as large ones (LFS), whose ETag is their SHA-256. */
const LARGE = 1000;

export class FakeHub {
  /** Every request, as `GET /path` and the range that it asked for. */
  readonly requests: string[] = [];
  readonly tokens: (string | undefined)[] = [];
  /** For each request of a file: where its connection breaks. Used up from the front. */
  readonly breaks: (number | undefined)[] = [];
  /** False: a server that sends everything whatever the range. */
  ranges = true;
  readonly #repositories: readonly FakeRepository[];

  constructor(...repositories: FakeRepository[]) {
    this.#repositories = repositories;
  }

  async answer(url: URL, headers: Headers): Promise<FakeAnswer> {
    const range = headers.get('range') ?? undefined;
    this.requests.push([decodeURIComponent(url.pathname), range].filter(Boolean).join(' '));
    const token = headers.get('authorization')?.replace('Bearer ', '');
    this.tokens.push(token);
    for (const repository of this.#repositories) {
      const { type = 'model', name, commit } = repository;
      const [, api, rest] =
        new RegExp(
          `^/(api/)?${type === 'dataset' || url.pathname.startsWith('/api') ? `${type}s/` : ''}${name}/(.*)$`,
        ).exec(decodeURIComponent(url.pathname)) ?? [];
      if (rest === undefined) continue;
      if (repository.token !== undefined && token !== repository.token) break;
      const [what, ...path] = rest.split('/');
      if (what === 'revision') {
        if (path.join('/') !== 'main' && path[0] !== commit) return refuse(404, { 'x-error-code': 'RevisionNotFound' });
        return json({ _id: '1', id: name, sha: commit, lastModified: '2025-01-01', private: false, gated: false });
      }
      if (what === 'tree') return json(await this.#tree(repository, path.slice(1).join('/'), url));
      const content = repository.files[path.slice(1).join('/')];
      if (api || what !== 'resolve' || content === undefined) return refuse(404, { 'x-error-code': 'EntryNotFound' });
      return this.#file(bytesOf(content), range);
    }
    return refuse(401, { 'x-error-code': 'RepoNotFound' });
  }

  async #tree({ files }: FakeRepository, within: string, url: URL): Promise<object[]> {
    const recursive = url.searchParams.get('recursive') === 'true';
    const paths = Object.keys(files).filter((path) => recursive || path.split('/').slice(0, -1).join('/') === within);
    return Promise.all(
      paths.map(async (path) => {
        const content = bytesOf(files[path] as string) as Uint8Array<ArrayBuffer>;
        const head = new TextEncoder().encode(`blob ${content.length}\0`);
        const oid = hex(await crypto.subtle.digest('SHA-1', await new Blob([head, content]).arrayBuffer()));
        const lfs = {
          oid: hex(await crypto.subtle.digest('SHA-256', content)),
          size: content.length,
          pointerSize: 130,
        };
        return { type: 'file', path, size: content.length, oid, ...(content.length >= LARGE && { lfs }) };
      }),
    );
  }

  #file(content: Uint8Array, range: string | undefined): FakeAnswer {
    const breakAt = this.breaks.shift();
    const start = this.ranges ? Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0) : 0;
    const body = content.subarray(start);
    return {
      status: start > 0 ? 206 : 200,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(body.length),
        ...(start > 0 && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
      },
      body,
      ...(breakAt !== undefined && { breakAt }),
    };
  }
}

function json(value: unknown): FakeAnswer {
  const body = new TextEncoder().encode(JSON.stringify(value));
  return { status: 200, headers: { 'content-type': 'application/json' }, body };
}

function refuse(status: number, headers: Record<string, string>): FakeAnswer {
  return { status, headers, body: new TextEncoder().encode('no') };
}
