/* network_tables: the network as tables: the hubs of this cluster, who has what of whose plan, and
 * who left, was forgotten or banned. */
import { useEffect, useState } from 'preact/hooks';
import { toneOf } from '../clusters';
import { clusters, hubs, status } from '../live';
import { Remedy } from '../remedy';
import { said } from '../said';
import type { Hub } from '../types';
import { Button, Chip, Field, Notice, Refused, Section, Select, Working } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAsk } from '../ui/use';
import { number, when, words } from '../words';
import { mayChange, onCluster, type Act } from '../acts';
import { isCluster } from './network_layout';

const t = words(
    {
        hubs: 'Hubs of this cluster',
        'hubs-none': 'No hub is to be reached: this cluster stands alone, or is the only hub.',
        'hubs-never': 'The registration server {host} was not reached yet: {code}.',
        hub: 'Hub',
        why: 'Why',
        'why-hub': 'other hub',
        'why-home': 'registration server',
        'why-serves': 'alternate that serves this cluster now',
        'why-alternate': 'alternate',
        address: 'Address',
        state: 'State',
        linked: 'linked',
        visited: 'visited',
        draining: 'about to be a spoke',
        missing: 'not reached since {s} s',
        failed: 'not reached',
        code: 'Last code',
        attempts: 'Failed in a row',
        next: 'What mends it',
        holds: 'Who has what',
        'holds-of': 'Holdings of',
        cluster: 'Cluster',
        mine: '{name} (this cluster)',
        'its-plan': '{name} has its plan',
        'their-view': 'It has the plan of {name}',
        usn: 'USN',
        'their-usn': 'USN there',
        lag: 'Behind for',
        digest: 'Digest',
        equal: 'equal',
        differs: 'differs',
        error: 'Last error',
        again: 'Ask again',
        seconds: '{n} s',
        'as-of': 'As of {time}',
        behind: '{n} behind',
        unknown: '{n} not known',
        ended: 'Left, forgotten, banned',
        'ended-none': 'Nobody left, was forgotten or banned.',
        how: 'How it ended',
        left: 'left',
        forgotten: 'forgotten',
        banned: 'banned',
        unbanned: 'unbanned',
        by: 'By',
        until: 'Until epoch, USN',
        action: 'Action',
    },
    {
        hubs: 'このクラスタのハブ',
        'hubs-none': '接続すべきハブはありません(単独、または唯一のハブです)。',
        'hubs-never': '登録サーバ {host} にはまだ到達していません: {code}。',
        hub: 'ハブ',
        why: '関係',
        'why-hub': '他のハブ',
        'why-home': '登録サーバ',
        'why-serves': '現在受け持っている代替ハブ',
        'why-alternate': '代替ハブ',
        address: 'アドレス',
        state: '状態',
        linked: 'リンク中',
        visited: '面識あり',
        draining: 'スポークに移行中',
        missing: '{s} 秒間到達不可',
        failed: '到達不可',
        code: '最後のコード',
        attempts: '連続失敗回数',
        next: '対処',
        holds: '誰が何を持っているか',
        'holds-of': '対象クラスタ',
        cluster: 'クラスタ',
        mine: '{name}(このクラスタ)',
        'its-plan': '{name} での状態',
        'their-view': '{name} のプランの受信状態',
        usn: 'USN',
        'their-usn': '相手の USN',
        lag: '遅れ',
        digest: 'ダイジェスト',
        equal: '一致',
        differs: '不一致',
        error: '最後のエラー',
        again: '再取得',
        seconds: '{n} 秒',
        'as-of': '{time} 時点',
        behind: '遅れ {n} 件',
        unknown: '不明 {n} 件',
        ended: '離脱・削除・追放',
        'ended-none': '離脱、削除または追放されたクラスタはありません。',
        how: '理由',
        left: '離脱',
        forgotten: '削除',
        banned: '追放',
        unbanned: '追放解除',
        by: '操作したクラスタ',
        until: 'エポック, USN まで',
        action: '操作',
    },
);

const WHY = ['hub', 'home', 'serves', 'alternate'] as const;

function whyWords(why: string): string {
    const known = WHY.find(w => w === why);
    return known ? t(`why-${known}`) : why;
}

