/* trace_attempts: the verdicts on attempts to join, each with what the trace has of it, and beside
 * it what the trace of the other end has, where that is given: the id is the same at both. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, send } from '../api';
import { verdicts } from '../live';
import type { Verdict } from '../types';
import { Button, Chip, Field, Input, None, Notice, Refused, Section, Working } from '../ui/bits';
import { FilePick } from '../ui/file';
import { Pager } from '../ui/table';
import { useDo } from '../ui/use';
import { OneVerdict } from '../verdicts';
import { number, when, words } from '../words';
import { OneFinding, type Finding } from './doctor_finding';
import { readText } from './trace_file';
import { Line } from './trace_lines';
import { useTrace } from './trace_live';
import { attemptsOf, linesOf, type Attempt, type TraceLine } from './trace_text';

const t = words(
    {
        title: 'Attempts to join',
        filter: 'Filter: code, cluster, address, id',
        none: 'Nobody has tried to join yet.',
        lines: 'What this end wrote',
        'no-lines':
            'The newest lines hold nothing of it any more; the files under trace/ in the data ' +
            'directory may.',
        other: 'What the other end wrote',
        'other-end': 'The other end',
        'other-hint':
            'Give a trace of the other end: a file of its trace directory, or lines of it. Each ' +
            'attempt that is in both is shown with both ends side by side.',
        file: 'A trace of the other end',
        paste: 'or paste its lines',
        'in-both': 'Attempts that are in both: {n}',
        'in-none':
            'No attempt here has an id of the {n} verdicts that were found in it. Traces of the ' +
            'original have no ids: open an attempt, and it is looked for by address and time.',
        both: 'both ends',
        doctor: 'What the doctor makes of it',
        'not-both': 'The trace of the other end does not have this attempt.',
        word: 'All lines, word for word',
        cut: 'The first lines of it are not among the newest any more.',
        joined: 'joined',
        refused: 'refused',
        dialled: 'dialled from here',
        dialling: 'dialled by it',
        clear: 'Take it away',
    },
    {
        title: '参加の試み',
        filter: '絞り込み: コード、クラスタ、アドレス、ID',
        none: '参加の試みはまだありません。',
        lines: 'こちら側の記録',
        'no-lines':
            '最近の行には残っていません。データディレクトリの trace/ にあるファイルには' +
            '残っている場合があります。',
        other: '相手側の記録',
        'other-end': '相手側',
        'other-hint':
            '相手側のトレース(トレースディレクトリのファイル、またはその一部の行)を与えると、' +
            '両方に記録のある試みを並べて表示します。',
        file: '相手側のトレース',
        paste: 'または行を貼り付け',
        'in-both': '両方に記録のある試み: {n} 件',
        'in-none':
            '同じ ID の試みはありません(判定 {n} 件を検出)。元の製品のトレースには ID がありません。' +
            '試みを開くと、アドレスと時刻で探します。',
        both: '両側',
        doctor: '診断',
        'not-both': '相手側のトレースにこの試みは含まれていません。',
        word: 'すべての行(原文のまま)',
        cut: 'この試みの最初の行は、最近の行にはもう残っていません。',
        joined: '参加',
        refused: '拒否',
        dialled: 'こちらから接続',
        dialling: '相手から接続',
        clear: '取り除く',
    },
);

const EACH = 20;

function peerOf(v: Verdict): string {
    return v.peer_name ?? v.address ?? v.host ?? '–';
}

function matches(v: Verdict, text: string): boolean {
    const wanted = text.trim().toLowerCase();
    return [v.code, v.verdict_id, v.peer_name, v.peer_id, v.address, v.host, v.cause].some(part =>
        (part ?? '').toLowerCase().includes(wanted),
    );
}

function Sides(props: { lines: TraceLine[]; other: Attempt | undefined }) {
    const { lines, other } = props;
    return (
        <div class={other ? 'two' : undefined}>
            <div>
                <h3>{t('lines')}</h3>
                {lines.length === 0 ? (
                    <None text={t('no-lines')} />
                ) : (
                    <div class="trace-roll mono" tabIndex={0} role="group" aria-label={t('lines')}>
                        {lines.map(l => (
                            <Line key={l.line} line={l} alone />
                        ))}
                    </div>
                )}
            </div>
            {other && (
                <div>
                    <h3>{t('other')}</h3>
                    <pre class="trace-roll" tabIndex={0} aria-label={t('other')}>
                        {other.lines.join('\n')}
                    </pre>
                </div>
            )}
        </div>
    );
}

interface Explained {
    whole: boolean;
    finding: Finding | null;
    both_ends: boolean;
}

const STILL_MS = 400; /* without another letter typed */

/* What the doctor makes of the lines here, and of those of the other end where they are given:
 * it pairs traces of other makers as well, by address and time. */
