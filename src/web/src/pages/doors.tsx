/* doors: where call controllers and people ask: each door with its address, who may come, how fast,
 * and what it has done; and the tokens of the HTTP door. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { said } from '../said';
import { Act } from '../ui/act';
import { Button, Chip, Command, Field, Input, Notice, Refused, Section } from '../ui/bits';
import { Dialog } from '../ui/dialog';
import { Table, type Column } from '../ui/table';
import { useAsk, useDo } from '../ui/use';
import { number, words } from '../words';

const t = words(
    {
        doors: 'Doors',
        door: 'Door',
        listen: 'Address',
        state: 'State',
        allow: 'Who may come',
        rate: 'Rate',
        counts: 'So far',
        change: 'Change',
        title: 'The door {door}',
        'listen-hint': 'ADDRESS:PORT, or off.',
        'allow-hint': 'Networks with blanks between them, private or any.',
        'rate-hint': 'Requests per second and address; 0: no limit.',
        'no-limit': 'no limit',
        save: 'Save',
        tokens: 'Tokens of the HTTP door',
        name: 'Name',
        remove: 'Remove',
        add: 'Make a token',
        none: 'There is no token: nobody is let in by one.',
        once: 'The token of {name}. It is shown this once:',
        sure: 'Remove the token {name}?',
        'sure-text': 'Whoever uses it is refused from now on.',
    },
    {
        doors: 'ドア',
        door: 'ドア',
        listen: 'アドレス',
        state: '状態',
        allow: '許可する接続元',
        rate: 'レート',
        counts: 'これまでの件数',
        change: '変更',
        title: 'ドア {door}',
        'listen-hint': 'アドレス:ポート、または off。',
        'allow-hint': 'ネットワークを空白で区切る。private または any も可。',
        'rate-hint': 'アドレスごとの毎秒の要求数。0 は無制限。',
        'no-limit': '無制限',
        save: '保存',
        tokens: 'HTTP ドアのトークン',
        name: '名前',
        remove: '削除',
        add: 'トークンを作成',
        none: 'トークンはありません。',
        once: '{name} のトークン。表示されるのは今回だけです:',
        sure: 'トークン {name} を削除しますか?',
        'sure-text': 'このトークンによる要求は以後拒否されます。',
    },
);

/* What a door counts, by its name in the answer. */
const counted = words(
    {
        requests: 'requests',
        redirects: 'redirects',
        not_found: 'not found',
        not_allowed: 'not allowed',
        too_fast: 'too fast',
        passed_over: 'passed over',
        tls_failed: 'TLS failed',
        answers: 'answers',
        refused: 'refused',
        malformed: 'malformed',
        truncated: 'truncated',
        slipped: 'slipped',
        lookups: 'lookups',
        found: 'found',
        unauthorised: 'unauthorised',
        late: 'late',
        logins: 'logins',
        wrong_logins: 'wrong logins',
        sessions: 'sessions',
    },
    {
        requests: '要求',
        redirects: 'リダイレクト',
        not_found: '該当なし',
        not_allowed: '接続元不許可',
        too_fast: 'レート超過',
        passed_over: '処理せず破棄',
        tls_failed: 'TLS 失敗',
        answers: '応答',
        refused: '拒否',
        malformed: '形式不正',
        truncated: '切り詰め',
        slipped: '間引き応答',
        lookups: '検索',
        found: '該当あり',
        unauthorised: '認証なし',
        late: '遅延',
        logins: 'ログイン',
        wrong_logins: 'ログイン失敗',
        sessions: 'セッション',
    },
);

type Counted = Parameters<typeof counted>[0];

interface Door {
    door: string;
    listen: string;
    open: boolean;
    state: string;
    error: string | null;
    allow: string[];
    rate: number;
    counts: Partial<Record<Counted, number>>;
}

interface Token {
    name: string;
}

