import { useMemo, useState } from 'preact/hooks';
import { Card } from '../../ui/card.tsx';
import { type Cell, Heatmap } from '../../ui/heatmap.tsx';
import { inline, share } from '../../ui/token_text.ts';
import { LENS_TOKENS, type PromptReading } from '../../worker/inspection_types.ts';
import { CellTokens } from './cell_tokens.tsx';
import { PromptForm } from './prompt_form.tsx';
import { SideChoice } from './side_choice.tsx';
import { promptReading, readPrompt, type Side, side, stamp } from './state.ts';

/** The logit lens of a prompt: what each layer would say next at each token. */
export function PromptTab() {
  const found = promptReading.value;
  return (
    <>
      <Card
        title="What would each layer say?"
        sub="The state after every layer (the residual stream), read as if that layer were the last, through the final norm and the unembedding: the likeliest next token as that layer has it."
      >
        <PromptForm what="prompt" most={LENS_TOKENS} onRead={() => void readPrompt()} />
      </Card>
      {found && <PromptMap found={found} />}
    </>
  );
}

function PromptMap({ found }: { readonly found: PromptReading }) {
  const { lens, tokens } = found;
  const shown: Side = lens.steered ? side.value : 'base';
  const start = { row: lens.rows - 1, column: lens.tokens - 1 };
  const [cell, setCell] = useState<Cell>();
  const map = useMemo(() => mapOf(found, shown), [found, shown]);
  const rows = useMemo(() => Array.from({ length: lens.rows }, (_, i) => rowName(i)), [lens.rows]);
  const columns = useMemo(() => tokens.map((token) => inline(token.text)), [tokens]);
  const at = cell && cell.row < lens.rows && cell.column < lens.tokens ? cell : start;
  return (
    <Card
      title="Layer by layer, token by token"
      sub={explanation(found, shown)}
      actions={lens.steered && <SideChoice />}
    >
      <div class="inside-beside">
        <Heatmap
          title="Logit lens: layers by tokens of the prompt"
          rows={rows}
          columns={columns}
          rowsAre="Layer"
          columnsAre="token"
          values={map.values}
          range={map.range}
          unit={shown === 'difference' ? 'KL(steered ‖ base)' : 'probability'}
          format={map.format}
          width={[52, 96]}
          height={24}
          text={map.text}
          describe={(row, column) =>
            `${row === 0 ? 'The embedding' : `Layer ${row - 1}`} at “${columns[column]}”: “${map.name(row, column)}” next, ${
              shown === 'difference' ? 'KL ' : ''
            }${map.format(map.values[row * lens.tokens + column] as number)}`
          }
          onCell={setCell}
          start={start}
        />
        <CellTokens found={found} row={at.row} column={at.column} side={shown} />
      </div>
    </Card>
  );
}

function rowName(row: number): string {
  return row === 0 ? 'embedding' : `layer ${row - 1}`;
}

function explanation({ lens, vectors }: PromptReading, shown: Side): string {
  if (stamp.value && stamp.value.serial !== vectors?.serial) {
    return `There are ${vectors ? 'newer ' : ''}vectors now (${stamp.value.name}): read the prompt again to see what they do.`;
  }
  const last = `The last row is the model’s own output${shown === 'base' ? '' : `, with the vectors of ${vectors?.name}`}.`;
  if (shown === 'difference') {
    return `Colour: how far the vectors of ${vectors?.name} move the distribution. A token stands where they put another one first.`;
  }
  if (lens.steered) return last;
  return `${last} With vectors, from training or a file, the steered side is read too.`;
}

/** Values and words of the map. */
function mapOf({ lens, names }: PromptReading, shown: Side) {
  const { k, tokens, base, steered, kl } = lens;
  const reading = shown === 'base' ? base : (steered ?? base);
  const top = (row: number, column: number) => reading.ids[(row * tokens + column) * k] as number;
  const name = (row: number, column: number) => inline(names.get(top(row, column)) ?? '');
  if (shown === 'difference' && kl) {
    const changed = (row: number, column: number) => base.ids[(row * tokens + column) * k] !== top(row, column);
    return {
      values: kl,
      range: { kind: 'sequential', most: kl.reduce((most, x) => Math.max(most, x), 1e-6), power: 0.5 } as const,
      text: (row: number, column: number) => (changed(row, column) ? name(row, column) : ''),
      name,
      format: nats,
    };
  }
  return {
    values: Float32Array.from({ length: lens.rows * tokens }, (_, cell) => Math.exp(reading.logp[cell * k] as number)),
    range: { kind: 'sequential', most: 1 } as const,
    text: name,
    name,
    format: (probability: number) => (probability === 0 ? '0 %' : share(probability)),
  };
}

function nats(value: number): string {
  return `${value < 0.0005 ? '0' : value.toPrecision(2)} nats`;
}
