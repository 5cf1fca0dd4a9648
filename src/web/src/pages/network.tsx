/* network: hubs, spokes and links as a picture, and the same as a table; the hubs of this cluster;
 * who has what; who is gone; and what is done about all that. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { toneOf } from '../clusters';
import { clusters, hubs, status } from '../live';
import { said } from '../said';
import type { Cluster } from '../types';
import { Button, Chip, Print, Section, type Children } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAsk } from '../ui/use';
import { number, when, words } from '../words';
import './network.css';
import { mayChange, onCluster, useActs, type Act } from '../acts';
import { isCluster, picture, type Line } from './network_layout';
import { Drawing, kindWords, methodWords, roleWords } from './network_picture';
import { Self } from './network_self';
import { Gone, Hubs, WhoHasWhat } from './network_tables';

const t = words(
    {
        picture: 'Picture',
        chosen: 'Cluster {name}',
        table: 'Clusters',
        name: 'Cluster',
        role: 'Role',
        link: 'Link with this cluster',
        none: 'none of its own',
        method: 'Method',
        state: 'State',
        entries: 'Entries',
        fqdn: 'Name',
        description: 'Description',
        address: 'Address',
        version: 'Version',
        peer: 'Peer ID',
        'met-first': 'First met',
        'met-last': 'Last met',
        since: 'Linked since',
        'dialled-here': 'dialled from here',
        'dialled-there': 'dialled by it',
        rule: 'Accepted by',
        certificate: 'Certificate',
        contact: 'Last contact',
        acts: 'What can be done',
        show: 'Show {name}',
        close: 'Close',
    },
    {
        picture: '構成図',
        chosen: 'クラスタ {name}',
        table: 'クラスタ一覧',
        name: 'クラスタ',
        role: '役割',
        link: 'このクラスタとのリンク',
        none: '直接のリンクなし',
        method: '方式',
        state: '状態',
        entries: 'エントリ数',
        fqdn: '名前',
        description: '説明',
        address: 'アドレス',
        version: 'バージョン',
        peer: 'ピア ID',
        'met-first': '最初の認証',
        'met-last': '最後の認証',
        since: 'リンク開始',
        'dialled-here': 'こちらから接続',
        'dialled-there': '相手から接続',
        rule: '認証の根拠',
        certificate: '証明書',
        contact: '最終通信日時',
        acts: '操作',
        show: '{name} を表示',
        close: '閉じる',
    },
);

interface Peer extends Cluster {
    rule: string | null;
    met_first: string | null;
    met_last: string | null;
    link_peer: string | null;
    link_dialled_here: boolean | null;
    link_since: string | null;
}

function actsOn(c: Cluster): Act[] {
    if (c.local || !mayChange()) return [];
    const name = c.name;
    const acts = [onCluster(c.disconnected ? 'connect' : 'disconnect', name, c.peer_id)];
    if (!c.linked) acts.push(onCluster('forget', name, c.peer_id));
    if (status.value?.role === 'Hub') acts.push(onCluster('ban', name, c.peer_id));
    return acts;
}

function Acts(props: { acts: Act[]; name: string; begin: (act: Act) => void }) {
    return (
        <span class="tight">
            {props.acts.map(act => (
                <Button
                    key={act.command}
                    kind={act.danger ? 'danger' : 'plain'}
                    label={`${act.what}: ${props.name}`}
                    opens
                    onPress={() => props.begin(act)}
                >
                    {act.what}
                </Button>
            ))}
        </span>
    );
}

function Fact(props: { name: string; value: Children }) {
    if (!props.value) return null;
    return (
        <>
            <dt>{props.name}</dt>
            <dd>{props.value}</dd>
        </>
    );
}

function LinkFacts(props: { peer: Peer }) {
    const p = props.peer;
    const how = p.link_dialled_here ? t('dialled-here') : t('dialled-there');
    const certificate = p.certificate_fingerprint && (
        <>
            {p.certificate_name} <Print of={p.certificate_fingerprint} />
        </>
    );
    return (
        <>
            {p.linked && <Fact name={t('method')} value={methodWords(p.link_method)} />}
            {p.linked && (
                <Fact name={t('since')} value={`${when(p.link_since)} (${p.link_peer}, ${how})`} />
            )}
            <Fact name={t('rule')} value={said(p.rule)} />
            <Fact name={t('met-first')} value={p.met_first && when(p.met_first)} />
            <Fact name={t('met-last')} value={p.met_last && when(p.met_last)} />
            <Fact name={t('certificate')} value={certificate} />
        </>
    );
}

/* All about the one that was chosen in the picture or in the table. */
function Chosen(props: { cluster: Cluster; close: () => void; begin: (act: Act) => void }) {
    const c = props.cluster;
    const peers = useAsk<Peer[]>('peers');
    const { again } = peers;
    useEffect(() => again(), [c.linked, c.disconnected, c.peer_id, again]);
    useEffect(
        () => document.getElementById('chosen')?.scrollIntoView({ block: 'nearest' }),
        [c.peer_id],
    );
    const peer = peers.data?.find(p => p.peer_id === c.peer_id);
    return (
        <Section title={t('chosen', { name: c.name })} id="chosen">
            <dl class="facts" aria-live="polite">
                <Fact name={t('fqdn')} value={c.fqdn} />
                <Fact name={t('description')} value={c.description} />
                <Fact name={t('role')} value={roleWords(c.role)} />
                <Fact name={t('state')} value={said(c.usn_data_synchronization_status)} />
                <Fact name={t('entries')} value={number(c.entries)} />
                <Fact name={t('address')} value={c.address} />
                {peer && <LinkFacts peer={peer} />}
                <Fact name={t('version')} value={c.version} />
                <Fact name={t('peer')} value={c.peer_id} />
            </dl>
            <div class="actions">
                {actsOn(c).map(act => (
                    <Acts key={act.command} acts={[act]} name={c.name} begin={props.begin} />
                ))}
                <Button onPress={props.close}>{t('close')}</Button>
            </div>
        </Section>
    );
}