function HubState(props: { hub: Hub }) {
    const h = props.hub;
    if (h.linked) return <Chip tone="good">{t('linked')}</Chip>;
    if (h.why === 'alternate' && h.visited) return <Chip tone="info">{t('visited')}</Chip>;
    if (h.since_s === null) return <Chip tone="plain">{t('failed')}</Chip>;
    return <Chip tone="bad">{t('missing', { s: number(h.since_s) })}</Chip>;
}

function noHubs(): string {
    const join = status.value?.join;
    if (!join?.wanted || join.up || !join.hub) return t('hubs-none');
    return t('hubs-never', { host: `${join.hub}:${join.hub_port}`, code: join.last_code ?? '–' });
}

export function Hubs() {
    const columns: Column<Hub>[] = [
        { title: t('hub'), by: h => h.cluster_id, cell: h => <strong>{h.cluster_id}</strong> },
        { title: t('why'), by: h => whyWords(h.why), cell: h => whyWords(h.why) },
        { title: t('address'), by: h => h.address, cell: h => `${h.address}:${h.port}` },
        {
            title: t('state'),
            by: h => (h.linked ? 0 : h.visited ? 1 : 2),
            cell: h => (
                <>
                    <HubState hub={h} />
                    {h.draining && <Chip tone="warn">{t('draining')}</Chip>}
                </>
            ),
        },
        { title: t('code'), by: h => h.last_code, cell: h => h.last_code ?? '–' },
        { title: t('attempts'), by: h => h.attempts, cell: h => number(h.attempts), right: true },
        {
            title: t('next'),
            cell: h => (h.next ? <Remedy text={h.next} at={h.next_at} /> : '–'),
        },
    ];
    return (
        <Section title={t('hubs')}>
            <Table
                caption={t('hubs')}
                columns={columns}
                rows={hubs.value}
                none={noHubs()}
                filter={hubs.value.length > 10}
                keyOf={h => h.peer_id}
            />
        </Section>
    );
}

/* --- who has what */

interface Holds {
    known: boolean;
    usn: number | null;
    newest: number;
    lag_s: number | null;
    digest_equal: boolean | null;
    status: string;
    error: string | null;
    since: string | null;
    exact: boolean;
    as_of: string | null;
}

interface Holding extends Holds {
    cluster_id: string;
    name: string;
    peer_id: string;
    local: boolean;
    entries: number;
    theirs: Holds | null;
}

interface Sync {
    cluster: string;
    local: boolean;
    cause: string | null;
    behind: number;
    unknown: number;
    clusters: Holding[];
}

const QUIET = new Set(['No plan yet', 'Not known']);

function HoldState(props: { h: Holds | null }) {
    const h = props.h;
    if (!h) return <>–</>;
    const tone = QUIET.has(h.status) ? 'plain' : toneOf(h.status);
    return (
        <span title={h.as_of ? t('as-of', { time: when(h.as_of) }) : undefined}>
            <Chip tone={tone}>{said(h.status)}</Chip>
        </span>
    );
}

function usnOf(h: Holds | null): string {
    if (!h || h.usn === null) return '–';
    return h.usn === h.newest ? number(h.usn) : `${number(h.usn)} / ${number(h.newest)}`;
}

function Fault(props: { h: Holds | null }) {
    const h = props.h;
    if (!h?.error) return <>–</>;
    return (
        <>
            {said(h.error)} <small>{when(h.since)}</small>
        </>
    );
}

function stateColumn(title: string, of: (h: Holding) => Holds | null): Column<Holding> {
    return { title, by: h => of(h)?.status ?? null, cell: h => <HoldState h={of(h)} /> };
}

function usnColumn(title: string, of: (h: Holding) => Holds | null): Column<Holding> {
    return { title, by: h => of(h)?.usn ?? null, cell: h => usnOf(of(h)), right: true };
}

