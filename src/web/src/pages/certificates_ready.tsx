/* certificates_ready: `auth ready`: who would stay and who would be cut off, if only certificates
 * (with the password or without) counted, and what to type about it. */
import { clusters } from '../live';
import { Remedy } from '../remedy';
import { said } from '../said';
import { Button, Chip, Notice, Refused, Section, Working, type Tone } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk } from '../ui/use';
import { words } from '../words';

const t = words(
    {
        tls: 'With TLS certificates alone',
        'tls+password': 'With TLS certificates and the password',
        ready: 'Every cluster would stay.',
        not: '{stay} would stay, {cut} would be cut off, of {unknown} nobody can say.',
        none: 'No other cluster is known yet.',
        cluster: 'Cluster',
        outcome: 'Outcome',
        stays: 'stays',
        'cut off': 'cut off',
        unknown: 'unknown',
        why: 'Why',
        here: 'Judged here',
        there: 'Judged there',
        remedy: 'Remedy',
        steps: 'In this order:',
        again: 'Ask again',
    },
    {
        tls: 'TLS 証明書のみの場合',
        'tls+password': 'TLS 証明書とパスワードの場合',
        ready: 'すべてのクラスタが接続を維持します。',
        not: '維持 {stay}、切断 {cut}、不明 {unknown}。',
        none: '他のクラスタはまだありません。',
        cluster: 'クラスタ',
        outcome: '結果',
        stays: '維持',
        'cut off': '切断',
        unknown: '不明',
        why: '理由',
        here: 'こちらの判定',
        there: '相手側の判定',
        remedy: '対処',
        steps: '次の順に:',
        again: '再確認',
    },
);

interface Row {
    cluster_id: string | null;
    fqdn: string;
    peer_id: string;
    outcome: 'stays' | 'cut off' | 'unknown';
    why: string;
    code_here: string | null;
    code_there: string | null;
    rule: string | null;
    linked: boolean;
    next: string | null;
    next_at: string;
    /* what follows it at the other of the two ends */
    then: string | null;
    then_at: string | null;
}

interface Answer {
    ready: boolean;
    stay: number;
    cut_off: number;
    unknown: number;
    clusters: Row[];
}

const tones: Record<Row['outcome'], Tone> = { stays: 'good', 'cut off': 'bad', unknown: 'warn' };
const rank: Record<Row['outcome'], number> = { 'cut off': 0, unknown: 1, stays: 2 };

function Steps(props: { of: Row }) {
    const { next, next_at, then, then_at } = props.of;
    if (!next) return <>–</>;
    if (!then) return <Remedy text={next} at={next_at} />;
    return (
        <>
            {t('steps')}
            <ol>
                <li>
                    <Remedy text={next} at={next_at} />
                </li>
                <li>
                    <Remedy text={then} at={then_at ?? 'here'} />
                </li>
            </ol>
        </>
    );
}

function Method(props: { method: 'tls' | 'tls+password' }) {
    const asked = useAsk<Answer>('auth ready', { method: props.method });
    useAgain(asked.again, clusters.value);
    const got = asked.data;
    const columns: Column<Row>[] = [
        {
            title: t('cluster'),
            by: r => r.cluster_id ?? r.fqdn,
            cell: r => <strong title={r.fqdn}>{r.cluster_id ?? r.fqdn}</strong>,
        },
        {
            title: t('outcome'),
            by: r => rank[r.outcome],
            cell: r => <Chip tone={tones[r.outcome]}>{t(r.outcome)}</Chip>,
        },
        { title: t('why'), by: r => r.why, cell: r => said(r.why) },
        { title: t('here'), by: r => r.code_here, cell: r => r.code_here ?? '–' },
        { title: t('there'), by: r => r.code_there, cell: r => r.code_there ?? '–' },
        {
            title: t('remedy'),
            cell: r => <Steps of={r} />,
        },
    ];
    return (
        <Section title={t(props.method)}>
            <Refused refusal={asked.refusal} />
            {got === undefined && asked.busy && <Working />}
            {got && got.clusters.length > 0 && (
                <Notice
                    tone={got.ready ? 'good' : 'warn'}
                    title={
                        got.ready
                            ? t('ready')
                            : t('not', {
                                  stay: got.stay,
                                  cut: got.cut_off,
                                  unknown: got.unknown,
                              })
                    }
                />
            )}
            {got && (
                <Table
                    caption={t(props.method)}
                    columns={columns}
                    rows={got.clusters}
                    filter={got.clusters.length > 10}
                    none={t('none')}
                    keyOf={r => r.peer_id}
                />
            )}
            <div class="actions">
                <Button
                    label={`${t('again')}: ${t(props.method)}`}
                    disabled={asked.busy}
                    onPress={asked.again}
                >
                    {t('again')}
                </Button>
            </div>
        </Section>
    );
}

export function Ready() {
    return (
        <>
            <Method method="tls" />
            <Method method="tls+password" />
        </>
    );
}
