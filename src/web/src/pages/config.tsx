/* config: *Advanced Features > ILS Configuration* of the original, in its order and its words:
 * role and registration server, the exchange, the route string, how often digests are compared,
 * and the box *ILS Authentication*. Save shows first what it will disturb. */
import { useEffect, useState } from 'preact/hooks';
import { Clusters } from '../clusters';
import { ask, session } from '../api';
import { status } from '../live';
import type { Auth, Status } from '../types';
import { Button, Check, Field, Input, Notice, Refused, Section, Select, Working } from '../ui/bits';
import { useDo } from '../ui/use';
import { Verdicts } from '../verdicts';
import { words } from '../words';
import {
    formOf,
    isInvite,
    nameIt,
    preview,
    save,
    ticked,
    type Form,
    type Preview,
} from './config_form';
import { Passwords } from './config_passwords';
import { PreviewDialog } from './config_preview';
import type { Shown } from './index';

const t = words(
    {
        name: 'Name this cluster',
        id: 'Cluster ID',
        fqdn: 'Fully qualified domain name',
        'id-hint': 'What the others see: letters, digits, ". - _", at most 50.',
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
        'generation-hint': 'The same everywhere; to rotate the password: the next number.',
        accept: 'Accepted from those who dial',
        'by-password': 'Password',
        'by-tls': 'TLS certificates',
        'by-tls+password': 'TLS certificates and password',
        save: 'Save',
        saved: 'Saved.',
        nothing: 'Nothing is changed by it.',
        force: 'Do it all the same',
        verdicts: 'Attempts to join',
        more: 'More',
    },
    {
        name: 'このクラスタに名前を付ける',
        id: 'クラスタ ID',
        fqdn: '完全修飾ドメイン名',
        'id-hint': '他のクラスタに表示される名前: 英数字と「. - _」、50 文字まで。',
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
        'generation-hint': '全クラスタで同じ値。ローテーションするときは次の番号。',
        accept: '接続してくる側に認める方式',
        'by-password': 'パスワード',
        'by-tls': 'TLS 証明書',
        'by-tls+password': 'TLS 証明書とパスワード',
        save: '保存',
        saved: '保存しました。',
        nothing: '変更はありません。',
        force: 'それでも実行する',
        verdicts: '参加の試み',
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
                onChange={tls => change(ticked(form, { tls }))}
            />
            <Check
                id="use-password"
                label={t('password')}
                checked={form.password}
                disabled={fixed}
                onChange={password => change(ticked(form, { password }))}
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

/* What the form holds is looked at (dry run), shown, and then saved. */
function Editor(props: { start: Form; generation: string | null; saved: () => void }) {
    const { start, saved } = props;
    const [form, setForm] = useState<Form>(() =>
        props.generation ? { ...start, generation: props.generation } : start,
    );
    const [force, setForce] = useState(false);
    const looking = useDo<Preview>();
    const saving = useDo<Preview | null>();
    const fixed = session.value?.role !== 'admin';
    const change: Change = part => setForm(f => ({ ...f, ...part }));
    const nothing = looking.done?.changes.length === 0 && !isInvite(form.server);

    async function look(forced: boolean) {
        if (form.secret !== form.again) return;
        setForce(forced);
        saving.clear();
        await looking.run(() => preview(start, form, forced));
    }
    async function go() {
        const done = await saving.run(() => save(start, form, force));
        if (done === undefined) return;
        looking.clear();
        saved();
    }

    const forcible = looking.refusal?.next.includes('--force') && !force;
    return (
        <>
            <form
                onSubmit={e => {
                    e.preventDefault();
                    void look(false);
                }}
            >
                <Settings form={form} change={change} fixed={fixed} />
                <Authentication form={form} change={change} fixed={fixed} />
                <Refused refusal={looking.refusal} />
                {nothing && (
                    <Notice tone="info" live>
                        {t('nothing')}
                    </Notice>
                )}
                <div class="actions">
                    {!fixed && (
                        <Button submit kind="main" disabled={looking.busy || saving.busy}>
                            {t('save')}
                        </Button>
                    )}
                    {forcible && (
                        <Button kind="danger" onPress={() => void look(true)}>
                            {t('force')}
                        </Button>
                    )}
                </div>
                {looking.busy && <Working />}
            </form>
            {looking.done && !nothing && (
                <PreviewDialog
                    preview={looking.done}
                    refusal={saving.refusal}
                    busy={saving.busy}
                    onGo={() => void go()}
                    onCancel={() => {
                        looking.clear();
                        saving.clear();
                    }}
                />
            )}
        </>
    );
}

interface Held {
    generation: number;
    preferred: boolean;
}

async function load(): Promise<Form> {
    const [s, auth, sync, passwords] = await Promise.all([
        ask<Status>('status'),
        ask<Auth>('auth show'),
        ask<{ minutes: number }>('sync'),
        ask<Held[]>('password list'),
    ]);
    return formOf(s, auth, sync.minutes, passwords);
}

/* The form begins with what is set now; it begins anew when it was saved, not when something else
 * moves, so that nobody's typing is lost. */
export function Config(props: Shown) {
    const loading = useDo<Form>();
    const [turn, setTurn] = useState(0);
    const fresh = status.value?.initialised === false;
    const { run } = loading;
    useEffect(() => {
        if (!fresh) void run(load);
    }, [fresh, run]);
    async function saved() {
        await run(load);
        setTurn(n => n + 1);
    }

    if (fresh) return <Fresh />;
    return (
        <>
            <Refused refusal={loading.refusal} />
            {turn > 0 && (
                <Notice tone="good" live>
                    {t('saved')}
                </Notice>
            )}
            {loading.done === undefined ? (
                <Working />
            ) : (
                <Editor
                    key={turn}
                    start={loading.done}
                    generation={turn === 0 ? props.query.get('generation') : null}
                    saved={() => void saved()}
                />
            )}
            <Passwords turn={turn} />
            <Clusters />
            <Section title={t('verdicts')}>
                <Verdicts max={3} />
            </Section>
        </>
    );
}
