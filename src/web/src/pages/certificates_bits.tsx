/* certificates_bits: what the parts of the page *Certificates* share: the answers of ilsd, and
 * how one certificate, its end and a list of clusters are shown. */
import { said } from '../said';
import type { Certificate } from '../types';
import { Chip, Print, type Tone } from '../ui/bits';
import { Table, type Column } from '../ui/table';
import { number, when, words } from '../words';

const t = words(
    {
        subject: 'Subject',
        names: 'Names',
        fingerprint: 'Fingerprint (SHA-256)',
        issuer: 'Issuer',
        self: 'self-signed',
        begins: 'Valid from',
        ends: 'Valid until',
        chain: 'Sent along',
        certificates: '{n} certificates of its chain',
        days: '{n} days left',
        over: 'expired {n} days ago',
        cluster: 'Cluster',
        linked: 'Linked',
        contact: 'Last contact',
        code: 'It would say',
        'by-import': 'imported by hand',
        'by-invite': 'invite',
        'by-verdict': 'imported by verdict {what}',
        'by-introduced': 'introduced by {what}',
        'by-announced': 'announced by {what}',
        yes: 'yes',
        no: 'no',
    },
    {
        subject: 'サブジェクト',
        names: '名前',
        fingerprint: 'フィンガープリント(SHA-256)',
        issuer: '発行者',
        self: '自己署名',
        begins: '有効期間の開始',
        ends: '有効期限',
        chain: '同時に送信',
        certificates: 'チェーンの証明書 {n} 件',
        days: '残り {n} 日',
        over: '{n} 日前に失効',
        cluster: 'クラスタ',
        linked: '接続',
        contact: '最終通信',
        code: '相手側の判定',
        'by-import': '手動でインポート',
        'by-invite': '招待',
        'by-verdict': '判定 {what} によりインポート',
        'by-introduced': '{what} による紹介',
        'by-announced': '{what} による通知',
        yes: '接続中',
        no: '未接続',
    },
);

export interface Neighbour {
    cluster_id: string | null;
    fqdn: string;
    peer_id: string;
    linked: boolean;
    last_contact_time: string | null;
    code: string | null;
}

export interface Trusted {
    fingerprint: string;
    kind: 'certificate' | 'crl';
    subject: string;
    authority: boolean;
    not_after: string | null;
    days_left: number;
    added: string;
    source: string;
    cluster_id?: string | null;
}

export interface Refusing {
    fingerprint: string;
    kind: string;
    subject: string;
    not_after: string | null;
    days_left: number;
    code: string;
    verdict_id: string;
    address: string;
    first: string;
    last: string;
    count: number;
    imported: boolean;
    next: string | null;
}

export interface Imported {
    imported: {
        cluster_id: string | null;
        fingerprint: string;
        kind: string;
        subject: string;
        authority: boolean;
        not_after: string | null;
        already: boolean;
    }[];
    notes: string[];
    text: string;
}

/* How a certificate came into the trust store. */
export function cameBy(source: string): string {
    if (source === 'import') return t('by-import');
    if (source === 'invite') return t('by-invite');
    const m = /^(?:(verdict) |(introduced|announced) by )(.+)$/s.exec(source);
    const how = (m?.[1] ?? m?.[2]) as 'verdict' | 'introduced' | 'announced' | undefined;
    return how ? t(`by-${how}`, { what: m?.[3] ?? '' }) : said(source);
}

/* A month before its end a certificate is an alarm of ilsd. */
const SOON = 30;

export function Ends(props: { at: string | null; days: number | null }) {
    const { at, days } = props;
    if (at === null || days === null) return <>{when(at)}</>;
    const tone: Tone = days < 0 ? 'bad' : days <= SOON ? 'warn' : 'good';
    return (
        <>
            {when(at)}{' '}
            <Chip tone={tone}>
                {days < 0 ? t('over', { n: number(-days) }) : t('days', { n: number(days) })}
            </Chip>
        </>
    );
}

export function CertFacts(props: {
    cert: Omit<Certificate, 'chain' | 'issuer'> & Partial<Certificate>;
}) {
    const c = props.cert;
    return (
        <dl class="facts">
            <dt>{t('subject')}</dt>
            <dd>{c.subject}</dd>
            {c.names.length > 0 && (
                <>
                    <dt>{t('names')}</dt>
                    <dd>{c.names.join(', ')}</dd>
                </>
            )}
            <dt>{t('fingerprint')}</dt>
            <dd>
                <Print of={c.fingerprint} />
            </dd>
            <dt>{t('issuer')}</dt>
            <dd>{c.self_signed ? t('self') : (c.issuer ?? '–')}</dd>
            <dt>{t('begins')}</dt>
            <dd>{when(c.not_before)}</dd>
            <dt>{t('ends')}</dt>
            <dd>
                <Ends at={c.not_after} days={c.days_left} />
            </dd>
            {!!c.chain && (
                <>
                    <dt>{t('chain')}</dt>
                    <dd>{t('certificates', { n: c.chain })}</dd>
                </>
            )}
        </dl>
    );
}

export function Neighbours(props: { caption: string; rows: Neighbour[] }) {
    const columns: Column<Neighbour>[] = [
        {
            title: t('cluster'),
            by: n => n.cluster_id ?? n.fqdn,
            cell: n => <span title={n.fqdn}>{n.cluster_id ?? n.fqdn}</span>,
        },
        {
            title: t('linked'),
            by: n => (n.linked ? 0 : 1),
            cell: n => (
                <Chip tone={n.linked ? 'good' : 'warn'}>{n.linked ? t('yes') : t('no')}</Chip>
            ),
        },
        { title: t('contact'), by: n => n.last_contact_time, cell: n => when(n.last_contact_time) },
        { title: t('code'), by: n => n.code, cell: n => n.code ?? '–' },
    ];
    return (
        <Table
            caption={props.caption}
            columns={columns}
            rows={props.rows}
            filter={props.rows.length > 10}
            keyOf={n => n.peer_id}
        />
    );
}

/* What ilsd says beside what it did. */
export function Notes(props: { notes: string[] }) {
    return (
        <>
            {props.notes.map(note => (
                <p key={note}>{said(note)}</p>
            ))}
        </>
    );
}
