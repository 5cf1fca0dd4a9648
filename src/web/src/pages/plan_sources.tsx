/* plan_sources: where entries come from by themselves: a watched file, a database, a directory. */
import { useState } from 'preact/hooks';
import { ask, session, type Args } from '../api';
import { status } from '../live';
import { said } from '../said';
import {
    Button,
    Check,
    Chip,
    Command,
    Field,
    Input,
    Notice,
    Refused,
    Section,
    Select,
    Working,
    type Tone,
} from '../ui/bits';
import { Act } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { Table, type Column } from '../ui/table';
import { useAgain, useAsk, useDo } from '../ui/use';
import { number, when, words } from '../words';
import type { Shown } from './index';
import { Preview, RefusedRows, type Would } from './plan_bits';

const t = words(
    {
        title: 'Sources',
        none: 'There is no source: entries are imported or added by hand.',
        name: 'Name',
        kind: 'Kind',
        place: 'Place',
        every: 'Every',
        seconds: '{n} s',
        state: 'State',
        good: 'good',
        failed: 'failed',
        waiting: 'waiting',
        running: 'running',
        entries: 'Entries',
        last: 'Last run',
        'last-good': 'last good: {at}',
        action: 'Action',
        test: 'Test',
        tested: 'What {name} gives',
        counts: '{entries} entries: {uris} URIs, {numbers} numbers, {patterns} patterns',
        would: 'What a run would do',
        run: 'Run now',
        'run-title': 'Run {name} now?',
        force: 'Also where most of its entries would go',
        ran: '{name}: {added} added, {removed} removed',
        remove: 'Remove',
        sure: 'Remove the source {name}?',
        'with-entries': 'Its entries go as well',
        'sure-text': 'Without, they stay under its name.',
        removed: '{name} was removed; {n} entries of it are still there.',
        add: 'Add a source',
        go: 'Add',
        added: '{name} was added: {n} entries.',
        file: 'watched CSV file',
        sqlite: 'SQLite',
        postgresql: 'PostgreSQL',
        mariadb: 'MariaDB',
        ldap: 'LDAP directory',
        path: 'File on the host of ilsd (whole path)',
        dsn: 'Where (DSN)',
        url: 'Where (ldap:// or ldaps:// URL)',
        query: 'SQL query',
        'query-hint': 'Gives the columns type, key and failover.',
        base: 'Base DN',
        filter: 'Filter',
        attributes: 'Attributes',
        'attributes-hint': 'Which attribute is what, as docs/sources.md says.',
        bind: 'Bind DN',
        password_file: 'File with the password (whole path)',
        ca: 'File with the authority (whole path)',
        plain: 'Without TLS',
        domain: 'Domain of users without one',
        encoding: 'Encoding',
        'every-field': 'Asked every (seconds)',
        'every-hint': 'Empty: 300.',
    },
    {
        title: 'ソース',
        none: 'ソースはありません。エントリはインポートまたは手動で追加します。',
        name: '名前',
        kind: '種類',
        place: '場所',
        every: '間隔',
        seconds: '{n} 秒',
        state: '状態',
        good: '正常',
        failed: '失敗',
        waiting: '待機中',
        running: '実行中',
        entries: 'エントリ数',
        last: '最終実行',
        'last-good': '最終成功: {at}',
        action: '操作',
        test: 'テスト',
        tested: '{name} の内容',
        counts: '{entries} 件: URI {uris}、番号 {numbers}、パターン {patterns}',
        would: '実行した場合の変更',
        run: '今すぐ実行',
        'run-title': '{name} を今すぐ実行しますか?',
        force: '大半のエントリが削除される場合も実行する',
        ran: '{name}: 追加 {added}、削除 {removed}',
        remove: '削除',
        sure: 'ソース {name} を削除しますか?',
        'with-entries': 'エントリも削除する',
        'sure-text': '指定しない場合、エントリはこの名前のまま残ります。',
        removed: '{name} を削除しました。エントリ {n} 件が残っています。',
        add: 'ソースの追加',
        go: '追加',
        added: '{name} を追加しました: {n} 件。',
        file: '監視する CSV ファイル',
        sqlite: 'SQLite',
        postgresql: 'PostgreSQL',
        mariadb: 'MariaDB',
        ldap: 'LDAP ディレクトリ',
        path: 'ilsd のホスト上のファイル(絶対パス)',
        dsn: '接続先(DSN)',
        url: '接続先(ldap:// または ldaps:// の URL)',
        query: 'SQL クエリ',
        'query-hint': '列 type、key、failover を返すもの。',
        base: 'ベース DN',
        filter: 'フィルタ',
        attributes: '属性',
        'attributes-hint': '属性の対応は docs/sources.md を参照。',
        bind: 'バインド DN',
        password_file: 'パスワードのファイル(絶対パス)',
        ca: '認証局のファイル(絶対パス)',
        plain: 'TLS を使用しない',
        domain: 'ドメインのないユーザのドメイン',
        encoding: '文字コード',
        'every-field': '実行間隔(秒)',
        'every-hint': '空欄: 300。',
    },
);

