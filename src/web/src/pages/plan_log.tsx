/* plan_log: every change of the plan and of imported catalogs, and how it is taken back. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { status } from '../live';
import { Button, Chip, Notice, Refused, Section, Working } from '../ui/bits';
import { Dialog } from '../ui/dialog';
import { Pager, Table, type Column } from '../ui/table';
import { useAgain, useAsk } from '../ui/use';
import { number, when, words } from '../words';
import type { Shown } from './index';
import {
    columnsOf,
    Counts,
    DoneNotice,
    Tried,
    WhatChip,
    type Changed,
    type Entry,
    type What,
    type Would,
} from './plan_bits';

const t = words(
    {
        log: 'Changes of the plan',
        none: 'Nothing was changed yet.',
        n: 'No.',
        time: 'When',
        who: 'Who',
        what: 'What',
        counts: 'Entries',
        undoes: 'takes back {n}',
        'undoes-to': 'takes back all after {n}',
        waits: 'waits for its confirmation',
        action: 'Action',
        show: 'Show',
        back: 'Roll back',
        'back-title': 'Take back change {n}?',
        to: 'Roll back to here',
        'to-title': 'Take back everything after change {n}?',
        'to-text': 'In the plan and in every catalog: one change each, which can be taken back.',
        newer: 'Newer',
        older: 'Older',
        keys: 'Entries of change {n}',
        shown: 'Change',
        left: '{n} entries were touched by a later change and stay as they are.',
        by: 'touched by change',
        'cut-short': 'The rollback to change {n} was cut short.',
        'goes-on': 'It goes on by itself.',
        'goes-not': 'The plan was changed since: roll back again.',
    },
    {
        log: 'プランの変更履歴',
        none: '変更はまだありません。',
        n: '番号',
        time: '日時',
        who: '操作者',
        what: '操作',
        counts: 'エントリ',
        undoes: '変更 {n} の取り消し',
        'undoes-to': '変更 {n} より後のすべての取り消し',
        waits: '確認待ち',
        action: '操作',
        show: '表示',
        back: '取り消す',
        'back-title': '変更 {n} を取り消しますか?',
        to: 'ここまで戻す',
        'to-title': '変更 {n} より後をすべて取り消しますか?',
        'to-text':
            'プランとすべてのカタログが対象です。それぞれ 1 つの変更として記録され、' +
            '再び取り消せます。',
        newer: '新しい変更',
        older: '古い変更',
        keys: '変更 {n} のエントリ',
        shown: '変更',
        left: '{n} 件のエントリは、後の変更で更新されたため、そのまま残ります。',
        by: '更新した変更',
        'cut-short': '変更 {n} までのロールバックが中断しました。',
        'goes-on': '自動的に再開します。',
        'goes-not': 'その後プランが変更されたため、もう一度ロールバックしてください。',
    },
);

interface Change {
    number: number;
    time: string;
    who: string;
    what: string;
    source: string | null;
    added: number;
    removed: number;
    changed: number;
    undoes: number | null;
    undoes_to: boolean;
    catalog: string | null;
    confirm_until: string | null;
}

interface LogPage {
    changes: Change[];
    first: number;
    last: number;
}

interface Back extends Changed {
    left: (Entry & { change: number })[];
    left_total: number;
}

const EACH = 20;
const KEYS = 100;

type KeyRow = Entry & { what: What };

function Keys(props: { of: number; onEnd: () => void }) {
    const [skip, setSkip] = useState(0);
    const asked = useAsk<{ keys: KeyRow[]; total: number }>('plan log', {
        number: props.of,
        max: KEYS,
        skip,
    });
    const columns: Column<KeyRow>[] = [
        { title: t('shown'), by: k => k.what, cell: k => <WhatChip what={k.what} /> },
        columnsOf.kind(),
        columnsOf.key(),
        columnsOf.failover(),
        columnsOf.source(),
    ];
    const got = asked.data;
    return (
        <Dialog title={t('keys', { n: props.of })} onCancel={props.onEnd}>
            <Refused refusal={asked.refusal} />
            {got === undefined && asked.busy && <Working />}
            {got && (
                <Table
                    caption={t('keys', { n: props.of })}
                    columns={columns}
                    rows={got.keys}
                    each={KEYS}
                    keyOf={k => `${k.what} ${k.kind} ${k.key}`}
                />
            )}
            {got && got.total > KEYS && (
                <Pager
                    from={skip + 1}
                    to={skip + got.keys.length}
                    n={got.total}
                    former={skip > 0 ? () => setSkip(skip - KEYS) : undefined}
                    next={skip + KEYS < got.total ? () => setSkip(skip + KEYS) : undefined}
                />
            )}
        </Dialog>
    );
}

function BackNotice(props: { done: Back }) {
    const d = props.done;
    return (
        <>
            <DoneNotice done={d} />
            {d.left_total > 0 && (
                <Notice tone="warn" title={t('left', { n: number(d.left_total) })}>
                    <ul>
                        {d.left.map(e => (
                            <li key={`${e.kind} ${e.key}`}>
                                {e.kind} <code>{e.key}</code> ({t('by')} {e.change})
                            </li>
                        ))}
                    </ul>
                </Notice>
            )}
        </>
    );
}

function CutShort() {
    const s = status.value as { rollback?: { to: number; goes_on: boolean } | null } | null;
    const cut = s?.rollback;
    if (!cut) return null;
    return (
        <Notice tone="warn" title={t('cut-short', { n: cut.to })}>
            <p>{t(cut.goes_on ? 'goes-on' : 'goes-not')}</p>
        </Notice>
    );
}

type Going = { number: number } | { to: number };

export function Log(_: Shown) {
    /* the page begins before this number; 0: with the newest */
    const [before, setBefore] = useState(0);
    const [shown, setShown] = useState<number | null>(null);
    const [going, setGoing] = useState<Going | null>(null);
    const [done, setDone] = useState<Back | null>(null);
    const asked = useAsk<LogPage>('plan log', { max: EACH, before: before || undefined });
    useAgain(asked.again, status.value);
    const admin = session.value?.role === 'admin';
    const got = asked.data;
    const oldest = got?.changes.at(-1)?.number ?? 0;

    const columns: Column<Change>[] = [
        { title: t('n'), cell: c => c.number, right: true },
        { title: t('time'), cell: c => when(c.time) },
        { title: t('who'), cell: c => c.who },
        {
            title: t('what'),
            cell: c => (
                <>
                    <code>{c.what}</code>{' '}
                    {c.undoes !== null && (
                        <Chip tone="info">
                            {t(c.undoes_to ? 'undoes-to' : 'undoes', { n: c.undoes })}
                        </Chip>
                    )}
                    {c.confirm_until && <Chip tone="warn">{t('waits')}</Chip>}
                </>
            ),
        },
        { title: t('counts'), cell: c => <Counts of={c} /> },
        {
            title: t('action'),
            cell: c => (
                <span class="both">
                    <Button
                        label={`${t('show')}: ${c.number}`}
                        opens
                        onPress={() => setShown(c.number)}
                    >
                        {t('show')}
                    </Button>
                    {admin && (
                        <Button
                            kind="danger"
                            label={`${t('back')}: ${c.number}`}
                            opens
                            onPress={() => setGoing({ number: c.number })}
                        >
                            {t('back')}
                        </Button>
                    )}
                    {admin && c.number !== got?.last && (
                        <Button
                            kind="danger"
                            label={`${t('to')}: ${c.number}`}
                            opens
                            onPress={() => setGoing({ to: c.number })}
                        >
                            {t('to')}
                        </Button>
                    )}
                </span>
            ),
        },
    ];
    return (
        <Section title={t('log')}>
            <CutShort />
            <Refused refusal={asked.refusal} />
            {done && <BackNotice done={done} />}
            {got === undefined && asked.busy && <Working />}
            {got && (
                <Table
                    caption={t('log')}
                    columns={columns}
                    rows={got.changes}
                    none={t('none')}
                    keyOf={c => String(c.number)}
                />
            )}
            {got && (before > 0 || oldest > got.first) && (
                <div class="pager">
                    <Button
                        disabled={before === 0}
                        onPress={() => {
                            const up = before + EACH;
                            setBefore(up > got.last ? 0 : up);
                        }}
                    >
                        {t('newer')}
                    </Button>
                    <Button disabled={oldest <= got.first} onPress={() => setBefore(oldest)}>
                        {t('older')}
                    </Button>
                </div>
            )}
            {shown !== null && <Keys of={shown} onEnd={() => setShown(null)} />}
            {going && (
                <Tried
                    title={
                        'to' in going
                            ? t('to-title', { n: going.to })
                            : t('back-title', { n: going.number })
                    }
                    go={t('to' in going ? 'to' : 'back')}
                    danger
                    dry={() => ask<Would>('plan rollback', { ...going, dry_run: true })}
                    work={() => ask<Back>('plan rollback', { ...going })}
                    done={d => {
                        setDone(d);
                        asked.again();
                    }}
                    onEnd={() => setGoing(null)}
                >
                    {'to' in going && <p>{t('to-text')}</p>}
                </Tried>
            )}
        </Section>
    );
}
