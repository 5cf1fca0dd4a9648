/* clusters: the original's table *ILS Clusters and Global Dial Plan Imported Catalogs*, live:
 * its columns in its words, with Disconnect. */
import { useState } from 'preact/hooks';
import { ask, session } from './api';
import { clusters } from './live';
import { said } from './said';
import type { Cluster } from './types';
import { Button, Chip, Refused, Section, type Tone } from './ui/bits';
import { Dialog } from './ui/dialog';
import { Table, type Column } from './ui/table';
import { useAsk, useDo } from './ui/use';
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
        'sure-Disconnect': 'Disconnect {name}?',
        'sure-Connect': 'Connect {name} again?',
        'text-Disconnect':
            'The link ends, and neither end dials again until somebody connects it. ' +
            'What was learned from it stays and is marked stale. The other end is told who did it.',
        'text-Connect': 'It is dialled again at once.',
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
        'sure-Disconnect': '{name} を切断しますか?',
        'sure-Connect': '{name} を再び接続しますか?',
        'text-Disconnect':
            'リンクが切れ、誰かが接続するまでどちらの側からも接続しません。' +
            '学習したデータは残り、古いものとして表示されます。相手には操作者が通知されます。',
        'text-Connect': '直ちに接続を始めます。',
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
    return state === 'Disconnected' ? 'warn' : 'bad';
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

export function Clusters() {
    const [asking, setAsking] = useState<Cluster | null>(null);
    const doing = useDo<unknown>();
    const admin = session.value?.role === 'admin';

    async function go(c: Cluster) {
        await doing.run(() => ask(c.action.toLowerCase(), { cluster: c.name }));
        setAsking(null);
    }

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
                !c.local &&
                c.role !== 'Imported catalog' && /* which has no link */
                admin && (
                    <Button label={`${t(c.action)}: ${c.name}`} onPress={() => setAsking(c)}>
                        {t(c.action)}
                    </Button>
                ),
        },
    ];
    return (
        <Section title={t('title')}>
            <Refused refusal={doing.refusal} />
            <Table
                caption={t('title')}
                columns={columns}
                rows={clusters.value}
                none={t('none')}
                filter={clusters.value.length > 10}
                keyOf={c => c.peer_id}
            />
            <Catalogs />
            {asking && (
                <Dialog
                    title={t(`sure-${asking.action}`, { name: asking.name })}
                    go={t(asking.action)}
                    danger={asking.action === 'Disconnect'}
                    busy={doing.busy}
                    onGo={() => void go(asking)}
                    onCancel={() => setAsking(null)}
                >
                    <p>{t(`text-${asking.action}`)}</p>
                </Dialog>
            )}
        </Section>
    );
}
