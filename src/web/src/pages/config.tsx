/* config: *Advanced Features > ILS Configuration* of the original, in its order and its words:
 * role and registration server, the exchange, the route string, how often digests are compared,
 * and the box *ILS Authentication*. Save shows first what it will disturb. */
import { useEffect, useState } from 'preact/hooks';
import { Clusters } from '../clusters';
import { session } from '../api';
import { status } from '../live';
import { said } from '../said';
import type { Auth } from '../types';
import { Button, Check, Field, Input, Notice, Refused, Section, Select, Working } from '../ui/bits';
import { useAsk, useDo } from '../ui/use';
import { Verdicts } from '../verdicts';
import { words } from '../words';
import { formOf, nameIt, save, type Form, type Saved } from './config_form';
import type { Shown } from './index';

const t = words(
    {
        name: 'Name this cluster',
        id: 'Cluster ID',
        fqdn: 'Fully qualified domain name',
        'id-hint': 'What the others see: letters, digits, hyphens, at most 32.',
        'fqdn-hint': 'It stands in the certificate of this cluster.',
        make: 'Save',
        settings: 'ILS Configuration',
        role: 'Role',
        hub: 'Hub Cluster',
        spoke: 'Spoke Cluster',
        standalone: 'Stand Alone Cluster',
        server: 'Registration Server',
        'server-hint':
            'A hub of the network: its name or address, with :PORT if it is not the usual one, ' +
            'or the token of an invite.',
        'server-hub': 'Empty for the first hub of a network.',
        exchange: 'Exchange Global Dial Plan Replication Data with Remote Clusters',
        route: 'Advertised Route String',
        every: 'Synchronize Clusters Every',
        minutes: 'minutes',
        auth: 'ILS Authentication',
        tls: 'Use TLS Certificates',
        password: 'Use Password',
        secret: 'Password *',
        again: 'Confirm Password *',
        kept: 'A password is kept; type one to change it.',
        note:
            'Note: If you are using CA Signed Identified Certificates without exchanging ' +
      'certificates, the Password must be provisioned with "Use TLS Certificate"',
        differ: 'The two passwords differ.',
        generation: 'Generation of the password',
        'generation-hint': 'The same everywhere; 1 unless it is being rotated.',
        accept: 'Accepted from those who dial',
        'by-password': 'Password',
        'by-tls': 'TLS certificates',
        'by-tls+password': 'TLS certificates and password',
        save: 'Save',
        preview: 'Preview',
        saved: 'Saved.',
        verdicts: 'Attempts to join',
        changes: 'What changes',
        waiting: 'Joining…',
        more: 'More',
    },
    {
        name: 'このクラスタに名前を付ける',
        id: 'クラスタ ID',
        fqdn: '完全修飾ドメイン名',
        'id-hint': '他のクラスタに表示される名前: 英数字とハイフン、32 文字まで。',
        'fqdn-hint': 'このクラスタの証明書に記載されます。',
        make: '保存',
        settings: 'ILS 設定',
        role: '役割',
        hub: 'ハブクラスタ',
        spoke: 'スポーククラスタ',
        standalone: 'スタンドアロンクラスタ',
        server: '登録サーバ',
        'server-hint':
            'ネットワークのハブの名前またはアドレス(通常と異なる場合は :ポート を付ける)、' +
            'または招待トークン。',
        'server-hub': 'ネットワークの最初のハブでは空欄。',
        exchange: 'グローバルダイヤルプランの複製データをリモートクラスタと交換する',
        route: 'アドバタイズされたルート文字列',
        every: 'クラスタの同期間隔',
        minutes: '分',
        auth: 'ILS 認証',
        tls: 'TLS 証明書を使用',
        password: 'パスワードを使用',
        secret: 'パスワード *',
        again: 'パスワードの確認 *',
        kept: 'パスワードは保存済みです。変更する場合のみ入力してください。',
        note:
            '注: 証明書を交換せずに CA 署名済みの ID 証明書を使用する場合は、' +
            '「TLS 証明書を使用」とともにパスワードを設定する必要があります。',
        differ: '2 つのパスワードが一致しません。',
        generation: 'パスワードの世代',
        'generation-hint': '全クラスタで同じ値。ローテーション中でなければ 1。',
        accept: '接続してくる側に認める方式',
        'by-password': 'パスワード',
        'by-tls': 'TLS 証明書',
        'by-tls+password': 'TLS 証明書とパスワード',
        save: '保存',
        preview: 'プレビュー',
        saved: '保存しました。',
        verdicts: '参加の試み',
        changes: '変更内容',
        waiting: '参加しています…',
        more: '詳細',
    },
);

const METHODS = ['password', 'tls', 'tls+password'] as const;

function Fresh() {
    const [id, setId] = useState('');
    const [fqdn, setFqdn] = useState('');
    const doing = useDo<unknown>();
    return (
        <Section title={t('name')}>
            <form
                onSubmit={e => {
                    e.preventDefault();
                    void doing.run(() => nameIt(id, fqdn));
                }}
            >
                <Field label={t('id')} for="cluster-id" hint={t('id-hint')}>
                    <Input id="cluster-id" value={id} onChange={setId} required hinted />
                </Field>
                <Field label={t('fqdn')} for="fqdn" hint={t('fqdn-hint')}>
                    <Input id="fqdn" value={fqdn} onChange={setFqdn} required hinted />
                </Field>
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy}>
                        {t('make')}
                    </Button>
                </div>
            </form>
        </Section>
    );
}

type Change = (part: Partial<Form>) => void;

