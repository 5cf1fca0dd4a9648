/* certificates_trust: whom this cluster trusts, and whose certificates it refused. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { status } from '../live';
import type { Certificate, Verdict } from '../types';
import { Button, Chip, Field, Input, Notice, Print, Refused, Section, Working } from '../ui/bits';
import { Act, Question } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { base64, Copy, FilePick, keep } from '../ui/file';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk, useDo } from '../ui/use';
import { number, when, words } from '../words';
import {
    cameBy,
    CertFacts,
    Ends,
    Notes,
    type Imported,
    type Refusing,
    type Trusted,
} from './certificates_bits';

const t = words(
    {
        store: 'Trusted',
        none: 'Nothing was imported yet.',
        subject: 'Subject',
        kind: 'Kind',
        certificate: 'certificate',
        crl: 'CRL',
        authority: 'authority',
        ends: 'Valid until',
        source: 'How it came',
        added: 'Added',
        fingerprint: 'Fingerprint',
        action: 'Action',
        show: 'Show',
        remove: 'Remove',
        'remove-title': 'Remove {name} from the trust store?',
        'remove-text':
            'A cluster that is trusted by this alone is cut off at its next attempt. What else ' +
            'the trust store holds of the same cluster is named afterwards.',
        removed: '{name} was removed.',
        others: 'The trust store holds more of the same cluster:',
        import: 'Import',
        file: 'Certificates, authorities or CRLs: PEM, DER or PKCS#12',
        secret: 'Password of a PKCS#12 file',
        bundle: 'Bundle',
        'bundle-text':
            'All that this cluster trusts, as one file: to be imported at another cluster, or ' +
            'kept.',
        export: 'Export the bundle',
        'bundle-file': 'A bundle that was exported elsewhere',
        'bundle-go': 'Import the bundle',
        already: 'was there already',
        'n-imported': 'Imported: {n}; there already: {already}.',
        refused: 'Refused certificates',
        'none-refused': 'No certificate was refused in the last 30 days.',
        code: 'Why',
        address: 'From',
        count: 'Times',
        last: 'Last',
        imported: 'imported since',
        helps: 'importing it does not help',
        'import-title': 'Import the certificate of {name}?',
        'import-text':
            'Whoever holds its key is let in as this cluster. Compare the fingerprint with what ' +
            'the other end shows, by telephone for example:',
        'unknown-title': 'Import the certificate of verdict {id}?',
        'unknown-text': 'It is not among the refused ones any more; it may be imported already.',
        'already-title': 'The certificate of {name} is imported already.',
        'read-only': 'Only an admin can import it.',
        pem: 'certificate in PEM form',
    },
    {
        store: '信頼済み',
        none: 'インポートされた証明書はまだありません。',
        subject: 'サブジェクト',
        kind: '種類',
        certificate: '証明書',
        crl: 'CRL',
        authority: '認証局',
        ends: '有効期限',
        source: '入手経路',
        added: '追加日時',
        fingerprint: 'フィンガープリント',
        action: '操作',
        show: '表示',
        remove: '削除',
        'remove-title': '{name} をトラストストアから削除しますか?',
        'remove-text':
            'これだけで信頼されているクラスタは、次の接続から拒否されます。' +
            '同じクラスタの証明書がほかに残っていれば、削除後に表示します。',
        removed: '{name} を削除しました。',
        others: '同じクラスタの証明書がトラストストアにまだあります:',
        import: 'インポート',
        file: '証明書、認証局または CRL: PEM、DER または PKCS#12',
        secret: 'PKCS#12 ファイルのパスワード',
        bundle: 'バンドル',
        'bundle-text':
            'このクラスタが信頼するものすべてを 1 つのファイルにします。' +
            '別のクラスタへのインポートや保管に使います。',
        export: 'バンドルをエクスポート',
        'bundle-file': '別のクラスタでエクスポートしたバンドル',
        'bundle-go': 'バンドルをインポート',
        already: '登録済み',
        'n-imported': 'インポート: {n} 件、登録済み: {already} 件',
        refused: '拒否された証明書',
        'none-refused': '過去 30 日間に拒否された証明書はありません。',
        code: '理由',
        address: '接続元',
        count: '回数',
        last: '最後',
        imported: 'インポート済み',
        helps: 'インポートでは解決しません',
        'import-title': '{name} の証明書をインポートしますか?',
        'import-text':
            'この証明書の鍵を持つ者は、このクラスタとして受け入れられます。' +
            'フィンガープリントを、電話などで相手側の表示と照合してください:',
        'unknown-title': '判定 {id} の証明書をインポートしますか?',
        'unknown-text':
            '拒否された証明書の一覧にありません。すでにインポートされている可能性があります。',
        'already-title': '{name} の証明書はすでにインポートされています。',
        'read-only': 'インポートできるのは admin だけです。',
        pem: 'PEM 形式の証明書',
    },
);

interface Lists {
    store: Trusted[];
    refused: Refusing[];
}

interface Removed {
    removed: string;
    subject: string;
    others: { fingerprint: string; subject: string; source: string; next: string }[];
    text: string;
}

function ImportedNotice(props: { got: Imported }) {
    const rows = props.got.imported;
    const already = rows.filter(one => one.already).length;
    return (
        <Notice tone="good" live title={t('n-imported', { n: rows.length - already, already })}>
            <ul>
                {rows.map(one => (
                    <li key={one.fingerprint}>
                        {one.cluster_id ?? one.subject} <Print of={one.fingerprint} />
                        {one.already && ` (${t('already')})`}
                    </li>
                ))}
            </ul>
            <Notes notes={props.got.notes} />
        </Notice>
    );
}

function ShowOne(props: { fingerprint: string; onEnd: () => void }) {
    const asked = useAsk<Trusted & Partial<Certificate>>('trust show', {
        fingerprint: props.fingerprint,
    });
    const c = asked.data;
    return (
        <Dialog title={c?.subject ?? t('show')} onCancel={props.onEnd}>
            {asked.busy && <Working />}
            <Refused refusal={asked.refusal} />
            {c && (
                <>
                    <CertFacts cert={{ ...c, names: c.names ?? [] } as Certificate} />
                    {c.pem && (
                        <>
                            <pre tabIndex={0} aria-label={t('pem')}>
                                {c.pem}
                            </pre>
                            <Copy text={c.pem} of={t('pem')} />
                        </>
                    )}
                </>
            )}
        </Dialog>
    );
}

function Remove(props: { one: { fingerprint: string; subject: string }; done: Done<Removed> }) {
    const { fingerprint, subject } = props.one;
    return (
        <Act
            label={t('remove')}
            of={`${subject} ${fingerprint.slice(0, 11)}`}
            title={t('remove-title', { name: subject })}
            danger
            work={() => ask<Removed>('trust remove', { fingerprint })}
            done={props.done}
        >
            <p>{t('remove-text')}</p>
            <p>
                <Print of={fingerprint} />
            </p>
        </Act>
    );
}

type Done<T> = (got: T) => void;

function RemovedNotice(props: { got: Removed; done: Done<Removed> }) {
    const { got } = props;
    return (
        <Notice
            tone={got.others.length > 0 ? 'warn' : 'good'}
            live
            title={t('removed', { name: got.subject })}
        >
            {got.others.length > 0 && <p>{t('others')}</p>}
            {got.others.map(o => (
                <p key={o.fingerprint}>
                    {o.subject} <Print of={o.fingerprint} /> ({cameBy(o.source)}){' '}
                    <Remove one={o} done={props.done} />
                </p>
            ))}
        </Notice>
    );
}

function Store(props: { rows: Trusted[]; admin: boolean; done: Done<Removed> }) {
    const [shown, setShown] = useState<string | null>(null);
    const columns: Column<Trusted>[] = [
        { title: t('subject'), by: c => c.subject, cell: c => c.subject },
        {
            title: t('kind'),
            by: c => (c.authority ? 'authority' : c.kind),
            cell: c => (
                <Chip tone={c.authority ? 'info' : 'plain'}>
                    {c.authority ? t('authority') : t(c.kind)}
                </Chip>
            ),
        },
        {
            title: t('ends'),
            by: c => c.not_after,
            cell: c => <Ends at={c.not_after} days={c.days_left} />,
        },
        { title: t('source'), by: c => c.source, cell: c => cameBy(c.source) },
        { title: t('added'), by: c => c.added, cell: c => when(c.added) },
        {
            title: t('fingerprint'),
            by: c => c.fingerprint,
            cell: c => <Print of={c.fingerprint} how="print" />,
        },
        {
            title: t('action'),
            cell: c => (
                <span class="both">
                    <Button
                        label={`${t('show')}: ${c.subject} ${c.fingerprint.slice(0, 11)}`}
                        opens
                        onPress={() => setShown(c.fingerprint)}
                    >
                        {t('show')}
                    </Button>
                    {props.admin && <Remove one={c} done={props.done} />}
                </span>
            ),
        },
    ];
    return (
        <Section title={t('store')}>
            <Table
                caption={t('store')}
                columns={columns}
                rows={props.rows}
                filter={props.rows.length > 10}
                none={t('none')}
                keyOf={c => c.fingerprint}
            />
            {shown && <ShowOne fingerprint={shown} onEnd={() => setShown(null)} />}
        </Section>
    );
}

function ImportQuestion(props: {
    one: Refusing;
    verdict: string;
    done: Done<Imported>;
    onEnd: () => void;
}) {
    const { one } = props;
    return (
        <Question
            title={t('import-title', { name: one.subject })}
            go={t('import')}
            work={() => ask<Imported>('trust import', { verdict: props.verdict })}
            done={props.done}
            onEnd={props.onEnd}
        >
            <p>{t('import-text')}</p>
            <p>
                <Print of={one.fingerprint} how="compare" />
            </p>
            <dl class="facts">
                <dt>{t('address')}</dt>
                <dd>{one.address}</dd>
                <dt>{t('code')}</dt>
                <dd>{one.code}</dd>
                <dt>{t('ends')}</dt>
                <dd>
                    <Ends at={one.not_after} days={one.days_left} />
                </dd>
            </dl>
        </Question>
    );
}

function RefusedOnes(props: { rows: Refusing[]; admin: boolean; onImport: Done<Refusing> }) {
    const columns: Column<Refusing>[] = [
        { title: t('subject'), by: c => c.subject, cell: c => c.subject },
        { title: t('code'), by: c => c.code, cell: c => <span class="whole">{c.code}</span> },
        { title: t('address'), by: c => c.address, cell: c => c.address },
        { title: t('count'), by: c => c.count, cell: c => number(c.count), right: true },
        { title: t('last'), by: c => c.last, cell: c => when(c.last) },
        {
            title: t('fingerprint'),
            by: c => c.fingerprint,
            cell: c => <Print of={c.fingerprint} how="print" />,
        },
        {
            title: t('action'),
            cell: c =>
                c.imported ? (
                    <Chip tone="good">{t('imported')}</Chip>
                ) : c.next === null ? (
                    t('helps')
                ) : (
                    props.admin && (
                        <Button
                            label={`${t('import')}: ${c.subject}`}
                            onPress={() => props.onImport(c)}
                        >
                            {t('import')}
                        </Button>
                    )
                ),
        },
    ];
    return (
        <Section title={t('refused')}>
            <Table
                caption={t('refused')}
                columns={columns}
                rows={props.rows}
                filter={props.rows.length > 10}
                none={t('none-refused')}
                keyOf={c => c.fingerprint}
            />
        </Section>
    );
}

/* What a verdict was about: by its id, or by the fingerprint that `verdicts` has for it, as a
 * certificate that is refused again has a newer one. */