const KINDS = ['file', 'sqlite', 'postgresql', 'mariadb', 'ldap'] as const;
type Kind = (typeof KINDS)[number];

interface Source {
    name: string;
    kind: Kind;
    place: string;
    every: number;
    state: 'good' | 'failed' | 'waiting' | 'running';
    entries: number;
    last_run: string | null;
    last_good: string | null;
    error: string | null;
    next: string | null;
    more: string[];
}

interface Ran {
    entries: number;
    uris: number;
    numbers: number;
    patterns: number;
    added: number;
    removed: number;
    would?: Would;
}

const tones: Record<Source['state'], Tone> = {
    good: 'good',
    failed: 'bad',
    waiting: 'info',
    running: 'info',
};

/* What each kind is asked for beside its place. */
const fields: Record<Kind, (keyof typeof labels)[]> = {
    file: ['encoding'],
    sqlite: ['query', 'domain'],
    postgresql: ['query', 'password_file', 'domain'],
    mariadb: ['query', 'password_file', 'domain'],
    ldap: ['base', 'filter', 'attributes', 'bind', 'password_file', 'ca', 'domain'],
};

const labels = {
    encoding: 'encoding',
    query: 'query',
    base: 'base',
    filter: 'filter',
    attributes: 'attributes',
    bind: 'bind',
    password_file: 'password_file',
    ca: 'ca',
    domain: 'domain',
} as const;

const placeOf = (kind: Kind) =>
    kind === 'file' || kind === 'sqlite' ? t('path') : kind === 'ldap' ? t('url') : t('dsn');

function Add(props: { done: (text: string) => void; again: () => void }) {
    const [kind, setKind] = useState<Kind>('file');
    const [name, setName] = useState('');
    const [given, setGiven] = useState<Record<string, string>>({});
    const [plain, setPlain] = useState(false);
    const [every, setEvery] = useState('');
    const doing = useDo<Ran>();
    const put = (key: string) => (value: string) => setGiven(g => ({ ...g, [key]: value }));

    async function add(event: Event) {
        event.preventDefault();
        const args: Args = { name, kind, place: given.place };
        for (const field of fields[kind]) args[field] = given[field];
        if (kind === 'ldap') args.plain = plain || undefined;
        if (every !== '') args.every = Number(every);
        const got = await doing.run(() => ask('source add', args));
        props.again();
        if (got === undefined) return;
        setName('');
        setGiven({});
        props.done(t('added', { name, n: number(got.entries) }));
    }
    return (
        <Section title={t('add')}>
            <form onSubmit={e => void add(e)}>
                <Field label={t('name')} for="source-name">
                    <Input id="source-name" value={name} onChange={setName} required />
                </Field>
                <Field label={t('kind')} for="source-kind">
                    <Select
                        id="source-kind"
                        value={kind}
                        onChange={value => setKind(value as Kind)}
                        options={KINDS.map(k => [k, t(k)])}
                    />
                </Field>
                <Field label={placeOf(kind)} for="source-place">
                    <Input
                        id="source-place"
                        value={given.place ?? ''}
                        onChange={put('place')}
                        required
                    />
                </Field>
                {fields[kind].map(field => (
                    <Field
                        key={field}
                        label={t(labels[field])}
                        for={`source-${field}`}
                        hint={
                            field === 'query'
                                ? t('query-hint')
                                : field === 'attributes'
                                  ? t('attributes-hint')
                                  : undefined
                        }
                    >
                        <Input
                            id={`source-${field}`}
                            value={given[field] ?? ''}
                            onChange={put(field)}
                            hinted={field === 'query' || field === 'attributes'}
                        />
                    </Field>
                ))}
                {kind === 'ldap' && (
                    <Check
                        id="source-plain"
                        label={t('plain')}
                        checked={plain}
                        onChange={setPlain}
                    />
                )}
                <Field label={t('every-field')} for="source-every" hint={t('every-hint')}>
                    <Input
                        id="source-every"
                        type="number"
                        value={every}
                        onChange={setEvery}
                        hinted
                    />
                </Field>
                <RefusedRows refusal={doing.refusal} />
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy}>
                        {t('go')}
                    </Button>
                </div>
                {doing.busy && <Working />}
            </form>
        </Section>
    );
}

