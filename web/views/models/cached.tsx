import { useEffect } from 'preact/hooks';
import { formatBytes } from '../../../src/gpu/bytes.ts';
import { gpu, hubModel, loadModel, modelLoading } from '../../app/engine.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Empty, Problem } from '../../ui/messages.tsx';
import { Table } from '../../ui/table.tsx';
import type { CachedRepository } from '../../worker/models.ts';
import { cached, download, fetchModel, makePersistent, refresh, remove, storage, storageProblem } from './downloads.ts';

/** What of the Hub this browser keeps, and the room that it has. */
export function Cached() {
  const ready = gpu.value.state !== 'waiting';
  useEffect(() => {
    if (ready) void refresh();
  }, [ready]);
  const room = storage.value;
  return (
    <Card
      title="Kept in this browser"
      sub={
        room && (
          <>
            This page uses {formatBytes(room.usage)} of the {formatBytes(room.quota)} that the browser gives it, models
            and runs together.{' '}
            {room.persisted
              ? 'The browser keeps them until you remove them.'
              : 'When the disk gets full, the browser may remove them.'}
          </>
        )
      }
    >
      <Problem message={storageProblem.value} />
      {cached.value?.length ? (
        <Table
          caption="Models kept in this browser"
          quiet
          columns={[
            { head: 'Model', cell: ({ name }) => name },
            { head: 'Size', number: true, cell: sizeOf },
            { head: 'What to do with it', quiet: true, number: true, cell: (kept) => <Actions kept={kept} /> },
          ]}
          rows={cached.value}
          id={({ repo }) => repo}
        />
      ) : (
        <Empty>Nothing yet. A model that you fetch from the Hub stays here, until you delete it.</Empty>
      )}
      {room && !room.persisted && (
        <div>
          <Button small onClick={() => void makePersistent()}>
            Keep it when the disk gets full
          </Button>
        </div>
      )}
    </Card>
  );
}

const sizeOf = ({ bytes, whole }: CachedRepository) => `${formatBytes(bytes)}${whole ? '' : ' so far'}`;

function Actions({ kept: { name, repo, whole, models } }: { kept: CachedRepository }) {
  const busy = modelLoading.value !== undefined || download.value?.state === 'going';
  return (
    <div class="row models-actions">
      {models.map((each) => (
        <Button
          key={each}
          small
          disabled={busy}
          aria-label={`${whole ? 'Load' : 'Resume'} ${each}`}
          onClick={() => void (whole ? loadModel(hubModel(each)) : fetchModel(each))}
        >
          {whole ? 'Load' : 'Resume'}
          {models.length > 1 && ` ${each.slice(name.length + 1)}`}
        </Button>
      ))}
      <Button small kind="danger" aria-label={`Delete ${name}`} onClick={() => void remove(repo)}>
        Delete
      </Button>
    </div>
  );
}