function Doctor(props: {
    v: Verdict;
    lines: TraceLine[];
    other: Attempt | undefined;
    text: string;
}) {
    const { v, text } = props;
    const { run, done, refusal, busy } = useDo<Explained>();
    useEffect(() => {
        const later = setTimeout(
            () =>
                void run(() =>
                    text === ''
                        ? ask<Explained>('verdict', { id: v.verdict_id })
                        : send<Explained>('verdict', { id: v.verdict_id }, new Blob([text])),
                ),
            done ? STILL_MS : 0,
        );
        return () => clearTimeout(later);
    }, [v.verdict_id, text]);
    const sides = <Sides lines={linesOf(props.lines, v.verdict_id)} other={props.other} />;
    return (
        <>
            {busy && !done && <Working />}
            <Refused refusal={refusal} />
            {done?.finding && (
                <>
                    <h3>{t('doctor')}</h3>
                    {text !== '' && !done.both_ends && <None text={t('not-both')} />}
                    <OneFinding f={done.finding} />
                </>
            )}
            {done?.finding && !done.whole && <p class="hint">{t('cut')}</p>}
            {done?.finding ? (
                <details>
                    <summary>{t('word')}</summary>
                    {sides}
                </details>
            ) : (
                !busy && sides
            )}
        </>
    );
}

function One(props: {
    v: Verdict;
    lines: TraceLine[];
    other: Attempt | undefined;
    text: string;
    open: boolean;
}) {
    const { v, other } = props;
    const [open, setOpen] = useState(props.open);
    const place = useRef<HTMLDetailsElement>(null);
    useEffect(() => {
        if (props.open) place.current?.scrollIntoView({ block: 'nearest' });
    }, [props.open]);
    const good = v.code === 'ILS-100';
    return (
        <details
            ref={place}
            class="trace-attempt"
            open={open}
            onToggle={e => setOpen(e.currentTarget.open)}
        >
            <summary>
                <Chip tone={good ? 'good' : 'bad'}>
                    {v.code} {good ? t('joined') : t('refused')}
                </Chip>{' '}
                <strong>{peerOf(v)}</strong> {when(v.time)}{' '}
                <small>{v.dialler ? t('dialled') : t('dialling')}</small>{' '}
                {other && <Chip tone="info">{t('both')}</Chip>}
            </summary>
            {open && (
                <>
                    <OneVerdict v={v} />
                    <Doctor v={v} lines={props.lines} other={other} text={props.text} />
                </>
            )}
        </details>
    );
}

/* The trace of the other end, by file or by paste. */
function Other(props: { text: string; common: number; found: number; take: (s: string) => void }) {
    const [file, setFile] = useState<File | null>(null);
    const { text, common, found, take } = props;
    return (
        <Section title={t('other-end')}>
            <p>{t('other-hint')}</p>
            <div class="two">
                <FilePick
                    id="other-file"
                    label={t('file')}
                    file={file}
                    onFile={one => {
                        setFile(one);
                        if (one) void readText(one).then(take);
                    }}
                />
                <div>
                    <label for="other-text">{t('paste')}</label>
                    <textarea
                        id="other-text"
                        spellcheck={false}
                        value={text.length > 100000 ? '' : text}
                        onInput={e => take(e.currentTarget.value)}
                    />
                </div>
            </div>
            {text !== '' && (
                <Notice
                    tone={common > 0 ? 'good' : 'warn'}
                    live
                    title={t(common > 0 ? 'in-both' : 'in-none', {
                        n: number(common > 0 ? common : found),
                    })}
                />
            )}
            {text !== '' && (
                <Button
                    onPress={() => {
                        setFile(null);
                        take('');
                    }}
                >
                    {t('clear')}
                </Button>
            )}
        </Section>
    );
}

export function Attempts(props: { query: URLSearchParams }) {
    const wanted = props.query.get('verdict') ?? '';
    const live = useTrace(false);
    const [text, setText] = useState('');
    const [filter, setFilter] = useState('');
    const [from, setFrom] = useState(0);
    const others = new Map(attemptsOf(text).map(a => [a.verdict, a]));
    const rows = verdicts.value.filter(v => matches(v, filter));
    const first = rows.findIndex(v => v.verdict_id === wanted);
    const start = from === 0 && first >= EACH ? first - (first % EACH) : from;
    const part = rows.slice(start, start + EACH);
    const common = verdicts.value.filter(v => others.has(v.verdict_id)).length;
    return (
        <>
            <Section title={t('title')}>
                <Refused refusal={live.refusal} />
                {verdicts.value.length > 5 && (
                    <Field label={t('filter')} for="verdict-filter">
                        <Input
                            id="verdict-filter"
                            type="search"
                            value={filter}
                            onChange={value => {
                                setFilter(value);
                                setFrom(0);
                            }}
                        />
                    </Field>
                )}
                {verdicts.value.length === 0 && <None text={t('none')} />}
                {part.map(v => (
                    <One
                        key={`${v.verdict_id} ${v.time}`}
                        v={v}
                        lines={live.lines}
                        other={others.get(v.verdict_id)}
                        text={text}
                        open={v.verdict_id === wanted}
                    />
                ))}
                {rows.length > EACH && (
                    <Pager
                        from={start + 1}
                        to={start + part.length}
                        n={rows.length}
                        former={start > 0 ? () => setFrom(Math.max(0, start - EACH)) : undefined}
                        next={start + EACH < rows.length ? () => setFrom(start + EACH) : undefined}
                    />
                )}
            </Section>
            <Other text={text} common={common} found={others.size} take={setText} />
        </>
    );
}
