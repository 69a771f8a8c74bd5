import { useEffect, useState } from 'preact/hooks';
import { formatBytes } from '../../../src/gpu/bytes.ts';
import { DEMO, engine, gpu, loadModel, model, modelLoading, modelProgress, unloadModel } from '../../app/engine.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Empty } from '../../ui/messages.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Tooltip } from '../../ui/tooltip.tsx';

const BUFFERS = 'All buffers';
const BUFFERS_ARE =
  'The weights, and what training and generating hold or keep for the next time. Unloading frees all.';
/** Work of other views changes what is allocated. */
const REFRESH_MS = 2000;

/** What is on the GPU now. */
export function LoadedModel() {
  const info = model.value;
  const loading = modelLoading.value;
  const allocated = useAllocated();
  if (loading !== undefined) {
    const { done = 0, total } = modelProgress.value ?? {};
    return (
      <Card title="On the GPU" busy>
        <Progress label={`Loading ${loading}`} done={done} total={total} unit="bytes" />
      </Card>
    );
  }
  if (!info) {
    return (
      <Card title="On the GPU">
        <Empty
          action={
            <Button kind="primary" disabled={gpu.value.state !== 'ready'} onClick={() => void loadModel(DEMO)}>
              Load the demonstration model
            </Button>
          }
        >
          No model{allocated !== undefined && `, ${formatBytes(allocated)} allocated`}. Choose one below, or go back to
          the one that this page brings.
        </Empty>
      </Card>
    );
  }
  const facts: readonly (readonly [string, string])[] = [
    ['Layers', `${info.layers}, each gets one vector`],
    ['Hidden size', `${info.hiddenSize.toLocaleString('en')} numbers a vector`],
    ['Heads', `${info.heads} a layer`],
    ['Vocabulary', `${info.vocabSize.toLocaleString('en')} tokens`],
    ['Context', `${info.maxPositions.toLocaleString('en')} tokens`],
    ['Chat template', info.hasChatTemplate ? 'yes' : 'none: it completes text'],
    ['Weights', `${formatBytes(info.bytes)} on the GPU`],
    [BUFFERS, allocated === undefined ? '…' : `${formatBytes(allocated)} on the GPU`],
  ];
  return (
    <Card
      title={info.name}
      actions={
        <Button small onClick={() => void unloadModel()}>
          Unload
        </Button>
      }
    >
      <dl class="facts models-facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name === BUFFERS ? <Tooltip text={BUFFERS_ARE}>{name}</Tooltip> : name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

/** Bytes of all buffers on the GPU, while somebody looks. */
function useAllocated(): number | undefined {
  const [bytes, setBytes] = useState<number>();
  const state = gpu.value.state;
  const { value: loaded } = model;
  useEffect(() => {
    if (state !== 'ready') return setBytes(undefined);
    let asking = false;
    const ask = async () => {
      if (asking) return;
      asking = true;
      setBytes((await engine().session.memory()).allocated);
      asking = false;
    };
    void ask();
    const timer = setInterval(ask, REFRESH_MS);
    return () => clearInterval(timer);
  }, [state, loaded]);
  return bytes;
}