function columnsOf(
    lines: Map<string, Line>,
    choose: (id: string) => void,
    begin: (act: Act) => void,
): Column<Cluster>[] {
    const link = (c: Cluster) => {
        const line = lines.get(c.peer_id);
        if (c.local) return '–';
        if (!line) return t('none');
        const what = line.kind === 'link' ? methodWords(line.method) : null;
        return [kindWords(line.kind), what, line.code].filter(Boolean).join(', ');
    };
    const columns: Column<Cluster>[] = [
        {
            title: t('name'),
            by: c => c.name,
            cell: c => (
                <button
                    type="button"
                    class="link-like"
                    aria-label={t('show', { name: c.name })}
                    onClick={() => choose(c.peer_id)}
                >
                    {c.name}
                </button>
            ),
        },
        { title: t('role'), by: c => roleWords(c.role), cell: c => roleWords(c.role) },
        { title: t('link'), by: link, cell: link },
        {
            title: t('state'),
            by: c => c.usn_data_synchronization_status,
            cell: c => (
                <Chip tone={toneOf(c.usn_data_synchronization_status)}>
                    {said(c.usn_data_synchronization_status)}
                </Chip>
            ),
        },
        { title: t('entries'), by: c => c.entries, cell: c => number(c.entries), right: true },
        {
            title: t('address'),
            by: c => c.address,
            cell: c => <span class="nowrap">{c.address ?? '–'}</span>,
        },
        { title: t('contact'), by: c => c.last_contact_time, cell: c => when(c.last_contact_time) },
    ];
    if (mayChange())
        columns.push({
            title: t('acts'),
            cell: c => <Acts acts={actsOn(c).slice(0, 1)} name={c.name} begin={begin} />,
        });
    return columns;
}

export function Network() {
    const [chosen, setChosen] = useState<string | null>(null);
    const [turn, setTurn] = useState(0);
    const acts = useActs(() => setTurn(n => n + 1));
    const drawn = useMemo(
        () => picture(clusters.value, hubs.value, status.value),
        [clusters.value, hubs.value, status.value],
    );
    const lines = new Map(drawn.lines.filter(l => l.kind !== 'beyond').map(l => [l.to, l]));
    const one = clusters.value.find(c => c.peer_id === chosen);
    const rows = clusters.value.filter(isCluster);
    return (
        <>
            {acts.shown}
            <Section title={t('picture')}>
                <Drawing
                    picture={drawn}
                    chosen={chosen}
                    choose={id => setChosen(id === chosen ? null : id)}
                />
            </Section>
            {one && <Chosen cluster={one} close={() => setChosen(null)} begin={acts.begin} />}
            <Section title={t('table')}>
                <Table
                    caption={t('table')}
                    columns={columnsOf(lines, setChosen, acts.begin)}
                    rows={rows}
                    filter={rows.length > 10}
                    keyOf={c => c.peer_id}
                />
            </Section>
            <Hubs />
            <WhoHasWhat />
            <Gone turn={turn} begin={acts.begin} />
            <Self turn={turn} begin={acts.begin} />
        </>
    );
}
