// Fields with a label, a help line and an error that belong to the control for screen readers too.
import { type ComponentChildren, type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useStrings } from '../i18n.ts';
import { common } from './strings.ts';

let count = 0;

interface FieldProps {
  label: string;
  help?: ComponentChildren;
  error?: string | null;
  optional?: boolean;
}
interface Wiring {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': boolean | undefined;
}

/** <Field label="Name">{(wire) => <input {...wire} … />}</Field> */
export function Field({ label, help, error, optional, children }: FieldProps & { children: (wire: Wiring) => ComponentChildren }): JSX.Element {
  const t = useStrings(common);
  const [id] = useState(() => `field-${++count}`);
  const about = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional && <span class="muted"> ({t.optional})</span>}
      </label>
      {children({ id, 'aria-describedby': about || undefined, 'aria-invalid': error ? true : undefined })}
      {help && <p class="field-help" id={`${id}-help`}>{help}</p>}
      {error && <p class="field-error" id={`${id}-error`}>{error}</p>}
    </div>
  );
}

interface TextProps extends FieldProps {
  value: string;
  onInput: (value: string) => void;
  type?: 'text' | 'password' | 'search' | 'number' | 'datetime-local';
  placeholder?: string;
  autocomplete?: string;
  required?: boolean;
  autofocus?: boolean;
  list?: readonly string[];
}

export function TextField({ value, onInput, type = 'text', placeholder, autocomplete = 'off', required, autofocus, list, ...field }: TextProps): JSX.Element {
  return (
    <Field {...field}>
      {(wire) => (
        <>
          <input
            {...wire}
            type={type as 'text'}
            value={value}
            placeholder={placeholder}
            autocomplete={autocomplete}
            required={required}
            autofocus={autofocus}
            step={type === 'datetime-local' ? 1 : undefined}
            spellcheck={false}
            list={list && `${wire.id}-list`}
            onInput={(e) => onInput(e.currentTarget.value)}
          />
          {list && <datalist id={`${wire.id}-list`}>{list.map((o) => <option key={o} value={o} />)}</datalist>}
        </>
      )}
    </Field>
  );
}

interface SelectProps extends FieldProps {
  value: string;
  onChange: (value: string) => void;
  options: readonly (readonly [value: string, text: string])[];
}

export function SelectField({ value, onChange, options, ...field }: SelectProps): JSX.Element {
  return (
    <Field {...field}>
      {(wire) => (
        <select {...wire} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
          {options.map(([key, text]) => <option key={key} value={key} selected={key === value}>{text}</option>)}
        </select>
      )}
    </Field>
  );
}

export function Check({ label, checked, onChange, help }: { label: string; checked: boolean; onChange: (on: boolean) => void; help?: string }): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(e) => onChange(e.currentTarget.checked)} />
      <span>
        {label}
        {help && <span class="field-help">{help}</span>}
      </span>
    </label>
  );
}

/** Two instants of the project's zone, as <input type="datetime-local"> gives them. */
export function RangeFields({ from, to, labels, onChange }: { from: string; to: string; labels: readonly [string, string]; onChange: (from: string, to: string) => void }): JSX.Element {
  return (
    <div class="field-row">
      <TextField type="datetime-local" label={labels[0]} value={from} required onInput={(v) => onChange(v, to)} />
      <TextField type="datetime-local" label={labels[1]} value={to} required onInput={(v) => onChange(from, v)} />
    </div>
  );
}

/** Choices side by side of which one holds. */
export function Segments<V extends string>({ label, value, onChange, options }: { label: string; value: V; onChange: (value: V) => void; options: readonly (readonly [V, string])[] }): JSX.Element {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map(([key, text]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>{text}</button>
      ))}
    </div>
  );
}
