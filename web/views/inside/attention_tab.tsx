import { useMemo } from 'preact/hooks';
import { model } from '../../app/engine.ts';
import { Card } from '../../ui/card.tsx';
import { Slider } from '../../ui/fields.tsx';
import { Heatmap } from '../../ui/heatmap.tsx';
import type { ColourRange } from '../../ui/heatmap_paint.ts';
import { ATTENTION_TOKENS, type AttentionReading } from '../../worker/inspection_types.ts';
import { inline } from '../steer/token_text.ts';
import { headMap } from './attention_values.ts';
import { HeadThumbnails } from './head_thumbnails.tsx';
import { PromptForm } from './prompt_form.tsx';
import { SideChoice } from './side_choice.tsx';
import { attention, head, layer, readAttention, side } from './state.ts';

/** Which tokens each token looks at, in one layer. */
export function AttentionTab() {
  const found = attention.value;
  return (
    <>
      <Card
        title="Which tokens does each token look at?"
        sub="The attention of one layer: every row is a token that reads, every column one that it may read, itself and those before it. A row adds up to 100 %."
      >
        <PromptForm what="attention" most={ATTENTION_TOKENS} onRead={() => void readAttention()} />
      </Card>
      {found && <AttentionMaps base={found.base} {...(found.steered && { steered: found.steered })} />}
    </>
  );
}

interface Sides {
  readonly base: AttentionReading;
  readonly steered?: AttentionReading;
}

function AttentionMaps({ base, steered }: Sides) {
  const shown = steered ? side.value : 'base';
  const { tokens, heads } = base;
  const t = tokens.length;
  const names = useMemo(() => tokens.map(({ text }) => inline(text)), [tokens]);
  const maps = useMemo(() => {
    const of = (reading: AttentionReading, which: number | undefined) => headMap(reading.weights, heads, t, which);
    const one = (which: number | undefined) => {
      if (shown === 'base' || !steered) return of(base, which);
      const with_ = of(steered, which);
      if (shown === 'steered') return with_;
      const without = of(base, which);
      return with_.map((weight, i) => weight - (without[i] as number));
    };
    return { mean: one(undefined), heads: Array.from({ length: heads }, (_, h) => one(h)) };
  }, [base, steered, shown]);
  const range = useMemo((): ColourRange => {
    // The root shows what is small: most weights are, beside the one that goes to the first token.
    if (shown !== 'difference') return { kind: 'sequential', most: 1, power: 0.5 };
    const all = [maps.mean, ...maps.heads];
    const most = all.reduce(
      (top, map) => map.reduce((a, x) => (Number.isNaN(x) ? a : Math.max(a, Math.abs(x))), top),
      1e-6,
    );
    return { kind: 'diverging', most, power: 0.5 };
  }, [maps, shown]);
  const chosen = head.value !== undefined && head.value < heads ? head.value : undefined;
  const values = chosen === undefined ? maps.mean : (maps.heads[chosen] as Float32Array);
  const format = shown === 'difference' ? points : percent;
  const where = `layer ${base.layer}, ${chosen === undefined ? `mean of ${heads} heads` : `head ${chosen}`}`;
  const last = (model.value?.layers ?? 1) - 1;
  return (
    <Card
      title={`Attention, ${where}`}
      sub={steered ? 'With vectors the same layer is read twice: without them and with them.' : undefined}
      actions={steered && <SideChoice />}
    >
      <div class="inside-layer">
        <Slider
          label="Layer"
          value={layer.value}
          min={0}
          max={last}
          onChange={(value) => {
            layer.value = value;
            void readAttention(true);
          }}
        />
      </div>
      <HeadThumbnails
        mean={maps.mean}
        heads={maps.heads}
        tokens={t}
        range={range}
        chosen={chosen}
        onChoose={(value) => {
          head.value = value;
        }}
      />
      <Heatmap
        title={`Attention weights, ${where}`}
        rows={names}
        columns={names}
        rowsAre="From"
        columnsAre="to"
        values={values}
        range={range}
        unit={shown === 'difference' ? 'change of weight' : 'weight'}
        format={format}
        width={[0.25, 26]}
        describe={(row, column) =>
          column > row
            ? `${names[row]} does not see ${names[column]}, which comes after it.`
            : `Token ${row} ${names[row]} → token ${column} ${names[column]}: ${format(values[row * t + column] as number)}`
        }
      />
    </Card>
  );
}

function percent(weight: number): string {
  return `${(100 * weight).toFixed(1)} %`;
}

/** `+12.3`, `−0.4`: points of a percent. */
function points(change: number): string {
  return `${change < 0 ? '−' : '+'}${Math.abs(100 * change).toFixed(1)} points`;
}
