/* bits: the small parts that every page is made of. Whatever came from another cluster is only
 * ever text here: nothing in this program writes HTML. */
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { Refusal } from '../api';
import { said } from '../said';
import { words } from '../words';

const t = words(
    {
        copy: 'Copy',
        copied: 'Copied',
        here: 'type here',
        there: 'type at the other end',
        hub: 'type at any hub',
        'copy-of': 'type at the copy',
        where: 'Where: {where}',
        working: 'Working…',
        none: 'None',
    },
    {
        copy: 'コピー',
        copied: 'コピーしました',
        here: 'こちらで入力',
        there: '相手側で入力',
        hub: 'いずれかのハブで入力',
        'copy-of': '複製側で入力',
        where: '場所: {where}',
        working: '処理中…',
        none: 'なし',
    },
);

export type Children = ComponentChildren;

export function Button(props: {
    children: Children;
    onPress?: () => void;
    kind?: 'main' | 'plain' | 'danger';
    disabled?: boolean;
    submit?: boolean;
    label?: string;
    /* it asks first: a dialog */
    opens?: boolean;
}) {
    return (
        <button
            type={props.submit ? 'submit' : 'button'}
            class={`button ${props.kind ?? 'plain'}`}
            disabled={props.disabled}
            aria-label={props.label}
            aria-haspopup={props.opens ? 'dialog' : undefined}
            onClick={props.onPress}
        >
            {props.children}
        </button>
    );
}

/* What is typed: broken between its words alone, as long as a word has room on a line. */
export function Typed(props: { text: string }) {
    const words = props.text.split(/( +)/);
    return (
        <code>{words.map((w, i) => (i % 2 ? w : <span key={i} class="typed">{w}</span>))}</code>
    );
}

/* A fingerprint, broken between its pairs alone; in a table in a few short lines, or larger, to be
 * compared by eye. */
export function Print(props: { of: string; how?: 'print' | 'compare' }) {
    const pairs = props.of.split(/(?<=:)/);
    return (
        <code class={`pairs ${props.how ?? ''}`}>
            {pairs.map((pair, i) => (i > 0 ? [<wbr key={i} />, pair] : pair))}
        </code>
    );
}

/* What to type, and at which end. */
export function Command(props: { text: string; at?: string }) {
    const [copied, setCopied] = useState(false);
    const place = props.at === 'copy' ? 'copy-of' : props.at;
    async function copy() {
        await navigator.clipboard.writeText(props.text).catch(() => undefined);
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
    }
    return (
        <span class="command">
            <Typed text={props.text} />
            {(place === 'here' || place === 'there' || place === 'hub' || place === 'copy-of') && (
                <span class="at">{t(place)}</span>
            )}
            <Button onPress={() => void copy()} label={`${t('copy')}: ${props.text}`}>
                {copied ? t('copied') : t('copy')}
            </Button>
        </span>
    );
}

export type Tone = 'good' | 'bad' | 'warn' | 'info';

export function Notice(props: { tone: Tone; title?: string; children?: Children; live?: boolean }) {
    const role = props.live ? (props.tone === 'bad' ? 'alert' : 'status') : undefined;
    return (
        <div class={`notice ${props.tone}`} role={role}>
            {props.title && <strong>{props.title}</strong>}
            {props.children}
        </div>
    );
}

/* What ilsd refused: what is wrong, where, and what to type. */
export function Refused(props: { refusal: Refusal | null | undefined }) {
    const r = props.refusal;
    if (!r) return null;
    return (
        <Notice tone="bad" live title={said(r.text)}>
            {r.where && <p>{t('where', { where: r.where })}</p>}
            {r.more.map(line => (
                <p key={line}>{said(line)}</p>
            ))}
            {r.next && (
                <p>
                    <Command text={r.next} />
                </p>
            )}
        </Notice>
    );
}

export function Working(props: { text?: string }) {
    return (
        <p class="working" role="status">
            {props.text ?? t('working')}
        </p>
    );
}

export function None(props: { text?: string }) {
    return <p class="none">{props.text ?? t('none')}</p>;
}

export function Chip(props: { tone: Tone | 'plain'; children: Children }) {
    return <span class={`chip ${props.tone}`}>{props.children}</span>;
}

export function Field(props: { label: string; hint?: string; children: Children; for: string }) {
    return (
        <div class="field">
            <label for={props.for}>{props.label}</label>
            <div>
                {props.children}
                {props.hint && (
                    <p class="hint" id={`${props.for}-hint`}>
                        {props.hint}
                    </p>
                )}
            </div>
        </div>
    );
}

export function Input(props: {
    id: string;
    value: string;
    onChange: (value: string) => void;
    type?: 'text' | 'password' | 'number' | 'search';
    auto?: string;
    disabled?: boolean;
    required?: boolean;
    placeholder?: string;
    hinted?: boolean;
    /* what it may be, among others */
    list?: string[];
}) {
    const { list } = props;
    const input = (
        <input
            id={props.id}
            name={props.id}
            type={(props.type ?? 'text') as 'text'}
            value={props.value}
            autocomplete={(props.auto ?? 'off') as 'off'}
            spellcheck={false}
            disabled={props.disabled}
            required={props.required}
            placeholder={props.placeholder}
            list={list ? `${props.id}-list` : undefined}
            aria-describedby={props.hinted ? `${props.id}-hint` : undefined}
            onInput={e => props.onChange(e.currentTarget.value)}
        />
    );
    if (!list) return input;
    return (
        <>
            {input}
            <datalist id={`${props.id}-list`}>
                {list.map(one => (
                    <option key={one} value={one} />
                ))}
            </datalist>
        </>
    );
}

export function Check(props: {
    id: string;
    label: string;
    checked: boolean;
    onChange: (value: boolean) => void;
    disabled?: boolean;
}) {
    return (
        <label class="check" for={props.id}>
            <input
                id={props.id}
                type="checkbox"
                checked={props.checked}
                disabled={props.disabled}
                onChange={e => props.onChange(e.currentTarget.checked)}
            />
            {props.label}
        </label>
    );
}

export function Select(props: {
    id: string;
    value: string;
    options: [string, string][];
    onChange: (value: string) => void;
    label?: string;
    disabled?: boolean;
}) {
    return (
        <select
            id={props.id}
            value={props.value}
            aria-label={props.label}
            disabled={props.disabled}
            onChange={e => props.onChange(e.currentTarget.value)}
        >
            {props.options.map(([value, text]) => (
                <option key={value} value={value}>
                    {text}
                </option>
            ))}
        </select>
    );
}

export function Section(props: { title: string; children: Children; id?: string }) {
    const own = useId();
    const id = props.id ?? own;
    return (
        <section class="section" aria-labelledby={id}>
            <h2 id={id}>{props.title}</h2>
            {props.children}
        </section>
    );
}