function holdColumns(name: string): Column<Holding>[] {
    return [
        { title: t('cluster'), by: h => h.name, cell: h => <strong>{h.name}</strong> },
        stateColumn(t('its-plan', { name }), h => h),
        usnColumn(t('usn'), h => h),
        {
            title: t('lag'),
            by: h => h.lag_s,
            cell: h => (h.lag_s ? t('seconds', { n: number(h.lag_s) }) : '–'),
            right: true,
        },
        {
            title: t('digest'),
            by: h => (h.digest_equal === null ? null : Number(h.digest_equal)),
            cell: h => (h.digest_equal === null ? '–' : h.digest_equal ? t('equal') : t('differs')),
        },
        { title: t('error'), by: h => h.error, cell: h => <Fault h={h} /> },
        stateColumn(t('their-view', { name }), h => h.theirs),
        usnColumn(t('their-usn'), h => h.theirs),
    ];
}

/* What the table of clusters says about plans: with another the holdings are asked anew. */
function planKey(): string {
    return clusters.value
        .map(c => `${c.peer_id}${c.usn} ${c.usn_data_synchronization_status}`)
        .join();
}

export function WhoHasWhat() {
    const [of, setOf] = useState('');
    const asked = useAsk<Sync>('sync', { cluster: of });
    const { again } = asked;
    const key = planKey();
    useEffect(() => again(), [key, again]);
    const data = asked.data;
    const name = data?.cluster ?? '';
    const own = status.value?.cluster_id ?? '';
    const options: [string, string][] = clusters.value
        .filter(isCluster)
        .map(c => (c.local ? ['', t('mine', { name: own })] : [c.name, c.name]));
    return (
        <Section title={t('holds')}>
            <Field label={t('holds-of')} for="holds-of">
                <Select id="holds-of" value={of} options={options} onChange={setOf} />{' '}
                <Button onPress={again} disabled={asked.busy}>
                    {t('again')}
                </Button>
            </Field>
            <Refused refusal={asked.refusal} />
            {data?.cause && <Notice tone="warn" title={said(data.cause)} />}
            {!data && asked.busy && <Working />}
            {data && (
                <>
                    <p>
                        {t('behind', { n: number(data.behind) })} ·{' '}
                        {t('unknown', { n: number(data.unknown) })}
                    </p>
                    <Table
                        caption={t('holds')}
                        columns={holdColumns(name)}
                        rows={data.clusters}
                        filter={data.clusters.length > 10}
                        keyOf={h => h.peer_id}
                    />
                </>
            )}
        </Section>
    );
}

/* --- who is not here any more */

interface Ended {
    cluster_id: string | null;
    peer_id: string;
    how: string;
    by: string | null;
    by_peer_id: string;
    epoch: number;
    usn: number;
}

const HOW = ['left', 'forgotten', 'banned', 'unbanned'] as const;

function howWords(how: string): string {
    const known = HOW.find(h => h === how);
    return known ? t(known) : how;
}

function How(props: { how: string }) {
    return <Chip tone={props.how === 'banned' ? 'bad' : 'plain'}>{howWords(props.how)}</Chip>;
}

export function Gone(props: { turn: number; begin: (act: Act) => void }) {
    const asked = useAsk<Ended[]>('ended');
    const { again } = asked;
    const n = clusters.value.length;
    useEffect(() => again(), [props.turn, n, again]);
    const columns: Column<Ended>[] = [
        {
            title: t('cluster'),
            by: e => e.cluster_id,
            cell: e => <strong title={e.peer_id}>{e.cluster_id ?? e.peer_id}</strong>,
        },
        {
            title: t('how'),
            by: e => e.how,
            cell: e => <How how={e.how} />,
        },
        { title: t('by'), by: e => e.by, cell: e => e.by ?? <code>{e.by_peer_id}</code> },
        { title: t('until'), cell: e => `${number(e.epoch)}, ${number(e.usn)}` },
    ];
    if (mayChange())
        columns.push({
            title: t('action'),
            cell: e =>
                e.how === 'banned' && (
                    <Button
                        opens
                        onPress={() =>
                            props.begin(onCluster('unban', e.cluster_id ?? e.peer_id, e.peer_id))
                        }
                    >
                        {onCluster('unban', '', '').what}
                    </Button>
                ),
        });
    return (
        <Section title={t('ended')}>
            <Refused refusal={asked.refusal} />
            <Table
                caption={t('ended')}
                columns={columns}
                rows={asked.data ?? []}
                none={t('ended-none')}
                keyOf={e => e.peer_id}
            />
        </Section>
    );
}
