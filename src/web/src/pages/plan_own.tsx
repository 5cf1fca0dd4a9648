/* plan_own: what this cluster announces itself: searched and paged, one entry added or removed,
 * and what in it never decides. */
import { useState } from 'preact/hooks';
import { ask, command, session } from '../api';
import { status } from '../live';
import { Remedy } from '../remedy';
import { said } from '../said';
import { Button, Field, Input, None, Refused, Section, Select, Working } from '../ui/bits';
import { keep } from '../ui/file';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk, useDo, useSettled } from '../ui/use';
import { number, words } from '../words';
import type { Shown } from './index';
import {
    columnsOf,
    DoneNotice,
    KINDS,
    Tried,
    Turn,
    unsorted,
    usePages,
    type Changed,
    type Entry,
    type Would,
} from './plan_bits';

const t = words(
    {
        entries: 'Own entries',
        source: 'Source',
        all: 'All',
        none: 'Nothing is announced here yet.',
        search: 'Search',
        'search-hint': 'A part of the key.',
        remove: 'Remove',
        action: 'Action',
        'remove-title': 'Remove {key}?',
        add: 'Add an entry',
        kind: 'Kind',
        key: 'Key',
        'key-hint': 'user@host, a number (+81665550123), or a pattern (X, [1-5], [^0], !, ?).',
        failover: 'PSTN failover',
        'failover-hint': 'Empty: none; ITSELF; a number; or STRIP:DIGITS, such as 1:0312.',
        preview: 'Preview and add',
        'add-title': 'Add {key}?',
        'add-go': 'Add',
        check: 'Check',
        'check-text': 'Entries and routes that never decide anything, and why.',
        'check-go': 'Check the plan',
        'check-none': 'Every entry and every route can decide.',
        what: 'What',
        remedy: 'Remedy',
        export: 'Export',
        'export-text': 'The plan as a file, to be imported elsewhere or kept.',
        'export-ils': 'Save as CSV',
        'export-cucm': "Save in the original's form",
    },
    {
        entries: '自クラスタのエントリ',
        source: 'ソース',
        all: 'すべて',
        none: 'アドバタイズしているエントリはまだありません。',
        search: '検索',
        'search-hint': 'キーの一部。',
        remove: '削除',
        action: '操作',
        'remove-title': '{key} を削除しますか?',
        add: 'エントリの追加',
        kind: '種別',
        key: 'キー',
        'key-hint': 'user@host、番号(+81665550123)、またはパターン(X、[1-5]、[^0]、!、?)。',
        failover: 'PSTN フェールオーバー',
        'failover-hint':
            '空欄: なし。ITSELF、番号、または「除去桁数:先頭に付ける数字」(例 1:0312)。',
        preview: 'プレビューして追加',
        'add-title': '{key} を追加しますか?',
        'add-go': '追加',
        check: '点検',
        'check-text': '決して使われないエントリとルートを、その理由とともに示します。',
        'check-go': 'プランを点検',
        'check-none': '使われないエントリやルートはありません。',
        what: '内容',
        remedy: '対処',
        export: 'エクスポート',
        'export-text': 'プランをファイルに保存します。別のクラスタへのインポートや保管に使います。',
        'export-ils': 'CSV で保存',
        'export-cucm': 'オリジナルの形式で保存',
    },
);

const EACH = 50;

interface Shows {
    entries: Entry[];
    after: string | null;
    looked_at: number;
    total: number;
}

function Entries(props: { turn: number; done: (d: Changed) => void }) {
    const [source, setSource] = useState('');
    const [typed, setTyped] = useState('');
    const [kind, setKind] = useState('');
    const [going, setGoing] = useState<Entry | null>(null);
    const search = useSettled(typed);
    const pages = usePages([search, source, kind]);
    const asked = useAsk<Shows>('plan show', {
        max: EACH,
        source,
        search,
        kind,
        after: pages.after,
    });
    const known = useAsk<{ changes: { source: string | null; catalog: string | null }[] }>(
        'plan log',
        { max: 200 },
    );
    useAgain(asked.again, status.value?.usn);
    useAgain(asked.again, props.turn);
    const admin = session.value?.role === 'admin';
    const rows = asked.data?.entries;
    const sources = new Set<string>(rows?.map(e => e.source));
    if (source !== '') sources.add(source);
    for (const c of known.data?.changes ?? [])
        if (c.source && c.catalog === null) sources.add(c.source);

    const columns: Column<Entry>[] = [
        columnsOf.kind(),
        columnsOf.key(),
        columnsOf.failover(),
        columnsOf.source(),
        { title: 'USN', by: e => e.usn ?? 0, cell: e => number(e.usn), right: true },
    ];
    if (admin)
        columns.push({
            title: t('action'),
            cell: e => (
                <Button
                    kind="danger"
                    label={`${t('remove')}: ${e.key}`}
                    opens
                    onPress={() => setGoing(e)}
                >
                    {t('remove')}
                </Button>
            ),
        });
    return (
        <Section title={t('entries')}>
            <Refused refusal={asked.refusal} />
            <div class="filters">
                <Field label={t('search')} for="own-search" hint={t('search-hint')}>
                    <Input id="own-search" type="search" value={typed} onChange={setTyped} hinted />
                </Field>
                <Field label={t('source')} for="own-source">
                    <Select
                        id="own-source"
                        value={source}
                        onChange={setSource}
                        options={[
                            ['', t('all')],
                            ...[...sources].sort().map((s): [string, string] => [s, s]),
                        ]}
                    />
                </Field>
                <Field label={t('kind')} for="own-kind">
                    <Select
                        id="own-kind"
                        value={kind}
                        onChange={setKind}
                        options={[['', t('all')], ...KINDS.map((k): [string, string] => [k, k])]}
                    />
                </Field>
            </div>
            {asked.data === undefined && asked.busy && <Working />}
            {asked.data && (
                <>
                    <Table
                        caption={t('entries')}
                        columns={unsorted(columns)}
                        rows={asked.data.entries}
                        each={EACH}
                        none={t('none')}
                        keyOf={e => `${e.kind} ${e.key}`}
                    />
                    <Turn pages={pages} got={asked.data} busy={asked.busy} />
                </>
            )}
            {going && (
                <Tried
                    title={t('remove-title', { key: going.key })}
                    go={t('remove')}
                    danger
                    dry={() =>
                        ask<Would>('plan remove', {
                            kind: going.kind,
                            key: going.key,
                            dry_run: true,
                        })
                    }
                    work={() => ask<Changed>('plan remove', { kind: going.kind, key: going.key })}
                    done={props.done}
                    onEnd={() => setGoing(null)}
                />
            )}
        </Section>
    );
}

