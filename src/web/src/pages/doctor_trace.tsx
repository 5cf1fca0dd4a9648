/* doctor_trace: one trace, or those of both ends, of this product or the original, whole or quoted
 * in a ticket: read by ilsd, which says what became of each attempt to join, and why. */
import { useState } from 'preact/hooks';
import { send } from '../api';
import { Button, None, Notice, Refused, Section, Working } from '../ui/bits';
import { FilePick, keep } from '../ui/file';
import { Pager } from '../ui/table';
import { useDo } from '../ui/use';
import { number, words } from '../words';
import { OneFinding, Outcome, titleOf, type Finding } from './doctor_finding';
import { readBlob } from './trace_file';

const t = words(
    {
        title: 'Explain a trace',
        what:
            'A trace of this product or of the original, whole or quoted in a ticket, of one end ' +
            'or of both. It is read by ilsd and not kept.',
        first: 'A trace',
        second: 'The trace of the other end, if there is one',
        pasted: 'or paste it',
        read: 'Explain',
        reading: 'Reading…',
        files: '{name}: lines of joins: {n}',
        attempts: 'Attempts: {n}',
        explained: 'Each attempt is explained.',
        not: 'Not every attempt is explained.',
        none: 'There is no attempt to join in it.',
        left: '{n} lines of joins were too many to keep.',
        save: 'Save the findings (JSON)',
        clear: 'Begin anew',
    },
    {
        title: 'トレースを診断',
        what:
            'この製品または元の製品のトレース。全体でも、チケットに引用された一部でも、片側でも' +
            '両側でも構いません。ilsd が読み取り、保存はしません。',
        first: 'トレース',
        second: '相手側のトレース(あれば)',
        pasted: 'または貼り付け',
        read: '診断',
        reading: '読み取っています…',
        files: '{name}: 参加に関する行 {n} 行',
        attempts: '試み: {n} 件',
        explained: 'すべての試みを説明できました。',
        not: '説明できない試みがあります。',
        none: '参加の試みは含まれていません。',
        left: '参加に関する行のうち {n} 行は多すぎるため省かれました。',
        save: '診断結果を保存(JSON)',
        clear: 'やり直す',
    },
);

interface Diagnosis {
    files: { name: string; records: number }[];
    explained: boolean;
    left_out: number;
    attempt_count?: number;
    attempts: Finding[];
}

interface Given {
    file: File | null;
    text: string;
}

const NOTHING: Given = { file: null, text: '' };

async function bytesOf(given: Given): Promise<Blob> {
    return given.file ? readBlob(given.file) : new Blob([given.text]);
}

async function explain(first: Given, second: Given): Promise<Diagnosis> {
    const [a, b] = await Promise.all([bytesOf(first), bytesOf(second)]);
    const names = [first.file?.name ?? 'pasted'];
    if (b.size > 0) names.push(second.file?.name ?? 'pasted, other end');
    const args = { names, second_bytes: b.size > 0 ? b.size : undefined };
    return send<Diagnosis>('diagnose trace', args, new Blob([a, b]));
}

function Give(props: { id: string; label: string; given: Given; set: (given: Given) => void }) {
    const { id, given, set } = props;
    return (
        <div>
            <FilePick
                id={id}
                label={props.label}
                file={given.file}
                onFile={file => set({ ...given, file })}
            />
            {!given.file && (
                <>
                    <label for={`${id}-text`}>{t('pasted')}</label>
                    <textarea
                        id={`${id}-text`}
                        class="mono"
                        spellcheck={false}
                        value={given.text}
                        onInput={e => set({ ...given, text: e.currentTarget.value })}
                    />
                </>
            )}
        </div>
    );
}

const EACH = 20;

function Findings(props: { d: Diagnosis }) {
    const [from, setFrom] = useState(0);
    const all = props.d.attempts;
    const part = all.slice(from, from + EACH);
    const first = part.findIndex(f => f.outcome !== 'joined');
    return (
        <>
            {all.length === 0 && <None text={t('none')} />}
            {part.map((f, i) => (
                <details key={from + i} class="trace-attempt" open={i === Math.max(first, 0)}>
                    <summary>
                        <Outcome f={f} /> <strong>{titleOf(f)}</strong>{' '}
                        <small>{f.evidence[0]?.time}</small>
                    </summary>
                    <OneFinding f={f} />
                </details>
            ))}
            {all.length > EACH && (
                <Pager
                    from={from + 1}
                    to={from + part.length}
                    n={all.length}
                    former={from > 0 ? () => setFrom(from - EACH) : undefined}
                    next={from + EACH < all.length ? () => setFrom(from + EACH) : undefined}
                />
            )}
        </>
    );
}

function Result(props: { d: Diagnosis }) {
    const d = props.d;
    const count = d.attempt_count ?? d.attempts.length;
    return (
        <>
            <Notice
                tone={d.explained ? 'good' : 'warn'}
                live
                title={d.explained ? t('explained') : t('not')}
            >
                {d.files.map(f => (
                    <p key={f.name}>{t('files', { name: f.name, n: number(f.records) })}</p>
                ))}
                <p>{t('attempts', { n: number(count) })}</p>
                {d.left_out > 0 && <p>{t('left', { n: number(d.left_out) })}</p>}
            </Notice>
            <Findings d={d} />
            <div class="actions">
                <Button
                    onPress={() =>
                        keep('diagnosis.json', JSON.stringify(d, null, 2), 'application/json')
                    }
                >
                    {t('save')}
                </Button>
            </div>
        </>
    );
}

export function Explain() {
    const [first, setFirst] = useState<Given>(NOTHING);
    const [second, setSecond] = useState<Given>(NOTHING);
    const doing = useDo<Diagnosis>();
    const empty = !first.file && first.text.trim() === '';
    return (
        <Section title={t('title')}>
            <p>{t('what')}</p>
            <form
                onSubmit={e => {
                    e.preventDefault();
                    void doing.run(() => explain(first, second));
                }}
            >
                <div class="two">
                    <Give id="trace-1" label={t('first')} given={first} set={setFirst} />
                    <Give id="trace-2" label={t('second')} given={second} set={setSecond} />
                </div>
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy || empty}>
                        {t('read')}
                    </Button>
                    {!empty && (
                        <Button
                            onPress={() => {
                                setFirst(NOTHING);
                                setSecond(NOTHING);
                                doing.clear();
                            }}
                        >
                            {t('clear')}
                        </Button>
                    )}
                </div>
            </form>
            {doing.busy && <Working text={t('reading')} />}
            <Refused refusal={doing.refusal} />
            {doing.done && <Result d={doing.done} />}
        </Section>
    );
}
