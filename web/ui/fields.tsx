import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  /** A line of help below. */
  readonly help?: ComponentChildren;
  /** What is wrong with the value, in place of the help. */
  readonly problem?: string;
  readonly children: ComponentChildren;
}

/** A label, its one input, select or text area, and a line of help or of what is wrong. */
export function Field({ label, help, problem, children }: FieldProps) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children
    <label class="field">
      <span>{label}</span>
      {children}
      {problem ? (
        <small class="field-problem" role="alert">
          {problem}
        </small>
      ) : (
        help && <small>{help}</small>
      )}
    </label>
  );
}

interface NumberProps {
  readonly label: string;
  readonly name?: string;
  readonly help?: ComponentChildren;
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  /** `any`: every number. Whole numbers where nothing is said. */
  readonly step?: number | 'any';
  readonly disabled?: boolean;
  /** Told of allowed values only; the field says what is wrong with the others. */
  readonly onChange: (value: number) => void;
}

/** A number: a value outside its bounds stays in the field, with what is wrong with it, and goes nowhere. */
export function NumberField({ label, help, value, onChange, ...input }: NumberProps) {
  const [problem, setProblem] = useState<string>();
  // A value that comes from outside replaces a refused one.
  useEffect(() => setProblem(undefined), [value]);
  return (
    <Field label={label} help={help} problem={problem}>
      <NumberInput {...input} value={value} onChange={onChange} onProblem={setProblem} />
    </Field>
  );
}

type NumberInputProps = Omit<NumberProps, 'help' | 'label'> & {
  readonly label?: string;
  readonly onProblem?: (problem: string | undefined) => void;
};

function NumberInput({ label, onChange, onProblem, ...input }: NumberInputProps) {
  return (
    <input
      type="number"
      aria-label={label}
      {...input}
      onInput={({ currentTarget: { valueAsNumber, validity, validationMessage } }) => {
        const allowed = validity.valid && Number.isFinite(valueAsNumber);
        onProblem?.(allowed ? undefined : validationMessage || 'A number belongs here.');
        if (allowed) onChange(valueAsNumber);
      }}
    />
  );
}

/** A slider, and a box beside it for what a slider cannot hit. */
export function Slider({ label, help, ...rest }: NumberProps & { readonly min: number; readonly max: number }) {
  const id = useId();
  const { value, onChange, name, ...bounds } = rest;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="slider">
        <input
          id={id}
          type="range"
          name={name}
          {...bounds}
          value={value}
          onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
        />
        <NumberInput label={`${label}, as a number`} {...bounds} value={value} onChange={onChange} />
      </div>
      {help && <small>{help}</small>}
    </div>
  );
}

interface ChoiceProps<T extends string> {
  /** What is chosen, above the bar; `quiet`: for screen readers alone. */
  readonly label: string;
  readonly quiet?: boolean;
  readonly value: T;
  /** What each is called, in the order of the bar. */
  readonly options: Readonly<Record<T, string>>;
  readonly disabled?: boolean;
  readonly help?: ComponentChildren;
  readonly onChange: (value: T) => void;
}

/** One of a few, all seen: a bar of radio buttons, arrow keys move along it. */
export function Choice<T extends string>({ label, quiet, value, options, disabled, help, onChange }: ChoiceProps<T>) {
  const group = useId();
  return (
    <fieldset class="field" disabled={disabled}>
      <legend class={quiet ? 'unseen' : 'field-legend'}>{label}</legend>
      <div class="choice">
        {(Object.entries(options) as [T, string][]).map(([name, text]) => (
          <label key={name}>
            <input type="radio" name={group} checked={value === name} onChange={() => onChange(name)} />
            {text}
          </label>
        ))}
      </div>
      {help && <small>{help}</small>}
    </fieldset>
  );
}

interface SwitchProps {
  readonly label: string;
  readonly help?: ComponentChildren;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly onChange: (checked: boolean) => void;
}

/** On or off, at once. */
export function Switch({ label, help, checked, disabled, onChange }: SwitchProps) {
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        aria-checked={checked}
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>
        {label}
        {help && <small>{help}</small>}
      </span>
    </label>
  );
}