function Asked(props: {
    verdict: string;
    refused: Refusing[];
    admin: boolean;
    done: Done<Imported>;
    onEnd: () => void;
}) {
    const { verdict } = props;
    const asked = useAsk<Verdict[]>('verdicts');
    if (asked.data === undefined && asked.busy) return null;
    const print = asked.data?.find(v => v.verdict_id === verdict)?.fingerprint;
    const one =
        props.refused.find(r => r.verdict_id === verdict) ??
        props.refused.find(r => r.fingerprint === print);
    if (one?.imported || !props.admin)
        return (
            <Dialog
                title={t(one?.imported ? 'already-title' : 'import-title', {
                    name: one?.subject ?? verdict,
                })}
                onCancel={props.onEnd}
            >
                {!one?.imported && <p>{t('read-only')}</p>}
            </Dialog>
        );
    if (one) return <ImportQuestion {...props} one={one} />;
    return (
        <Question
            title={t('unknown-title', { id: verdict })}
            go={t('import')}
            work={() => ask<Imported>('trust import', { verdict })}
            done={props.done}
            onEnd={props.onEnd}
        >
            <p>{t('unknown-text')}</p>
            {print && <Print of={print} how="compare" />}
        </Question>
    );
}

function ImportFile(props: { done: Done<Imported> }) {
    const [file, setFile] = useState<File | null>(null);
    const [secret, setSecret] = useState('');
    const doing = useDo<Imported>();
    async function go(one: File) {
        const got = await doing.run(async () =>
            ask<Imported>('trust import', { content_base64: await base64(one), password: secret }),
        );
        if (got === undefined) return;
        setFile(null);
        setSecret('');
        props.done(got);
    }
    return (
        <Section title={t('import')}>
            <form
                onSubmit={e => {
                    e.preventDefault();
                    if (file) void go(file);
                }}
            >
                <FilePick id="trust-file" label={t('file')} file={file} onFile={setFile} />
                <Field label={t('secret')} for="trust-secret">
                    <Input
                        id="trust-secret"
                        type="password"
                        value={secret}
                        onChange={setSecret}
                        auto="off"
                    />
                </Field>
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy || file === null}>
                        {t('import')}
                    </Button>
                </div>
            </form>
        </Section>
    );
}

