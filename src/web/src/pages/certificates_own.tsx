/* certificates_own: the certificate that this cluster shows, the one that it will show as soon as
 * its neighbours know it, and the ways to a new one: renewed here, or signed by an authority. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { status } from '../live';
import type { Certificate } from '../types';
import { Button, Check, Field, Input, Notice, Refused, Section, Working } from '../ui/bits';
import { Act } from '../ui/act';
import { base64, Copy, FilePick, keep } from '../ui/file';
import { useAgain, useAsk, useDo } from '../ui/use';
import { words } from '../words';
import { CertFacts, Neighbours, Notes, type Neighbour } from './certificates_bits';

const t = words(
    {
        use: 'In use',
        none: 'There is none yet: the cluster has no name.',
        keep: 'Save as a file',
        pem: 'certificate in PEM form',
        next: 'Announced, not yet in use',
        'next-text': 'It is used by itself as soon as every cluster below has it.',
        waiting: 'Clusters that are waited for',
        now: 'Use it now',
        'now-title': 'Use the announced certificate now?',
        'now-text':
            'Clusters that do not have it yet cannot link with this one by their old knowledge ' +
            'until somebody imports it there.',
        announced: 'Announced; {n} clusters do not have it yet.',
        'in-use-cut': 'In use; {n} clusters do not have it yet.',
        started: 'The new certificate is in use.',
        page: 'This page shows it as well: the browser will ask whether it is the right one.',
        renew: 'Renew',
        'renew-text':
            'Makes a self-signed certificate, announces it to all neighbours, and uses it when ' +
            'each of them has it.',
        same: 'Keep the key',
        days: 'Valid for (days)',
        'days-hint': 'Empty: five years.',
        'at-once': 'Use it at once, without waiting',
        go: 'Renew',
        'renew-title': 'Renew the certificate?',
        'cut-off': 'Clusters that do not have it, and are cut off',
        csr: 'Signed by an authority',
        'csr-text':
            'A request (CSR) for the key in use. What the authority answers is installed below, ' +
            'without a key file.',
        more: 'Further names or addresses',
        'more-hint': 'Beside the FQDN, separated by blanks; may be empty.',
        'csr-go': 'Make the request',
        'csr-pem': 'certificate signing request',
        install: 'Install',
        file: 'Certificate: PEM, DER or PKCS#12, with its chain',
        key: 'Its key, if it is a file of its own',
        secret: 'Password of the PKCS#12 file or the key',
        force: 'Install it even if it is expired, lacks the FQDN or a purpose',
        'install-go': 'Install',
    },
    {
        use: '使用中',
        none: 'まだありません。クラスタに名前がありません。',
        keep: 'ファイルに保存',
        pem: 'PEM 形式の証明書',
        next: '通知済み、未使用',
        'next-text': '次のクラスタすべてに届くと、自動的に使用を開始します。',
        waiting: '到達を待っているクラスタ',
        now: '今すぐ使用',
        'now-title': '通知済みの証明書を今すぐ使用しますか?',
        'now-text':
            'まだ受け取っていないクラスタは、そちらで誰かがインポートするまで、' +
            'このクラスタと接続できません。',
        announced: '通知しました。まだ届いていないクラスタ: {n}',
        'in-use-cut': '使用中です。まだ届いていないクラスタ: {n}',
        started: '新しい証明書を使用しています。',
        page: 'このページにも使用されるため、ブラウザが証明書の確認を求めます。',
        renew: '更新',
        'renew-text':
            '自己署名証明書を作成して隣接クラスタに通知し、すべてに届いた時点で使用を開始します。',
        same: '鍵を変更しない',
        days: '有効日数',
        'days-hint': '空欄: 5 年。',
        'at-once': '待たずに直ちに使用する',
        go: '更新',
        'renew-title': '証明書を更新しますか?',
        'cut-off': '受け取っておらず、切断されるクラスタ',
        csr: '認証局による署名',
        'csr-text':
            '使用中の鍵に対する署名要求(CSR)です。認証局から届いた証明書は、' +
            '鍵ファイルなしで下からインストールします。',
        more: '追加の名前またはアドレス',
        'more-hint': 'FQDN のほかに、空白で区切って入力します。空欄も可。',
        'csr-go': '署名要求を作成',
        'csr-pem': '証明書署名要求',
        install: 'インストール',
        file: '証明書: PEM、DER または PKCS#12(チェーンを含む)',
        key: '鍵が別ファイルの場合はそのファイル',
        secret: 'PKCS#12 ファイルまたは鍵のパスワード',
        force: '期限切れ、FQDN や用途の不足があってもインストールする',
        'install-go': 'インストール',
    },
);

interface Shows {
    in_use: Certificate | null;
    next: (Certificate & { waiting: Neighbour[] }) | null;
}

interface Installed {
    certificate: Certificate;
    in_use: boolean;
    waiting: Neighbour[];
    cut_off: Neighbour[];
    notes: string[];
    text: string;
}

type Done = (got: Installed) => void;

function Out(props: { name: string; text: string; of: string }) {
    return (
        <div class="actions">
            <Button
                label={`${t('keep')}: ${props.of}`}
                onPress={() => keep(props.name, props.text, 'application/x-pem-file')}
            >
                {t('keep')}
            </Button>
            <Copy text={props.text} of={props.of} />
        </div>
    );
}

function Result(props: { got: Installed; inUse: boolean }) {
    const { got, inUse } = props;
    return (
        <Notice
            tone={got.cut_off.length > 0 ? 'warn' : 'good'}
            live
            title={
                got.cut_off.length > 0
                    ? t('in-use-cut', { n: got.cut_off.length })
                    : inUse
                      ? t('started')
                      : t('announced', { n: got.waiting.length })
            }
        >
            <Notes notes={got.notes} />
            {inUse && <p>{t('page')}</p>}
            {got.cut_off.length > 0 && (
                <>
                    <h3>{t('cut-off')}</h3>
                    <Neighbours caption={t('cut-off')} rows={got.cut_off} />
                </>
            )}
        </Notice>
    );
}

function Renew(props: { done: Done }) {
    const [same, setSame] = useState(false);
    const [days, setDays] = useState('');
    const [now, setNow] = useState(false);
    const args = {
        same_key: same || undefined,
        days: days === '' ? undefined : Number(days),
        now: now || undefined,
    };
    return (
        <Section title={t('renew')}>
            <p>{t('renew-text')}</p>
            <Check id="renew-same" label={t('same')} checked={same} onChange={setSame} />
            <Check id="renew-now" label={t('at-once')} checked={now} onChange={setNow} />
            <Field label={t('days')} for="renew-days" hint={t('days-hint')}>
                <Input id="renew-days" type="number" value={days} onChange={setDays} hinted />
            </Field>
            <div class="actions">
                <Act
                    label={t('go')}
                    title={t('renew-title')}
                    danger={now}
                    work={() => ask<Installed>('cert renew', args)}
                    done={props.done}
                >
                    <p>{now ? t('now-text') : t('renew-text')}</p>
                    <p>{t('page')}</p>
                </Act>
            </div>
        </Section>
    );
}

function Csr() {
    const [names, setNames] = useState('');
    const doing = useDo<{ pem: string }>();
    const given = names.split(/[\s,]+/).filter(n => n !== '');
    return (
        <Section title={t('csr')}>
            <p>{t('csr-text')}</p>
            <form
                onSubmit={e => {
                    e.preventDefault();
                    void doing.run(() =>
                        ask('cert csr', { names: given.length > 0 ? given : undefined }),
                    );
                }}
            >
                <Field label={t('more')} for="csr-names" hint={t('more-hint')}>
                    <Input id="csr-names" value={names} onChange={setNames} hinted />
                </Field>
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button submit disabled={doing.busy}>
                        {t('csr-go')}
                    </Button>
                </div>
            </form>
            {doing.done && (
                <>
                    <pre tabIndex={0} aria-label={t('csr-pem')}>
                        {doing.done.pem}
                    </pre>
                    <Out
                        name={`${status.value?.cluster_id ?? 'ils'}.csr`}
                        text={doing.done.pem}
                        of={t('csr-pem')}
                    />
                </>
            )}
        </Section>
    );
}

function Install(props: { done: Done }) {
    const [file, setFile] = useState<File | null>(null);
    const [key, setKey] = useState<File | null>(null);
    const [secret, setSecret] = useState('');
    const [force, setForce] = useState(false);
    const [now, setNow] = useState(false);
    const doing = useDo<Installed>();

    async function install(cert: File) {
        const got = await doing.run(async () =>
            ask<Installed>('cert install', {
                content_base64: await (key ? base64(cert, key) : base64(cert)),
                key_bytes: key?.size,
                password: secret,
                force: force || undefined,
                now: now || undefined,
            }),
        );
        if (got === undefined) return;
        setFile(null);
        setKey(null);
        setSecret('');
        props.done(got);
    }
    return (
        <Section title={t('install')}>
            <form
                onSubmit={e => {
                    e.preventDefault();
                    if (file) void install(file);
                }}
            >
                <div class="two">
                    <FilePick id="cert-file" label={t('file')} file={file} onFile={setFile} />
                    <FilePick id="key-file" label={t('key')} file={key} onFile={setKey} />
                </div>
                <Field label={t('secret')} for="cert-secret">
                    <Input
                        id="cert-secret"
                        type="password"
                        value={secret}
                        onChange={setSecret}
                        auto="off"
                    />
                </Field>
                <Check id="cert-force" label={t('force')} checked={force} onChange={setForce} />
                <Check id="cert-now" label={t('at-once')} checked={now} onChange={setNow} />
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy || file === null}>
                        {t('install-go')}
                    </Button>
                </div>
            </form>
        </Section>
    );
}

function Next(props: { next: NonNullable<Shows['next']>; admin: boolean; done: Done }) {
    const { next } = props;
    return (
        <Section title={t('next')}>
            <p>{t('next-text')}</p>
            <CertFacts cert={next} />
            <h3>{t('waiting')}</h3>
            <Neighbours caption={t('waiting')} rows={next.waiting} />
            {props.admin && (
                <div class="actions">
                    <Act
                        label={t('now')}
                        title={t('now-title')}
                        danger
                        work={() => ask<Installed>('cert now')}
                        done={props.done}
                    >
                        <p>{t('now-text')}</p>
                        <p>{t('page')}</p>
                    </Act>
                </div>
            )}
        </Section>
    );
}

export function Own() {
    const asked = useAsk<Shows>('cert show');
    const [got, setGot] = useState<Installed | null>(null);
    useAgain(asked.again, status.value);
    const admin = session.value?.role === 'admin';
    const shows = asked.data;

    function done(answer: Installed) {
        setGot(answer);
        asked.again();
    }
    return (
        <>
            <Refused refusal={asked.refusal} />
            {shows === undefined && asked.busy && <Working />}
            {got && (
                <Result
                    got={got}
                    inUse={got.certificate.fingerprint === shows?.in_use?.fingerprint}
                />
            )}
            {shows && (
                <Section title={t('use')}>
                    {shows.in_use ? (
                        <>
                            <CertFacts cert={shows.in_use} />
                            <Out
                                name={`${shows.in_use.subject}.pem`}
                                text={shows.in_use.pem}
                                of={t('pem')}
                            />
                        </>
                    ) : (
                        <p>{t('none')}</p>
                    )}
                </Section>
            )}
            {shows?.next && <Next next={shows.next} admin={admin} done={done} />}
            {admin && shows?.in_use && (
                <>
                    <Renew done={done} />
                    <Csr />
                    <Install done={done} />
                </>
            )}
        </>
    );
}