function Change(props: { door: Door; done: () => void; onCancel: () => void }) {
    const d = props.door;
    const [listen, setListen] = useState(d.listen);
    const [allow, setAllow] = useState(d.allow.join(' '));
    const [rate, setRate] = useState(String(d.rate));
    const doing = useDo<unknown>();
    async function go() {
        const args: Record<string, unknown> = { door: d.door };
        if (listen.trim() !== d.listen) args.listen = listen.trim();
        if (allow.trim() !== d.allow.join(' ')) args.allow = allow.trim().split(/[\s,]+/);
        if (Number(rate) !== d.rate) args.rate = Number(rate);
        if (Object.keys(args).length === 1) props.done();
        else if ((await doing.run(() => ask('door set', args))) !== undefined) props.done();
    }
    return (
        <Dialog
            title={t('title', { door: d.door })}
            go={t('save')}
            busy={doing.busy}
            onGo={() => void go()}
            onCancel={props.onCancel}
        >
            <Field label={t('listen')} for="listen" hint={t('listen-hint')}>
                <Input id="listen" value={listen} onChange={setListen} required hinted />
            </Field>
            <Field label={t('allow')} for="allow" hint={t('allow-hint')}>
                <textarea
                    id="allow"
                    aria-describedby="allow-hint"
                    value={allow}
                    onInput={e => setAllow(e.currentTarget.value)}
                />
            </Field>
            <Field label={t('rate')} for="rate" hint={t('rate-hint')}>
                <Input id="rate" type="number" value={rate} onChange={setRate} hinted />
            </Field>
            <Refused refusal={doing.refusal} />
        </Dialog>
    );
}

function Tokens(props: { admin: boolean }) {
    const asked = useAsk<Token[]>('token list');
    const [name, setName] = useState('');
    const making = useDo<{ token: string; name: string }>();
    async function make(event: Event) {
        event.preventDefault();
        const done = await making.run(async () => {
            const { token } = await ask<{ token: string }>('token add', { name });
            return { token, name };
        });
        if (done) setName('');
        asked.again();
    }
    const columns: Column<Token>[] = [
        { title: t('name'), by: x => x.name, cell: x => x.name },
        {
            title: t('remove'),
            cell: x =>
                props.admin && (
                    <Act
                        label={t('remove')}
                        of={x.name}
                        title={t('sure', { name: x.name })}
                        danger
                        work={() => ask('token remove', { name: x.name })}
                        done={asked.again}
                    >
                        <p>{t('sure-text')}</p>
                    </Act>
                ),
        },
    ];
    return (
        <Section title={t('tokens')}>
            <Refused refusal={asked.refusal ?? making.refusal} />
            {making.done && (
                <Notice tone="good" live title={t('once', { name: making.done.name })}>
                    <p>
                        <Command text={making.done.token} />
                    </p>
                </Notice>
            )}
            <Table
                caption={t('tokens')}
                columns={columns}
                rows={asked.data ?? []}
                none={t('none')}
                keyOf={x => x.name}
            />
            {props.admin && (
                <form onSubmit={e => void make(e)}>
                    <Field label={t('name')} for="token">
                        <Input id="token" value={name} onChange={setName} required />
                    </Field>
                    <div class="actions">
                        <Button submit disabled={making.busy}>
                            {t('add')}
                        </Button>
                    </div>
                </form>
            )}
        </Section>
    );
}

export function Doors() {
    const asked = useAsk<Door[]>('door list');
    const [changing, setChanging] = useState<Door | null>(null);
    const admin = session.value?.role === 'admin';
    const columns: Column<Door>[] = [
        { title: t('door'), by: d => d.door, cell: d => <strong>{d.door}</strong> },
        { title: t('listen'), by: d => d.listen, cell: d => <code>{d.listen}</code> },
        {
            title: t('state'),
            by: d => d.state,
            cell: d => (
                <>
                    <Chip tone={d.error ? 'bad' : d.open ? 'good' : 'plain'}>{said(d.state)}</Chip>
                    {d.error && <div>{said(d.error)}</div>}
                </>
            ),
        },
        { title: t('allow'), cell: d => d.allow.join(' ') },
        { title: t('rate'), cell: d => (d.rate === 0 ? t('no-limit') : number(d.rate)) },
        {
            title: t('counts'),
            cell: d =>
                Object.entries(d.counts)
                    .filter(([, n]) => n > 0)
                    .map(([what, n]) => `${counted(what as Counted)} ${number(n)}`)
                    .join(', '),
        },
        {
            title: t('change'),
            cell: d =>
                admin && (
                    <Button
                        label={`${t('change')}: ${d.door}`}
                        opens
                        onPress={() => setChanging(d)}
                    >
                        {t('change')}
                    </Button>
                ),
        },
    ];
    return (
        <>
            <Section title={t('doors')}>
                <Refused refusal={asked.refusal} />
                <Table
                    caption={t('doors')}
                    columns={columns}
                    rows={asked.data ?? []}
                    keyOf={d => d.door}
                />
            </Section>
            <Tokens admin={admin} />
            {changing && (
                <Change
                    door={changing}
                    done={() => {
                        setChanging(null);
                        asked.again();
                    }}
                    onCancel={() => setChanging(null)}
                />
            )}
        </>
    );
}
