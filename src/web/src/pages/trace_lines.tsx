/* trace_lines: the trace as it is written, filtered; each line word for word. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, session, type Args } from '../api';
import { clusters, status } from '../live';
import { Button, Chip, Field, Input, None, Refused, Section, Select } from '../ui/bits';
import { keep } from '../ui/file';
import { useDo, useSettled } from '../ui/use';
import { number, words } from '../words';
import { useTrace } from './trace_live';
import { levelOf, passes, type Level, type TraceLine, type Wanted } from './trace_text';

const t = words(
    {
        title: 'Lines',
        filter: 'Filter',
        level: 'Level',
        'level-error': 'errors',
        'level-significant': 'significant and errors',
        'level-detailed': 'all',
        cluster: 'Cluster or address',
        verdict: 'Verdict id',
        code: 'Code',
        text: 'Text',
        last: 'At most',
        lines: '{n} lines',
        writes: 'ilsd writes',
        'writes-error': 'errors only',
        'writes-significant': 'significant lines',
        'writes-detailed': 'every line',
        pause: 'Pause',
        resume: 'Go on',
        waiting: 'Go on ({n} new)',
        save: 'Save as a file',
        live: 'live',
        broken: 'not connected; trying again',
        shown: '{n} of {all} lines',
        none: 'No line is like that.',
        attempt: 'The whole attempt',
    },
    {
        title: '行',
        filter: '絞り込み',
        level: 'レベル',
        'level-error': 'エラーのみ',
        'level-significant': '重要な行とエラー',
        'level-detailed': 'すべて',
        cluster: 'クラスタまたはアドレス',
        verdict: '判定 ID',
        code: 'コード',
        text: '文字列',
        last: '表示件数',
        lines: '{n} 行',
        writes: 'ilsd の記録レベル',
        'writes-error': 'エラーのみ',
        'writes-significant': '重要な行',
        'writes-detailed': 'すべての行',
        pause: '一時停止',
        resume: '再開',
        waiting: '再開(新着 {n} 行)',
        save: 'ファイルに保存',
        live: 'ライブ',
        broken: '未接続。再試行しています',
        shown: '{all} 行中 {n} 行',
        none: '該当する行はありません。',
        attempt: '試みの全体',
    },
);

const LEVELS: Level[] = ['error', 'significant', 'detailed'];
const SIGN: Record<Level, string> = { error: '!', significant: '·', detailed: ' ' };

/* `alone`: in the attempt that it belongs to, without a way there. */
export function Line(props: { line: TraceLine; alone?: boolean }) {
    const { line, record } = props.line;
    const level = levelOf(props.line);
    const verdict = record?.event === 'V1' ? record.verdict_id : null;
    return (
        <div class={`trace-line at-${level}${verdict ? ' at-verdict' : ''}`}>
            <span class="sign" aria-hidden="true">
                {SIGN[level]}
            </span>
            <span>
                {line}
                {verdict && !props.alone && (
                    <>
                        {' '}
                        <a href={`#/trace?tab=attempts&verdict=${verdict}`}>{t('attempt')}</a>
                    </>
                )}
            </span>
        </div>
    );
}

/* What ilsd writes at all. */
function Writes() {
    const doing = useDo<unknown>();
    const level = status.value?.trace_level ?? '';
    return (
        <>
            <Field label={t('writes')} for="writes">
                <Select
                    id="writes"
                    value={level}
                    disabled={session.value?.role !== 'admin' || doing.busy}
                    onChange={one => void doing.run(() => ask('trace level', { level: one }))}
                    options={LEVELS.map(l => [l, t(`writes-${l}`)])}
                />
            </Field>
            <Refused refusal={doing.refusal} />
        </>
    );
}

