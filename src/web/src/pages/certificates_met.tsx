/* certificates_met: whom this cluster has met, by which method and which rule, and whom hubs
 * have introduced. */
import { ask, session } from '../api';
import { clusters } from '../live';
import { said } from '../said';
import type { Cluster } from '../types';
import { Chip, Print, Refused, Section, Working } from '../ui/bits';
import { Act } from '../ui/act';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk } from '../ui/use';
import { when, words } from '../words';
import type { Trusted } from './certificates_bits';

const t = words(
    {
        met: 'Clusters met',
        none: 'No other cluster is known yet.',
        cluster: 'Cluster',
        first: 'First met',
        last: 'Last met',
        never: 'never: only heard of',
        linked: 'linked',
        method: 'Method',
        rule: 'Accepted by',
        certificate: 'Certificate',
        ends: 'Valid until',
        introductions: 'Introductions',
        on:
            'What hubs introduce is imported here: a cluster that was invited at one hub is let ' +
            'in everywhere.',
        off: 'What hubs introduce is not imported here: each certificate is imported by hand.',
        'turn-on': 'Turn on',
        'turn-off': 'Turn off',
        'sure-on': 'Import what hubs introduce?',
        'sure-off': 'Import nothing that hubs introduce?',
        'text-off': 'What was introduced before stays in the trust store.',
        introduced: 'Introduced',
        'none-introduced': 'Nobody was introduced yet.',
        subject: 'Subject',
        fingerprint: 'Fingerprint',
        added: 'Added',
    },
    {
        met: '接続したクラスタ',
        none: '他のクラスタはまだありません。',
        cluster: 'クラスタ',
        first: '最初の接続',
        last: '最後の接続',
        never: 'なし(伝聞のみ)',
        linked: '接続中',
        method: '方式',
        rule: '受け入れの根拠',
        certificate: '証明書',
        ends: '有効期限',
        introductions: '紹介',
        on:
            'ハブが紹介する証明書をインポートします。' +
            'あるハブで招待されたクラスタは、すべてのクラスタで受け入れられます。',
        off: 'ハブが紹介する証明書をインポートしません。証明書は手動でインポートします。',
        'turn-on': '有効にする',
        'turn-off': '無効にする',
        'sure-on': 'ハブが紹介する証明書をインポートしますか?',
        'sure-off': 'ハブが紹介する証明書のインポートをやめますか?',
        'text-off': 'これまでに紹介されたものはトラストストアに残ります。',
        introduced: '紹介された証明書',
        'none-introduced': 'まだ紹介されていません。',
        subject: 'サブジェクト',
        fingerprint: 'フィンガープリント',
        added: '追加日時',
    },
);

interface Peer extends Cluster {
    met_first: string | null;
    met_last: string | null;
    rule: string | null;
}

function Peers() {
    const asked = useAsk<Peer[]>('peers');
    useAgain(asked.again, clusters.value);
    const columns: Column<Peer>[] = [
        {
            title: t('cluster'),
            by: p => p.name,
            cell: p => (
                <>
                    <strong title={p.fqdn}>{p.name}</strong>{' '}
                    {p.linked && <Chip tone="good">{t('linked')}</Chip>}
                </>
            ),
        },
        {
            title: t('first'),
            by: p => p.met_first,
            cell: p => (p.met_first ? when(p.met_first) : t('never')),
        },
        { title: t('last'), by: p => p.met_last, cell: p => when(p.met_last) },
        { title: t('method'), by: p => p.link_method, cell: p => said(p.link_method) || '–' },
        { title: t('rule'), by: p => p.rule, cell: p => said(p.rule) || '–' },
        {
            title: t('certificate'),
            by: p => p.certificate_name,
            cell: p =>
                p.certificate_fingerprint ? (
                    <>
                        {p.certificate_name} <Print of={p.certificate_fingerprint} how="print" />
                    </>
                ) : (
                    '–'
                ),
        },
        { title: t('ends'), by: p => p.certificate_ends, cell: p => when(p.certificate_ends) },
    ];
    const rows = asked.data ?? [];
    return (
        <Section title={t('met')}>
            <Refused refusal={asked.refusal} />
            {asked.data === undefined && asked.busy && <Working />}
            {asked.data && (
                <Table
                    caption={t('met')}
                    columns={columns}
                    rows={rows}
                    filter={rows.length > 10}
                    none={t('none')}
                    keyOf={p => p.peer_id}
                />
            )}
        </Section>
    );
}

function Introductions() {
    const asked = useAsk<{ introductions: boolean; imported: Trusted[] }>('trust introductions');
    const admin = session.value?.role === 'admin';
    const got = asked.data;
    const columns: Column<Trusted>[] = [
        {
            title: t('cluster'),
            by: c => c.cluster_id ?? c.subject,
            cell: c => c.cluster_id ?? c.subject,
        },
        { title: t('subject'), by: c => c.subject, cell: c => c.subject },
        { title: t('added'), by: c => c.added, cell: c => when(c.added) },
        {
            title: t('fingerprint'),
            by: c => c.fingerprint,
            cell: c => <Print of={c.fingerprint} how="print" />,
        },
    ];
    if (!got) return <Refused refusal={asked.refusal} />;
    const turn = got.introductions ? 'off' : 'on';
    return (
        <Section title={t('introductions')}>
            <p>{t(got.introductions ? 'on' : 'off')}</p>
            {admin && (
                <p>
                    <Act
                        label={t(`turn-${turn}`)}
                        of={t('introductions')}
                        title={t(`sure-${turn}`)}
                        work={() => ask('trust introductions set', { on: !got.introductions })}
                        done={asked.again}
                    >
                        <p>{t(turn === 'on' ? 'on' : 'text-off')}</p>
                    </Act>
                </p>
            )}
            <h3>{t('introduced')}</h3>
            <Table
                caption={t('introduced')}
                columns={columns}
                rows={got.imported}
                filter={got.imported.length > 10}
                none={t('none-introduced')}
                keyOf={c => c.fingerprint}
            />
        </Section>
    );
}

export function Met() {
    return (
        <>
            <Peers />
            <Introductions />
        </>
    );
}
