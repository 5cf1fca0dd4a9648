/* plan_learned: what the other clusters announce, searched and paged by ilsd: of a million
 * entries the browser has one page. */
import { useEffect, useState } from 'preact/hooks';
import { clusters } from '../live';
import { said } from '../said';
import { Button, Check, Chip, Field, Input, Refused, Section, Select, Working } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAsk } from '../ui/use';
import { number, words } from '../words';
import type { Shown } from './index';
import { columnsOf, KINDS } from './plan_bits';

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
        former: 'Previous',
        next: 'Next',
        looked: '{n} looked at, of {total}',
        page: 'Page {n}',
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
        former: '前へ',
        next: '次へ',
        looked: '全 {total} 件のうち {n} 件を確認',
        page: '{n} ページ',
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
const PAUSE_MS = 200;

/* What was typed, once the typing pauses. */
function useSettled(text: string): string {
    const [settled, setSettled] = useState(text);
    useEffect(() => {
        const clock = setTimeout(() => setSettled(text), PAUSE_MS);
        return () => clearTimeout(clock);
    }, [text]);
    return settled;
}

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
    /* where each page begins that was looked at; of other filters it says nothing */
    const [pages, setPages] = useState<{ of: string; after: string[] }>({ of: '', after: [] });
    const search = useSettled(typed);
    const of = JSON.stringify([search, cluster, kind, stale]);
    const after = pages.of === of ? pages.after : [];
    const asked = useAsk<Answer>('learned', {
        search,
        cluster,
        kind,
        stale: stale || undefined,
        max: EACH,
        after: after.at(-1),
    });
    const got = asked.data;
    const others = clusters.value.filter(c => !c.local);
    const next = got?.after;
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
                        columns={columns()}
                        rows={got.entries}
                        each={EACH}
                        none={t('none')}
                        keyOf={e => `${e.peer_id} ${e.route_string} ${e.kind} ${e.key}`}
                    />
                    <div class="pager">
                        <Button
                            disabled={after.length === 0}
                            onPress={() => setPages({ of, after: after.slice(0, -1) })}
                        >
                            {t('former')}
                        </Button>
                        <span role="status">
                            {t('page', { n: after.length + 1 })} ·{' '}
                            {t('looked', { n: number(got.looked_at), total: number(got.total) })}
                        </span>
                        <Button
                            disabled={!next || asked.busy}
                            onPress={() => next && setPages({ of, after: [...after, next] })}
                        >
                            {t('next')}
                        </Button>
                    </div>
                </>
            )}
        </Section>
    );
}