function Filters(props: { wanted: Wanted; change: (part: Partial<Wanted>) => void }) {
    const { wanted, change } = props;
    const text = (key: 'cluster' | 'verdict' | 'code' | 'text') => (
        <div>
            <label for={`by-${key}`}>{t(key)}</label>
            <Input
                id={`by-${key}`}
                type="search"
                value={wanted[key]}
                onChange={value => change({ [key]: value })}
            />
        </div>
    );
    return (
        <div class="trace-filters" role="search" aria-label={t('filter')}>
            <div>
                <label for="by-level">{t('level')}</label>
                <Select
                    id="by-level"
                    value={wanted.level}
                    onChange={level => change({ level: level as Level })}
                    options={LEVELS.map(l => [l, t(`level-${l}`)])}
                />
            </div>
            {text('cluster')}
            {text('verdict')}
            {text('code')}
            {text('text')}
        </div>
    );
}

/* Stays at the end while it is at the end. */
function Roll(props: { lines: TraceLine[]; still: boolean }) {
    const place = useRef<HTMLDivElement>(null);
    const end = useRef(true);
    useEffect(() => {
        const p = place.current;
        if (p && end.current && !props.still) p.scrollTop = p.scrollHeight;
    });
    return (
        <div
            ref={place}
            class="trace-roll mono"
            tabIndex={0}
            role="group"
            aria-label={t('title')}
            onScroll={e => {
                const p = e.currentTarget;
                end.current = p.scrollHeight - p.scrollTop - p.clientHeight < 30;
            }}
        >
            {props.lines.map(one => (
                <Line key={one.line} line={one} />
            ))}
        </div>
    );
}

/* What of it ilsd can pass over by itself: no more than is passed over here. */
function filterOf(wanted: Wanted): Args {
    const verdict = wanted.verdict.trim().toLowerCase();
    const text = wanted.text.trim() || wanted.code.trim();
    return {
        level: wanted.level,
        ...(wanted.peer && { cluster: wanted.peer }),
        ...(/^[0-9a-f]{16}$/.test(verdict) && { verdict }),
        ...(text && text.length < 64 && { text }),
    };
}

export function Lines(props: { query: URLSearchParams }) {
    const q = (key: string) => props.query.get(key) ?? '';
    const [paused, setPaused] = useState(false);
    const [most, setMost] = useState('500');
    const [wanted, setWanted] = useState<Wanted>({
        level: 'detailed',
        cluster: q('cluster'),
        peer: '',
        verdict: q('verdict'),
        code: q('code'),
        text: q('text'),
    });
    const name = wanted.cluster.trim().toLowerCase();
    const peer = clusters.value.find(c => c.name.toLowerCase() === name)?.peer_id ?? '';
    const filter = useSettled(JSON.stringify(filterOf({ ...wanted, peer })));
    const live = useTrace(paused, JSON.parse(filter) as Args);
    const good = live.lines.filter(l => passes(l, { ...wanted, peer }));
    const shown = good.slice(-Number(most));
    const resume = live.waiting > 0 ? t('waiting', { n: number(live.waiting) }) : t('resume');
    return (
        <Section title={t('title')}>
            <Filters wanted={wanted} change={part => setWanted(w => ({ ...w, ...part }))} />
            <div class="actions">
                <Button onPress={() => setPaused(!paused)}>{paused ? resume : t('pause')}</Button>
                <Select
                    id="most"
                    label={t('last')}
                    value={most}
                    onChange={setMost}
                    options={['100', '500', '2000'].map(n => [n, t('lines', { n })])}
                />
                <Button
                    onPress={() => keep('trace.txt', good.map(l => `${l.line}\n`).join(''))}
                    disabled={good.length === 0}
                >
                    {t('save')}
                </Button>
                <Chip tone={live.connected ? 'good' : 'warn'}>
                    {live.connected ? t('live') : t('broken')}
                </Chip>
                <span>
                    {t('shown', { n: number(shown.length), all: number(live.lines.length) })}
                </span>
            </div>
            <Refused refusal={live.refusal} />
            {shown.length === 0 ? <None text={t('none')} /> : <Roll lines={shown} still={paused} />}
            <Writes />
        </Section>
    );
}
