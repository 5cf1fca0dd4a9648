/* plan_learned: what the other clusters announce, searched and paged by ilsd: of a million
 * entries the browser has one page. */
import { useState } from 'preact/hooks';
import { clusters } from '../live';
import { said } from '../said';
import { Check, Chip, Field, Input, Refused, Section, Select, Working } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAsk, useSettled } from '../ui/use';
import { number, words } from '../words';
import type { Shown } from './index';
import { columnsOf, KINDS, Turn, unsorted, usePages } from './plan_bits';

const t = words(
    {
        title: 'Learned entries',
        search: 'Search',
        'search-hint': 'A part of the key.',
        cluster: 'Cluster',
        all: 'All',
        kind: 'Kind',
        stale: 'Stale ones only',
        none: 'Nothing of this kind was learned.',
        route: 'Route string',
        state: 'Decides',
        first: 'yes',
        age: 'Age',
        seconds: '{n} s',
        'stale-chip': 'stale',
        why: 'Why',
    },
    {
        title: '学習済みエントリ',
        search: '検索',
        'search-hint': 'キーの一部。',
        cluster: 'クラスタ',
        all: 'すべて',
        kind: '種別',
        stale: '古いものだけ',
        none: '該当する学習済みエントリはありません。',
        route: 'ルート文字列',
        state: '採用',
        first: '採用',
        age: '経過',
        seconds: '{n} 秒',
        'stale-chip': '古い',
        why: '理由',
    },
);

interface LearnedEntry {
    kind: string;
    key: string;
    failover: string;
    cluster: string;
    peer_id: string;
    route_string: string;
    usn: number;
    stale: boolean;
    age_s: number;
    first: boolean;
    rule: string;
}

interface Answer {
    entries: LearnedEntry[];
    after: string | null;
    looked_at: number;
    total: number;
}

const EACH = 50;
const columns = (): Column<LearnedEntry>[] => [
    columnsOf.kind(),
    columnsOf.key(),
    columnsOf.failover(),
    {
        title: t('cluster'),
        by: e => e.cluster,
        cell: e => (
            <>
                {e.cluster} {e.stale && <Chip tone="warn">{t('stale-chip')}</Chip>}
            </>
        ),
    },
    { title: t('route'), by: e => e.route_string, cell: e => e.route_string },
    {
        title: t('state'),
        by: e => (e.first ? '' : e.rule),
        cell: e => (e.first ? <Chip tone="good">{t('first')}</Chip> : said(e.rule)),
    },
    {
        title: t('age'),
        by: e => e.age_s,
        cell: e => t('seconds', { n: number(e.age_s) }),
        right: true,
    },
    {
        title: t('why'),
        cell: e => (
            <a
                href={`#/plan?tab=why&dialled=${encodeURIComponent(e.key)}`}
                aria-label={`${t('why')}: ${e.key}`}
            >
                {t('why')}
            </a>
        ),
    },
];

export function Learned(_: Shown) {
    const [typed, setTyped] = useState('');
    const [cluster, setCluster] = useState('');
    const [kind, setKind] = useState('');
    const [stale, setStale] = useState(false);
    const search = useSettled(typed);
    const pages = usePages([search, cluster, kind, stale]);
    const asked = useAsk<Answer>('learned', {
        search,
        cluster,
        kind,
        stale: stale || undefined,
        max: EACH,
        after: pages.after,
    });
    const got = asked.data;
    const others = clusters.value.filter(c => !c.local);
    return (
        <Section title={t('title')}>
            <div class="filters">
                <Field label={t('search')} for="learned-search" hint={t('search-hint')}>
                    <Input
                        id="learned-search"
                        type="search"
                        value={typed}
                        onChange={setTyped}
                        hinted
                    />
                </Field>
                <Field label={t('cluster')} for="learned-cluster">
                    <Select
                        id="learned-cluster"
                        value={cluster}
                        onChange={setCluster}
                        options={[
                            ['', t('all')],
                            ...others.map((c): [string, string] => [c.peer_id, c.name]),
                        ]}
                    />
                </Field>
                <Field label={t('kind')} for="learned-kind">
                    <Select
                        id="learned-kind"
                        value={kind}
                        onChange={setKind}
                        options={[['', t('all')], ...KINDS.map((k): [string, string] => [k, k])]}
                    />
                </Field>
                <Check id="learned-stale" label={t('stale')} checked={stale} onChange={setStale} />
            </div>
            <Refused refusal={asked.refusal} />
            {got === undefined && asked.busy && <Working />}
            {got && (
                <>
                    <Table
                        caption={t('title')}
                        columns={unsorted(columns())}
                        rows={got.entries}
                        each={EACH}
                        none={t('none')}
                        keyOf={e => `${e.peer_id} ${e.route_string} ${e.kind} ${e.key}`}
                    />
                    <Turn pages={pages} got={got} busy={asked.busy} />
                </>
            )}
        </Section>
    );
}