function Add(props: { done: (d: Changed) => void }) {
    const [kind, setKind] = useState('E164');
    const [key, setKey] = useState('');
    const [failover, setFailover] = useState('');
    const [trying, setTrying] = useState(false);
    const entry = { kind, key, failover };
    return (
        <Section title={t('add')}>
            <form
                onSubmit={e => {
                    e.preventDefault();
                    setTrying(true);
                }}
            >
                <Field label={t('kind')} for="entry-kind">
                    <Select
                        id="entry-kind"
                        value={kind}
                        onChange={setKind}
                        options={KINDS.map(k => [k, k])}
                    />
                </Field>
                <Field label={t('key')} for="entry-key" hint={t('key-hint')}>
                    <Input id="entry-key" value={key} onChange={setKey} required hinted />
                </Field>
                <Field label={t('failover')} for="entry-failover" hint={t('failover-hint')}>
                    <Input id="entry-failover" value={failover} onChange={setFailover} hinted />
                </Field>
                <div class="actions">
                    <Button submit kind="main">
                        {t('preview')}
                    </Button>
                </div>
            </form>
            {trying && (
                <Tried
                    title={t('add-title', { key })}
                    go={t('add-go')}
                    dry={() => ask<Would>('plan add', { ...entry, dry_run: true })}
                    work={() => ask<Changed>('plan add', entry)}
                    done={d => {
                        setKey('');
                        setFailover('');
                        props.done(d);
                    }}
                    onEnd={() => setTrying(false)}
                />
            )}
        </Section>
    );
}

interface Finding {
    what: string;
    kind: string | null;
    key: string;
    other: string | null;
    cluster_id: string | null;
    route_string: string | null;
    text: string;
    next: string | null;
}

function Check() {
    const doing = useDo<{ findings: Finding[]; total: number }>();
    const columns: Column<Finding>[] = [
        { title: t('kind'), by: f => f.kind, cell: f => f.kind ?? '–' },
        { title: t('key'), by: f => f.key, cell: f => <code>{f.key}</code> },
        {
            title: t('what'),
            by: f => f.text,
            cell: f => (
                <>
                    {said(f.text)} {f.other && <code>{f.other}</code>} {f.cluster_id}
                </>
            ),
        },
        {
            title: t('remedy'),
            cell: f => (f.next ? <Remedy text={f.next} at="here" /> : '–'),
        },
    ];
    return (
        <Section title={t('check')}>
            <p>{t('check-text')}</p>
            <Refused refusal={doing.refusal} />
            <div class="actions">
                <Button
                    disabled={doing.busy}
                    onPress={() => void doing.run(() => ask('plan check'))}
                >
                    {t('check-go')}
                </Button>
            </div>
            {doing.busy && <Working />}
            {doing.done && doing.done.findings.length === 0 && <None text={t('check-none')} />}
            {doing.done && doing.done.findings.length > 0 && (
                <Table
                    caption={t('check')}
                    columns={columns}
                    rows={doing.done.findings}
                    filter
                    keyOf={f => `${f.what} ${f.kind} ${f.key} ${f.other}`}
                />
            )}
        </Section>
    );
}

/* The file comes in pieces, as lines before the answer. */
async function exported(format: 'ils' | 'cucm'): Promise<void> {
    const answer = await command<{ text: string }>('plan export', { format });
    const parts = answer.lines.map(line => line.part).filter(part => typeof part === 'string');
    keep(`${status.value?.cluster_id ?? 'plan'}-${format}.csv`, parts.join(''), 'text/csv');
}

function Export() {
    const doing = useDo<void>();
    return (
        <Section title={t('export')}>
            <p>{t('export-text')}</p>
            <Refused refusal={doing.refusal} />
            <div class="actions">
                <Button disabled={doing.busy} onPress={() => void doing.run(() => exported('ils'))}>
                    {t('export-ils')}
                </Button>
                <Button
                    disabled={doing.busy}
                    onPress={() => void doing.run(() => exported('cucm'))}
                >
                    {t('export-cucm')}
                </Button>
            </div>
        </Section>
    );
}

export function Own(_: Shown) {
    const [done, setDone] = useState<Changed | null>(null);
    const [turn, setTurn] = useState(0);
    const admin = session.value?.role === 'admin';
    function changed(d: Changed) {
        setDone(d);
        setTurn(n => n + 1);
    }
    return (
        <>
            {done && <DoneNotice done={done} />}
            {admin && <Add done={changed} />}
            <Entries turn={turn} done={changed} />
            <Check />
            <Export />
        </>
    );
}