function Bundle(props: { admin: boolean; done: Done<Imported> }) {
    const [file, setFile] = useState<File | null>(null);
    const out = useDo<{ pem: string; count: number }>();
    const into = useDo<Imported>();
    async function take() {
        const got = await out.run(() => ask('trust bundle export'));
        if (got) keep(`${status.value?.cluster_id ?? 'ils'}-trust.pem`, got.pem);
    }
    async function give(one: File) {
        const got = await into.run(async () =>
            ask<Imported>('trust bundle import', { content_base64: await base64(one) }),
        );
        if (got === undefined) return;
        setFile(null);
        props.done(got);
    }
    return (
        <Section title={t('bundle')}>
            <p>{t('bundle-text')}</p>
            <Refused refusal={out.refusal ?? into.refusal} />
            <div class="actions">
                <Button disabled={out.busy} onPress={() => void take()}>
                    {t('export')}
                </Button>
            </div>
            {props.admin && (
                <form
                    onSubmit={e => {
                        e.preventDefault();
                        if (file) void give(file);
                    }}
                >
                    <p />
                    <FilePick
                        id="bundle-file"
                        label={t('bundle-file')}
                        file={file}
                        onFile={setFile}
                    />
                    <div class="actions">
                        <Button submit disabled={into.busy || file === null}>
                            {t('bundle-go')}
                        </Button>
                    </div>
                </form>
            )}
        </Section>
    );
}

