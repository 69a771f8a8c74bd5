import { useMemo, useState } from 'preact/hooks';
import type { LensReading, LensToken } from '../../../src/eval/lens.ts';
import { inWords, model } from '../../app/engine.ts';
import { go } from '../../app/routes.ts';
import { openVectors } from '../../app/vectors.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Choice } from '../../ui/fields.tsx';
import { FileButton } from '../../ui/file_button.tsx';
import { Heatmap } from '../../ui/heatmap.tsx';
import { Empty, Problem } from '../../ui/messages.tsx';
import { inline } from '../../ui/token_text.ts';
import type { VectorsReading } from '../../worker/inspection_types.ts';
import { refreshVectors, stamp, vectorsProblem, vectorsReading } from './state.ts';

/** What the vectors say by themselves, and how they lie to each other. */
export function VectorsTab() {
  const found = vectorsReading.value;
  return (
    <>
      <Problem message={vectorsProblem.value} />
      {found ? (
        <>
          <VectorMap found={found} />
          <VectorTokens found={found} />
          <VectorGeometry found={found} />
        </>
      ) : (
        stamp.value === undefined && <NoVectors />
      )}
    </>
  );
}

function NoVectors() {
  const [problem, setProblem] = useState<string>();
  const [doubtful, setDoubtful] = useState<File>();
  const open = async (file: File, anyway = false) => {
    setProblem(undefined);
    setDoubtful(undefined);
    try {
      const opened = await openVectors(file, anyway);
      if (opened.state === 'differs') {
        setProblem(opened.why);
        setDoubtful(file);
      }
      await refreshVectors();
    } catch (error) {
      setProblem(inWords(error));
    }
  };
  return (
    <>
      <Empty
        action={
          <div class="row">
            <Button kind="primary" onClick={() => go('train')}>
              Train vectors
            </Button>
            <FileButton accept=".safetensors" disabled={!model.value} onFiles={([file]) => file && void open(file)}>
              Open a file
            </FileButton>
          </div>
        }
      >
        There are no steering vectors yet. A run under Train makes them step by step, and they can be watched here while
        it goes on; steering.safetensors of an earlier run does as well. Prompt and Attention need none.
      </Empty>
      <Problem
        message={problem}
        action={doubtful && <Button onClick={() => void open(doubtful, true)}>Use them anyway</Button>}
      />
    </>
  );
}

function VectorMap({ found: { name, lens } }: { readonly found: VectorsReading }) {
  const { tokens, cosines } = lens.map;
  const rows = useMemo(() => cosines.map((_, l) => `layer ${l}`), [cosines]);
  const columns = useMemo(() => tokens.map(({ token }) => inline(token)), [tokens]);
  const values = useMemo(() => Float32Array.from(cosines.flat()), [cosines]);
  const range = useMemo(() => rangeOf(values), [values]);
  return (
    <Card
      title="The tokens that the vectors point to"
      sub={`How nearly each layer’s vector of ${name} points the way that makes a token likelier: its cosine with the token’s unembedding, for the tokens that stand nearest to some layer.`}
    >
      {tokens.length === 0 ? (
        <p class="sub">All vectors are zero, as they are before the first step: they point nowhere.</p>
      ) : (
        <Heatmap
          title="Logit lens of the vectors: layers by tokens"
          rows={rows}
          columns={columns}
          rowsAre="Layer"
          columnsAre="token"
          values={values}
          range={range}
          unit="cosine"
          format={signed}
          width={[24, 46]}
          height={24}
        />
      )}
    </Card>
  );
}

const VIEWS = { raw: 'As they are', final_norm: 'Final norm applied' } as const;
const SCORES = { dot: 'Dot product', cosine: 'Cosine' } as const;

function VectorTokens({ found: { lens } }: { readonly found: VectorsReading }) {
  const [view, setView] = useState<keyof typeof VIEWS>('raw');
  const [score, setScore] = useState<keyof typeof SCORES>('dot');
  const longest = lens.layers.reduce((most, { norm }) => Math.max(most, norm), 0);
  return (
    <Card
      title="Layer by layer"
      sub="How long each vector is, and the tokens that it makes likelier and less likely on the straight way to the output."
      actions={
        <>
          <Choice label="Vectors" quiet value={view} options={VIEWS} onChange={setView} />
          <Choice label="Order" quiet value={score} options={SCORES} onChange={setScore} />
        </>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="scroll" aria-label="Tokens of each layer" tabIndex={0}>
        <table class="inside-layers">
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">Length</th>
              <th scope="col">Towards</th>
              <th scope="col">Away from</th>
            </tr>
          </thead>
          <tbody>
            {lens.layers.map((layer) => (
              <LayerRow key={layer.layer} layer={layer} list={layer[view][score]} longest={longest} />
            ))}
          </tbody>
        </table>
      </section>
    </Card>
  );
}

interface LayerRowProps {
  readonly layer: LensReading;
  readonly list: LensReading['raw']['dot'];
  readonly longest: number;
}

function LayerRow({ layer: { layer, norm }, list, longest }: LayerRowProps) {
  return (
    <tr>
      <th scope="row">{layer}</th>
      <td class="inside-norm">
        <i style={{ width: `${longest > 0 ? (64 * norm) / longest : 0}px` }} />
        {norm.toFixed(2)}
      </td>
      <td>
        {list.top.length === 0 ? '–' : list.top.map((token) => <Chip key={token.id} token={token} of={list.top} />)}
      </td>
      <td>
        {list.bottom.length === 0
          ? '–'
          : list.bottom.map((token) => <Chip key={token.id} token={token} of={list.bottom} />)}
      </td>
    </tr>
  );
}

function Chip({ token, of }: { readonly token: LensToken; readonly of: readonly LensToken[] }) {
  const strength = Math.abs(token.score) / Math.max(1e-9, Math.abs(of[0]?.score ?? 0));
  return (
    <span
      class="inside-chip"
      data-sign={token.score < 0 ? 'less' : 'more'}
      style={{ '--weight': `${Math.round(4 + 26 * Math.min(1, strength) ** 2)}%` }}
      title={signed(token.score)}
    >
      {inline(token.token)}
    </span>
  );
}

function VectorGeometry({ found: { geometry } }: { readonly found: VectorsReading }) {
  const { cosines, stable_rank } = geometry;
  const names = useMemo(() => cosines.map((_, l) => String(l)), [cosines]);
  const values = useMemo(() => Float32Array.from(cosines.flat()), [cosines]);
  return (
    <Card
      title="How the vectors lie to each other"
      sub={`Cosine of each pair of layers. Stable rank, in about how many directions they go: ${stable_rank.toFixed(2)}; 1 where all lie on one line, at most ${names.length}.`}
    >
      <Heatmap
        title="Cosines between the vectors of the layers"
        rows={names}
        columns={names}
        rowsAre="Layer"
        columnsAre="layer"
        values={values}
        range={WHOLE}
        unit="cosine"
        format={signed}
        width={[8, 34]}
        describe={(row, column) =>
          `Layer ${row} and layer ${column}: ${signed(values[row * names.length + column] as number)}`
        }
      />
    </Card>
  );
}

const WHOLE = { kind: 'diverging', most: 1 } as const;

function rangeOf(values: Float32Array) {
  const most = values.reduce((top, x) => Math.max(top, Math.abs(x)), 1e-6);
  return { kind: 'diverging', most } as const;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : ''}${Math.abs(value).toFixed(2)}`;
}