function Tested(props: { name: string; onEnd: () => void }) {
    const asked = useAsk<Ran>('source test', { name: props.name });
    const got = asked.data;
    return (
        <Dialog title={t('tested', { name: props.name })} onCancel={props.onEnd}>
            {asked.busy && <Working />}
            <RefusedRows refusal={asked.refusal} />
            {got && (
                <>
                    <p>
                        {t('counts', {
                            entries: number(got.entries),
                            uris: number(got.uris),
                            numbers: number(got.numbers),
                            patterns: number(got.patterns),
                        })}
                    </p>
                    {got.would && (
                        <>
                            <h3>{t('would')}</h3>
                            <Preview would={got.would} />
                        </>
                    )}
                </>
            )}
        </Dialog>
    );
}

function Actions(props: { of: Source; done: (text: string) => void; onTest: () => void }) {
    const { name } = props.of;
    const [force, setForce] = useState(false);
    const [entries, setEntries] = useState(false);
    return (
        <span class="both">
            <Button label={`${t('test')}: ${name}`} onPress={props.onTest}>
                {t('test')}
            </Button>
            <Act
                label={t('run')}
                of={name}
                title={t('run-title', { name })}
                work={() => ask<Ran>('source run', { name, force: force || undefined })}
                done={got =>
                    props.done(
                        t('ran', { name, added: number(got.added), removed: number(got.removed) }),
                    )
                }
            >
                <Check
                    id={`force-${name}`}
                    label={t('force')}
                    checked={force}
                    onChange={setForce}
                />
            </Act>
            <Act
                label={t('remove')}
                of={name}
                title={t('sure', { name })}
                danger
                work={() =>
                    ask<{ entries: number }>('source remove', {
                        name,
                        entries: entries || undefined,
                    })
                }
                done={got => props.done(t('removed', { name, n: number(got.entries) }))}
            >
                <Check
                    id={`entries-${name}`}
                    label={t('with-entries')}
                    checked={entries}
                    onChange={setEntries}
                />
                <p class="hint">{t('sure-text')}</p>
            </Act>
        </span>
    );
}

function State(props: { of: Source }) {
    const s = props.of;
    return (
        <>
            <Chip tone={tones[s.state]}>{t(s.state)}</Chip>
            {s.error && <p>{said(s.error)}</p>}
            {s.more.map(line => (
                <p key={line}>{said(line)}</p>
            ))}
            {s.next && <Command text={s.next} at="here" />}
        </>
    );
}

export function Sources(_: Shown) {
    const asked = useAsk<Source[]>('source list');
    const [text, setText] = useState('');
    const [testing, setTesting] = useState<string | null>(null);
    useAgain(asked.again, status.value);
    const admin = session.value?.role === 'admin';
    function done(what: string) {
        setText(what);
        asked.again();
    }
    const columns: Column<Source>[] = [
        { title: t('name'), by: s => s.name, cell: s => <strong>{s.name}</strong> },
        { title: t('kind'), by: s => s.kind, cell: s => t(s.kind) },
        { title: t('place'), by: s => s.place, cell: s => <code>{s.place}</code> },
        {
            title: t('every'),
            by: s => s.every,
            cell: s => t('seconds', { n: number(s.every) }),
            right: true,
        },
        { title: t('state'), by: s => s.state, cell: s => <State of={s} /> },
        { title: t('entries'), by: s => s.entries, cell: s => number(s.entries), right: true },
        {
            title: t('last'),
            by: s => s.last_run,
            cell: s => (
                <>
                    {when(s.last_run)}
                    {s.last_good !== s.last_run && (
                        <p class="hint">{t('last-good', { at: when(s.last_good) })}</p>
                    )}
                </>
            ),
        },
    ];
    if (admin)
        columns.push({
            title: t('action'),
            cell: s => <Actions of={s} done={done} onTest={() => setTesting(s.name)} />,
        });
    return (
        <>
            {text !== '' && <Notice tone="good" live title={text} />}
            <Section title={t('title')}>
                <Refused refusal={asked.refusal} />
                {asked.data === undefined && asked.busy && <Working />}
                {asked.data && (
                    <Table
                        caption={t('title')}
                        columns={columns}
                        rows={asked.data}
                        none={t('none')}
                        keyOf={s => s.name}
                    />
                )}
            </Section>
            {admin && <Add done={done} again={asked.again} />}
            {testing !== null && <Tested name={testing} onEnd={() => setTesting(null)} />}
        </>
    );
}
