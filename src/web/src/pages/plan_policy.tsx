/* plan_policy: what of that which others announce is not served here: blocks, and the bounds of
 * what a cluster may announce. */
import { useState } from 'preact/hooks';
import { ask, session } from '../api';
import { clusters } from '../live';
import { Button, Field, Input, Refused, Section, Select, Working } from '../ui/bits';
import { Act } from '../ui/act';
import { Table, type Column } from '../ui/table';
import { useAsk, useDo } from '../ui/use';
import { words } from '../words';
import type { Shown } from './index';

const t = words(
    {
        blocks: 'Blocks',
        none: 'Nothing is blocked.',
        rule: 'Rule',
        pattern: 'Pattern',
        prefix: 'Prefix',
        cluster: 'Cluster',
        all: 'any',
        type: 'Kind',
        any: 'any',
        uri: 'directory URIs',
        enterprise: 'enterprise numbers',
        e164: '+E.164 numbers',
        description: 'Description',
        action: 'Action',
        remove: 'Remove',
        sure: 'Remove block {n}?',
        'sure-text': 'What it kept back is served again at once.',
        add: 'Add a block',
        'add-text': 'What matches all that is given is learned, but never answers anybody.',
        'pattern-hint': 'A URI with * for any text, or a pattern of numbers.',
        'prefix-hint': 'Numbers that begin so, such as +8166.',
        go: 'Add',
        accept: 'What a cluster may announce',
        'none-accept': 'Every cluster may announce everything.',
        domains: 'Domains',
        prefixes: 'Prefixes',
        'accept-text':
            'A cluster that is named here is answered for only within its domains and prefixes, ' +
            'and there it goes before others.',
        set: 'Bound a cluster',
        'set-hint': 'Separated by blanks.',
        save: 'Save',
        everything: 'Everything',
        'everything-title': 'May {name} announce everything?',
        'everything-text': 'Its bounds are removed.',
    },
    {
        blocks: 'ブロック',
        none: 'ブロックはありません。',
        rule: '規則',
        pattern: 'パターン',
        prefix: 'プレフィックス',
        cluster: 'クラスタ',
        all: 'すべて',
        type: '種別',
        any: 'すべて',
        uri: 'ディレクトリ URI',
        enterprise: 'エンタープライズ番号',
        e164: '+E.164 番号',
        description: '説明',
        action: '操作',
        remove: '削除',
        sure: 'ブロック {n} を削除しますか?',
        'sure-text': '抑止されていたエントリは直ちに使用されます。',
        add: 'ブロックの追加',
        'add-text': '指定した条件すべてに一致するエントリは、学習されても使用されません。',
        'pattern-hint': '任意の文字列を * で表した URI、または番号のパターン。',
        'prefix-hint': 'この数字で始まる番号。例: +8166。',
        go: '追加',
        accept: 'クラスタに認めるアドバタイズ',
        'none-accept': 'すべてのクラスタに制限はありません。',
        domains: 'ドメイン',
        prefixes: 'プレフィックス',
        'accept-text':
            'ここに記載したクラスタは、指定したドメインとプレフィックスの範囲だけが使用され、' +
            'その範囲では他のクラスタより優先されます。',
        set: 'クラスタの制限',
        'set-hint': '空白区切り。',
        save: '保存',
        everything: '制限なし',
        'everything-title': '{name} の制限を解除しますか?',
        'everything-text': 'すべてのアドバタイズが使用されます。',
    },
);

interface Block {
    rule: number;
    pattern: string | null;
    prefix: string | null;
    cluster: string | null;
    key: string | null;
    type: 'any' | 'uri' | 'enterprise' | 'e164';
    description: string | null;
}

interface Bounds {
    cluster: string;
    key: string;
    domains: string[];
    prefixes: string[];
}

const TYPES = ['any', 'uri', 'enterprise', 'e164'] as const;

const others = (): [string, string][] =>
    clusters.value.filter(c => !c.local).map(c => [c.peer_id, c.name]);

function AddBlock(props: { done: () => void }) {
    const [pattern, setPattern] = useState('');
    const [prefix, setPrefix] = useState('');
    const [cluster, setCluster] = useState('');
    const [type, setType] = useState('any');
    const [description, setDescription] = useState('');
    const doing = useDo<boolean>();
    async function add(event: Event) {
        event.preventDefault();
        const args = { pattern, prefix, cluster, type, description };
        if (!(await doing.run(() => ask('block add', args).then(() => true)))) return;
        setPattern('');
        setPrefix('');
        setDescription('');
        props.done();
    }
    return (
        <Section title={t('add')}>
            <p>{t('add-text')}</p>
            <form onSubmit={e => void add(e)}>
                <Field label={t('pattern')} for="block-pattern" hint={t('pattern-hint')}>
                    <Input id="block-pattern" value={pattern} onChange={setPattern} hinted />
                </Field>
                <Field label={t('prefix')} for="block-prefix" hint={t('prefix-hint')}>
                    <Input id="block-prefix" value={prefix} onChange={setPrefix} hinted />
                </Field>
                <Field label={t('cluster')} for="block-cluster">
                    <Select
                        id="block-cluster"
                        value={cluster}
                        onChange={setCluster}
                        options={[['', t('all')], ...others()]}
                    />
                </Field>
                <Field label={t('type')} for="block-type">
                    <Select
                        id="block-type"
                        value={type}
                        onChange={setType}
                        options={TYPES.map(one => [one, t(one)])}
                    />
                </Field>
                <Field label={t('description')} for="block-description">
                    <Input id="block-description" value={description} onChange={setDescription} />
                </Field>
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button submit kind="main" disabled={doing.busy}>
                        {t('go')}
                    </Button>
                </div>
            </form>
        </Section>
    );
}