export function Trust(props: { verdict: string | null }) {
    const asked = useAsk<Lists>('trust list');
    useAgain(asked.again, status.value);
    const [question, setQuestion] = useState<Refusing | null>(null);
    const [imported, setImported] = useState<Imported | null>(null);
    const [removed, setRemoved] = useState<Removed | null>(null);
    const admin = session.value?.role === 'admin';
    const lists = asked.data;

    function cameIn(got: Imported) {
        setImported(got);
        setRemoved(null);
        asked.again();
    }
    function wentOut(got: Removed) {
        setRemoved(got);
        setImported(null);
        asked.again();
    }
    return (
        <>
            <Refused refusal={asked.refusal} />
            {lists === undefined && asked.busy && <Working />}
            {imported && <ImportedNotice got={imported} />}
            {removed && <RemovedNotice got={removed} done={wentOut} />}
            {lists && (
                <>
                    <RefusedOnes rows={lists.refused} admin={admin} onImport={setQuestion} />
                    <Store rows={lists.store} admin={admin} done={wentOut} />
                </>
            )}
            {admin && <ImportFile done={cameIn} />}
            <Bundle admin={admin} done={cameIn} />
            {question && (
                <ImportQuestion
                    one={question}
                    verdict={question.verdict_id}
                    done={cameIn}
                    onEnd={() => setQuestion(null)}
                />
            )}
            {lists && props.verdict && (
                <Asked
                    verdict={props.verdict}
                    refused={lists.refused}
                    admin={admin}
                    done={cameIn}
                    onEnd={() => (location.hash = '#/certificates?tab=trust')}
                />
            )}
        </>
    );
}
