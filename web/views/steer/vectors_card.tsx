import { model } from '../../app/engine.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { FileButton } from '../../ui/file_button.tsx';
import { Problem } from '../../ui/messages.tsx';
import { notice, vectors } from './state.ts';
import { closeVectors, doubtful, fileProblem, openVectors, saveVectors } from './vectors_file.ts';

/** Which vectors are added, where they come from, and how to keep them. */
export function VectorsCard() {
  const info = vectors.value;
  return (
    <Card title="Vectors" class="steer-vectors">
      {info ? (
        <p class="steer-source">
          <b>{info.name}</b>
          <small>
            {info.layers} layers of {info.hiddenSize} numbers, {info.fromFile ? 'from a file' : 'from training here'}
          </small>
        </p>
      ) : (
        <p class="card-sub">None yet. Training makes them; a file of them from elsewhere works too.</p>
      )}
      {info?.warning && <p class="note">{info.warning}</p>}
      {notice.value && (
        <p class="note" role="status">
          {notice.value}
        </p>
      )}
      <Problem message={fileProblem.value} />
      {doubtful.value && <Doubtful />}
      <div class="row">
        <FileButton
          small
          accept=".safetensors"
          disabled={!model.value}
          onFiles={([file]) => {
            if (file) void openVectors(file);
          }}
        >
          Open a file…
        </FileButton>
        {info && (
          <>
            <Button small onClick={() => void saveVectors(false)}>
              Save
            </Button>
            <Button
              small
              title="Strength and layer factors multiplied into the numbers"
              onClick={() => void saveVectors(true)}
            >
              Save as adjusted
            </Button>
          </>
        )}
        {info?.fromFile && (
          <Button small onClick={() => void closeVectors()}>
            Put away
          </Button>
        )}
      </div>
    </Card>
  );
}

function Doubtful() {
  const asked = doubtful.value;
  if (!asked) return null;
  return (
    <div class="note stack" role="alert">
      <p>{asked.why}</p>
      <div class="row">
        <Button small onClick={() => void openVectors(asked.file, true)}>
          Use them anyway
        </Button>
        <Button
          small
          onClick={() => {
            doubtful.value = undefined;
          }}
        >
          Leave them
        </Button>
      </div>
    </div>
  );
}