function Blocks(props: { admin: boolean }) {
    const asked = useAsk<Block[]>('block list');
    const columns: Column<Block>[] = [
        { title: t('rule'), by: b => b.rule, cell: b => b.rule, right: true },
        { title: t('pattern'), by: b => b.pattern, cell: b => <code>{b.pattern}</code> },
        { title: t('prefix'), by: b => b.prefix, cell: b => <code>{b.prefix}</code> },
        { title: t('cluster'), by: b => b.cluster, cell: b => b.cluster ?? t('all') },
        { title: t('type'), by: b => b.type, cell: b => t(b.type) },
        { title: t('description'), by: b => b.description, cell: b => b.description },
    ];
    if (props.admin)
        columns.push({
            title: t('action'),
            cell: b => (
                <Act
                    label={t('remove')}
                    of={String(b.rule)}
                    title={t('sure', { n: b.rule })}
                    danger
                    work={() => ask('block remove', { rule: b.rule })}
                    done={asked.again}
                >
                    <p>{t('sure-text')}</p>
                </Act>
            ),
        });
    return (
        <>
            <Section title={t('blocks')}>
                <Refused refusal={asked.refusal} />
                {asked.data === undefined && asked.busy && <Working />}
                {asked.data && (
                    <Table
                        caption={t('blocks')}
                        columns={columns}
                        rows={asked.data}
                        filter={asked.data.length > 10}
                        none={t('none')}
                        keyOf={b => String(b.rule)}
                    />
                )}
            </Section>
            {props.admin && <AddBlock done={asked.again} />}
        </>
    );
}

function SetBounds(props: { done: () => void }) {
    const [cluster, setCluster] = useState('');
    const [domains, setDomains] = useState('');
    const [prefixes, setPrefixes] = useState('');
    const doing = useDo<boolean>();
    const list = (text: string) => {
        const all = text.split(/[\s,]+/).filter(one => one !== '');
        return all.length > 0 ? all : undefined;
    };
    const whose = cluster || others()[0]?.[0];
    async function save(event: Event) {
        event.preventDefault();
        const args = { cluster: whose, domain: list(domains), prefix: list(prefixes) };
        if (!(await doing.run(() => ask('accept', args).then(() => true)))) return;
        setDomains('');
        setPrefixes('');
        props.done();
    }
    if (whose === undefined) return null;
    return (
        <>
            <h3>{t('set')}</h3>
            <form onSubmit={e => void save(e)}>
                <Field label={t('cluster')} for="accept-cluster">
                    <Select
                        id="accept-cluster"
                        value={whose}
                        onChange={setCluster}
                        options={others()}
                    />
                </Field>
                <Field label={t('domains')} for="accept-domains" hint={t('set-hint')}>
                    <Input id="accept-domains" value={domains} onChange={setDomains} hinted />
                </Field>
                <Field label={t('prefixes')} for="accept-prefixes" hint={t('set-hint')}>
                    <Input id="accept-prefixes" value={prefixes} onChange={setPrefixes} hinted />
                </Field>
                <Refused refusal={doing.refusal} />
                <div class="actions">
                    <Button submit disabled={doing.busy}>
                        {t('save')}
                    </Button>
                </div>
            </form>
        </>
    );
}

function Accepted(props: { admin: boolean }) {
    const asked = useAsk<Bounds[]>('accept list');
    const columns: Column<Bounds>[] = [
        { title: t('cluster'), by: b => b.cluster, cell: b => <strong>{b.cluster}</strong> },
        { title: t('domains'), cell: b => b.domains.join(', ') || '–' },
        { title: t('prefixes'), cell: b => b.prefixes.join(', ') || '–' },
    ];
    if (props.admin)
        columns.push({
            title: t('action'),
            cell: b => (
                <Act
                    label={t('everything')}
                    of={b.cluster}
                    title={t('everything-title', { name: b.cluster })}
                    work={() => ask('accept', { cluster: b.cluster, everything: true })}
                    done={asked.again}
                >
                    <p>{t('everything-text')}</p>
                </Act>
            ),
        });
    return (
        <Section title={t('accept')}>
            <p>{t('accept-text')}</p>
            <Refused refusal={asked.refusal} />
            {asked.data === undefined && asked.busy && <Working />}
            {asked.data && (
                <Table
                    caption={t('accept')}
                    columns={columns}
                    rows={asked.data}
                    none={t('none-accept')}
                    keyOf={b => b.key}
                />
            )}
            {props.admin && <SetBounds done={asked.again} />}
        </Section>
    );
}

export function Policy(_: Shown) {
    const admin = session.value?.role === 'admin';
    return (
        <>
            <Blocks admin={admin} />
            <Accepted admin={admin} />
        </>
    );
}