function Settings(props: { form: Form; change: Change; fixed: boolean }) {
    const { form, change, fixed } = props;
    return (
        <Section title={t('settings')}>
            <Field label={t('role')} for="role">
                <Select
                    id="role"
                    value={form.role}
                    disabled={fixed}
                    onChange={role => change({ role: role as Form['role'] })}
                    options={[
                        ['standalone', t('standalone')],
                        ['hub', t('hub')],
                        ['spoke', t('spoke')],
                    ]}
                />
            </Field>
            {form.role !== 'standalone' && (
                <Field
                    label={t('server')}
                    for="server"
                    hint={t('server-hint') + (form.role === 'hub' ? ` ${t('server-hub')}` : '')}
                >
                    <Input
                        id="server"
                        value={form.server}
                        disabled={fixed}
                        hinted
                        required={form.role === 'spoke'}
                        onChange={server => change({ server })}
                    />
                </Field>
            )}
            <Check
                id="exchange"
                label={t('exchange')}
                checked={form.exchange}
                disabled={fixed}
                onChange={exchange => change({ exchange })}
            />
            <Field label={t('route')} for="route">
                <Input
                    id="route"
                    value={form.route}
                    disabled={fixed}
                    onChange={route => change({ route })}
                />
            </Field>
            <Field label={t('every')} for="every">
                <Input
                    id="every"
                    type="number"
                    value={form.minutes}
                    disabled={fixed}
                    onChange={minutes => change({ minutes })}
                />{' '}
                {t('minutes')}
            </Field>
        </Section>
    );
}

function Secret(props: { form: Form; change: Change; fixed: boolean }) {
    const { form, change, fixed } = props;
    const differ = form.again !== '' && form.again !== form.secret;
    return (
        <>
            <Field label={t('secret')} for="secret" hint={form.kept ? t('kept') : undefined}>
                <Input
                    id="secret"
                    type="password"
                    value={form.secret}
                    auto="new-password"
                    disabled={fixed}
                    hinted={form.kept}
                    required={form.password && !form.kept}
                    onChange={secret => change({ secret })}
                />
            </Field>
            <Field label={t('again')} for="again" hint={differ ? t('differ') : undefined}>
                <Input
                    id="again"
                    type="password"
                    value={form.again}
                    auto="new-password"
                    disabled={fixed}
                    hinted={differ}
                    required={form.secret !== ''}
                    onChange={again => change({ again })}
                />
            </Field>
            <details>
                <summary>{t('more')}</summary>
                <Field label={t('generation')} for="generation" hint={t('generation-hint')}>
                    <Input
                        id="generation"
                        type="number"
                        value={form.generation}
                        disabled={fixed}
                        hinted
                        onChange={generation => change({ generation })}
                    />
                </Field>
            </details>
        </>
    );
}

function Authentication(props: { form: Form; change: Change; fixed: boolean }) {
    const { form, change, fixed } = props;
    const accept = (method: string, on: boolean) =>
        change({ accept: on ? [...form.accept, method] : form.accept.filter(m => m !== method) });
    return (
        <Section title={t('auth')}>
            <Check
                id="tls"
                label={t('tls')}
                checked={form.tls}
                disabled={fixed}
                onChange={tls => change({ tls })}
            />
            <Check
                id="use-password"
                label={t('password')}
                checked={form.password}
                disabled={fixed}
                onChange={password => change({ password })}
            />
            <Secret form={form} change={change} fixed={fixed} />
            <p class="note">{t('note')}</p>
            <fieldset>
                <legend>{t('accept')}</legend>
                {METHODS.map(m => (
                    <Check
                        key={m}
                        id={`accept-${m}`}
                        label={t(`by-${m}`)}
                        checked={form.accept.includes(m)}
                        disabled={fixed}
                        onChange={on => accept(m, on)}
                    />
                ))}
            </fieldset>
        </Section>
    );
}

function Editor(props: { start: Form; generation: string | null; saved: () => void }) {
    const [form, setForm] = useState<Form>(() =>
        props.generation ? { ...props.start, generation: props.generation } : props.start,
    );
    const doing = useDo<Saved>();
    const fixed = session.value?.role !== 'admin';
    const change: Change = part => setForm(f => ({ ...f, ...part }));

    async function go(event: Event) {
        event.preventDefault();
        if (form.secret !== form.again) return;
        const done = await doing.run(() => save(props.start, form));
        if (done) props.saved();
    }

    return (
        <form onSubmit={e => void go(e)}>
            <Settings form={form} change={change} fixed={fixed} />
            <Authentication form={form} change={change} fixed={fixed} />
            <Refused refusal={doing.refusal} />
            {doing.done && (
                <Notice tone="good" live title={t('saved')}>
                    {doing.done.said.map(text => (
                        <p key={text}>{said(text)}</p>
                    ))}
                </Notice>
            )}
            {doing.busy && <Working />}
            {!fixed && (
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy}>
                        {t('save')}
                    </Button>
                </div>
            )}
        </form>
    );
}

export function Config(props: Shown) {
    const auth = useAsk<Auth>('auth show');
    const every = useAsk<{ minutes: number }>('sync');
    const passwords = useAsk<{ generation: number; preferred: boolean }[]>('password list');
    const [start, setStart] = useState<Form | null>(null);

    const s = status.value;
    const all = s && auth.data && every.data && passwords.data;

    useEffect(() => {
        if (s?.initialised && auth.data && every.data && passwords.data && start === null)
            setStart(formOf(s, auth.data, every.data.minutes, passwords.data));
    }, [all, start]);

    if (s && !s.initialised) return <Fresh />;
    return (
        <>
            <Refused refusal={auth.refusal ?? every.refusal ?? passwords.refusal} />
            {start === null ? (
                <Working />
            ) : (
                <Editor
                    start={start}
                    generation={props.query.get('generation')}
                    saved={() => undefined}
                />
            )}
            <Clusters />
            <Section title={t('verdicts')}>
                <Verdicts max={3} />
            </Section>
        </>
    );
}
