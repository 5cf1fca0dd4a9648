/* clusters: the original's table *ILS Clusters and Global Dial Plan Imported Catalogs*, live:
 * its columns in its words, with Disconnect. */
import { clusters } from './live';
import { leave, mayChange, onCluster, useActs, type Act } from './acts';
import { said } from './said';
import type { Cluster } from './types';
import { Button, Chip, Section, type Tone } from './ui/bits';
import { Table, type Column } from './ui/table';
import { useAsk } from './ui/use';
import { number, when, words } from './words';

const t = words(
    {
        title: 'ILS Clusters and Global Dial Plan Imported Catalogs',
        id: 'Cluster ID/Name',
        contact: 'Last Contact Time',
        role: 'Role',
        route: 'Advertised Route String',
        usn: 'Last USN Data Received',
        state: 'USN Data Synchronization Status',
        action: 'Action',
        entries: 'Entries',
        Disconnect: 'Disconnect',
        Connect: 'Connect',
        none: 'No cluster is known yet.',
        Hub: 'Hub',
        Spoke: 'Spoke',
        Standalone: 'Standalone',
        'Imported catalog': 'Imported catalog',
        local: '{role} (Local Cluster)',
        catalogs: 'Imported catalogs',
        catalog: 'Name',
        status: 'Status',
    },
    {
        title: 'ILS クラスタとグローバルダイヤルプランのインポート済みカタログ',
        id: 'クラスタ ID/名前',
        contact: '最終通信日時',
        role: '役割',
        route: 'アドバタイズされたルート文字列',
        usn: '最終 USN データ受信日時',
        state: 'USN データ同期ステータス',
        action: '操作',
        entries: 'エントリ数',
        Disconnect: '切断',
        Connect: '接続',
        none: 'クラスタはまだありません。',
        Hub: 'ハブ',
        Spoke: 'スポーク',
        Standalone: 'スタンドアロン',
        'Imported catalog': 'インポート済みカタログ',
        local: '{role}(ローカルクラスタ)',
        catalogs: 'インポート済みカタログ',
        catalog: '名前',
        status: '状態',
    },
);

export function toneOf(state: string): Tone {
    if (state === 'Up to date') return 'good';
    if (state.startsWith('Synchronizing') || state.startsWith('Behind')) return 'info';
    return state === 'Disconnected' || state === 'Not joined' ? 'warn' : 'bad';
}

const ROLES = ['Hub', 'Spoke', 'Standalone', 'Imported catalog'] as const;

/* ilsd says the roles as the original does: "Hub (Local Cluster)". */
function roleOf(said: string): string {
    const plain = said.replace(' (Local Cluster)', '');
    const known = ROLES.find(r => r === plain);
    const role = known ? t(known) : plain;
    return plain === said ? role : t('local', { role });
}

interface Catalog {
    name: string;
    route_string: string;
    description: string;
    entries: number;
    status: string;
}

function Catalogs() {
    const asked = useAsk<Catalog[]>('catalog list');
    const rows = asked.data ?? [];
    if (rows.length === 0) return null;
    const columns: Column<Catalog>[] = [
        { title: t('catalog'), by: c => c.name, cell: c => c.name },
        { title: t('route'), by: c => c.route_string, cell: c => c.route_string },
        { title: t('entries'), by: c => c.entries, cell: c => number(c.entries), right: true },
        { title: t('status'), by: c => c.status, cell: c => said(c.status) },
    ];
    return (
        <>
            <h3>{t('catalogs')}</h3>
            <Table caption={t('catalogs')} columns={columns} rows={rows} keyOf={c => c.name} />
        </>
    );
}

/* One's own Disconnect leaves the network, as in the original. */
function actOn(c: Cluster): Act {
    if (c.local) return leave();
    return onCluster(c.action === 'Connect' ? 'connect' : 'disconnect', c.name, c.peer_id);
}

export function Clusters() {
    const acts = useActs(() => undefined);
    const linkless = (c: Cluster) =>
        c.role === 'Imported catalog' || (c.local && c.role.startsWith('Standalone'));

    const columns: Column<Cluster>[] = [
        { title: t('id'), by: c => c.name, cell: c => <strong title={c.fqdn}>{c.name}</strong> },
        { title: t('contact'), by: c => c.last_contact_time, cell: c => when(c.last_contact_time) },
        { title: t('role'), by: c => c.role, cell: c => roleOf(c.role) },
        {
            title: t('route'),
            by: c => c.advertised_route_string,
            cell: c => c.advertised_route_string,
        },
        {
            title: t('usn'),
            by: c => c.last_usn_data_received,
            cell: c => when(c.last_usn_data_received),
        },
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
            title: t('action'),
            cell: c =>
                !linkless(c) &&
                mayChange() && (
                    <Button
                        label={`${t(c.action)}: ${c.name}`}
                        opens
                        onPress={() => acts.begin(actOn(c))}
                    >
                        {t(c.action)}
                    </Button>
                ),
        },
    ];
    return (
        <Section title={t('title')}>
            {acts.shown}
            <Table
                caption={t('title')}
                columns={columns}
                rows={clusters.value}
                none={t('none')}
                filter={clusters.value.length > 10}
                keyOf={c => c.peer_id}
            />
            <Catalogs />
        </Section>
    );
}
